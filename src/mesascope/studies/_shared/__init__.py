"""What studies of several papers use."""
