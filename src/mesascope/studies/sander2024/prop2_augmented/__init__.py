"""Proposition 2 of Sander et al. 2024: on augmented tokens one layer makes one step of gradient descent."""
