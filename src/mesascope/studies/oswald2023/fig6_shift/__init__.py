"""Figure 6 of von Oswald et al. 2023: trained stacks and their rivals away from the training task."""
