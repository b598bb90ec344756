"""Label noise: deep stacks predict as ridge regression with the penalty that the noise asks for."""
