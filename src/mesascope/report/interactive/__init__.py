"""A figure of matplotlib as figures of plotly, one a panel, whatever drew it."""
