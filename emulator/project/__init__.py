"""The user's folder: what it declares, followed as it changes."""
