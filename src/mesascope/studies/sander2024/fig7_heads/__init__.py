"""Figure 7 of Sander et al. 2024: heads on plain tokens, by their number, on dynamics that do not commute."""
