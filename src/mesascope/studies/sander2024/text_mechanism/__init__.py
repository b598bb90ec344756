"""A next check of Sander et al. 2024: what the layer without augmented tokens learns from real text."""
