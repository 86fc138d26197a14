"""Streams as event sources: what polls the shards of Kinesis and DynamoDB for functions."""
