"""Figure 13 of von Oswald et al. 2023: the curvature that trained layers choose, and what it does to the spectrum."""
