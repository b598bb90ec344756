"""Figures as a page prints them: their width, their style, rows of panels, and legends that cover no data."""
