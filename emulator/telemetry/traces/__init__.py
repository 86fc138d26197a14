"""Traces: which calls are traced, what is known of them, and where it goes.

The form in which everything is kept is X-Ray's segment document, whoever sent it.
"""
