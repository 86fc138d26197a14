"""Logs of functions: groups, the platform's lines, reports."""
