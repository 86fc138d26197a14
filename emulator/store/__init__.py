"""Durable state: one SQLite database with group commit, and content-addressed files."""
