"""Label noise and weight regularisation: what von Oswald et al. 2023 leave open."""
