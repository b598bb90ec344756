"""Which cells are missing, and running them: here, one after the other, or side by side in processes of their own."""
