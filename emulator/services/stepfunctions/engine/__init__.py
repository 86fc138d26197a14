"""Executions at work, and the journal of what they did."""
