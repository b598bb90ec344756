"""Where results are kept: a file a cell, named by its configuration, with how it came about."""
