"""Which algorithm the trained models of both papers are said to run."""
