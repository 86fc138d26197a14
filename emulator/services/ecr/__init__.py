"""Elastic Container Registry: repositories and what is said of them, without images."""
