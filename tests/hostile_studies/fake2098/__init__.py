"""A paper that nobody wrote."""
