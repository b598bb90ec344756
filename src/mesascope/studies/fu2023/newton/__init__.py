"""The layers of a deep stack against Newton's iterates and against gradient steps."""
