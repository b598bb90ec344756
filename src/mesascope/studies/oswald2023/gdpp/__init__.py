"""GD++ of von Oswald et al. 2023 (appendix A.10): what it is, and how good it can be."""
