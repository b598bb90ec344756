"""Figure 3b of von Oswald et al. 2023: five layers of their own weights against five steps of GD++."""
