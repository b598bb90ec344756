"""Proposition 2 of von Oswald et al. 2023: a perceptron and attention are a gradient step on deep features."""
