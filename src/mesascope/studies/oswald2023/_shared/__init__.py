"""What several studies of this paper use."""
