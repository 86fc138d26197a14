"""Environments: their states, the Runtime API, and who gets which."""
