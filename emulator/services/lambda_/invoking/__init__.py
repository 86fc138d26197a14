"""Invoke in its kinds, and what is configured for it."""
