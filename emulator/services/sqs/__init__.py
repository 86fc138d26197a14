"""Amazon SQS: the 23 operations of its service model over the queue engine."""
