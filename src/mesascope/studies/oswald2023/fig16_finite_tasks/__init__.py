"""Figure 16 of von Oswald et al. 2023: trained on finitely many tasks."""
