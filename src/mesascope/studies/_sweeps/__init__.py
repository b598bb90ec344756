"""Sweeps that answer a question, each declared in a file of its own."""
