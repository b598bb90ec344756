"""Figure 15 of von Oswald et al. 2023: the loss stays on a plateau, then falls; one head and two."""
