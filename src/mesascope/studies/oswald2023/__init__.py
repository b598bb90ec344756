"""Von Oswald et al. 2023 (arXiv 2212.07677), Transformers learn in-context by gradient descent."""
