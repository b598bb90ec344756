"""What a study is made of: claims, cells, a store, results. Knows no study, no task and no model."""
