"""Figure 4 of von Oswald et al. 2023: sine waves, by attention on what a perceptron makes of the tokens."""
