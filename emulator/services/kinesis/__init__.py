"""Kinesis Data Streams: streams of records on a log of our own."""
