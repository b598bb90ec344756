"""Distributions over prompts: one file a task or wrapper."""
