"""Theorems 4.1 and 4.2 of Zhang et al. 2023: what gradient flow finds, and which shifts it stands."""
