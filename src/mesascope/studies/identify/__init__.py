"""How far `identify` itself can be trusted."""
