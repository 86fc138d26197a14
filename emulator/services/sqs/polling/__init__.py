"""Queues as event sources: where they are, and what polls them."""
