"""Ahn et al. 2023 (arXiv 2306.00297), Transformers learn to implement preconditioned gradient descent."""
