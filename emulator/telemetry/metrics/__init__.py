"""Measurements: values of a time that are kept as one, and what the emulator measures of itself."""
