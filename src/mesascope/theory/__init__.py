"""Closed forms, such as best step sizes and population losses, to hold algorithms and models to."""
