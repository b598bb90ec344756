"""Figure 2 of von Oswald et al. 2023: one trained attention layer is one step of gradient descent."""
