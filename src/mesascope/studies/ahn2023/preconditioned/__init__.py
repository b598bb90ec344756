"""Theorem 1 of Ahn et al. 2023: the best linear attention layer makes a preconditioned gradient step."""
