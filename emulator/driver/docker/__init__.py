"""Execution environments in containers of a Docker engine."""
