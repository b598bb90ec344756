"""Learning algorithms as predictors: one file an algorithm."""
