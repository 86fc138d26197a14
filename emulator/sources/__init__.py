"""Event sources: what polls queues (and, later, streams) and hands batches to functions."""
