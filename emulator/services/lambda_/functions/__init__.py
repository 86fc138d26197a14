"""Functions, versions and aliases, and the states that they pass."""
