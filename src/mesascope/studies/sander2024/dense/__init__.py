"""A next check of Sander et al. 2024: dense heads for diagonal ones."""
