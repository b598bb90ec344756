"""Figures 7 and 8 of von Oswald et al. 2023: ten tied layers, and twelve blocks with perceptrons, against GD++."""
