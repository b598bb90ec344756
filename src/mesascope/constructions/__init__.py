"""Explicit weights that make a model equal an algorithm: one file a construction."""
