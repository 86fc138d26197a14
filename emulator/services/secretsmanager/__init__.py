"""Secrets Manager: secrets, their versions, and their rotation by a function."""
