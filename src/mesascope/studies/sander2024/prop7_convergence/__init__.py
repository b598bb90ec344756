"""An open question of Sander et al. 2024: how fast position weights are learned, by the law of W."""
