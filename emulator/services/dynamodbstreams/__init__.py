"""DynamoDB Streams: what has changed in tables."""
