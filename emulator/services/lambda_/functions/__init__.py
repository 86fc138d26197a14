"""Functions, versions and aliases, and their states."""
