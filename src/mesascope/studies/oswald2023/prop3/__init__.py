"""Proposition 3 of von Oswald et al. 2023: attention builds tokens by copying the next one."""
