"""Figures 11 and 12 of von Oswald et al. 2023: softmax heads, one and two."""
