"""Closed forms that only tests need: what the library computes is held against them."""
