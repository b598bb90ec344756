"""Zhang et al. 2023 (arXiv 2306.09927), Trained Transformers learn linear models in-context."""
