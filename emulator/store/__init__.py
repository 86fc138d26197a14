"""Durable state: SQLite databases with group commit, and content-addressed files."""
