"""The version: results are kept by it."""

__version__ = "0.1.0"
