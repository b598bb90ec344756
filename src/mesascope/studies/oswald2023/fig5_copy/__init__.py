"""Figure 5 of von Oswald et al. 2023: on standard tokens the first layer learns to copy, then the second descends."""
