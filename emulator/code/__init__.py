"""Functions' code: archives, packages, requirements. No driver uses it."""
