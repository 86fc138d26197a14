"""Invoke in its three types, and its configurations."""
