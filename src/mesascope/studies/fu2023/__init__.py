"""Fu et al. 2023 (arXiv 2310.17086), Transformers learn higher-order optimization methods for in-context learning."""
