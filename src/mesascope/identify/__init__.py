"""Which algorithm a model runs: one small file a step."""
