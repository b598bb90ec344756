"""The report: one HTML page that needs no other file. Knows no study by name."""
