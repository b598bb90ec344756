"""Figure 9 of von Oswald et al. 2023: the weights of trained layers, beside the constructions."""
