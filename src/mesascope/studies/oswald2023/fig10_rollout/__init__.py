"""Figure 10 of von Oswald et al. 2023: one trained layer applied fifty times, at four dampenings."""
