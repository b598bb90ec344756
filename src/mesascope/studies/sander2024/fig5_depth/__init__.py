"""Figure 5 of Sander et al. 2024: models of one to six layers on dynamics that do not commute."""
