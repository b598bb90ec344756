"""Other people's models as subjects."""
