"""Figure 14 of von Oswald et al. 2023: linear attention behind layer normalisation."""
