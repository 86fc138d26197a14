"""Deterministic faults for tests: a plan says which call meets what."""
