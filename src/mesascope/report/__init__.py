"""What a result looks like: figures in one style, tables of verdicts. Knows no study by name."""
