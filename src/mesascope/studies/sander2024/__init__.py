"""Sander et al. 2024 (arXiv 2402.05787), How do Transformers perform in-context autoregressive learning?"""
