"""Learners in disguise are put before the instrument that names learners."""
