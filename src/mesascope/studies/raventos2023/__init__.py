"""Raventos et al. 2023: pretraining task diversity and in-context learning of regression."""
