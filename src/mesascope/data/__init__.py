"""Real data: texts and the vectors of their words, from installed packages or one's own."""
