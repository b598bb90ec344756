"""Sequence models: tokens, attention layers and the Transformer made of them."""
