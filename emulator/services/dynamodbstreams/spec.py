"""DynamoDB Streams, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="dynamodbstreams",
    title="DynamoDB Streams",
    protocols=("json",),
    signing_names=("dynamodb",),
    target_prefix="DynamoDBStreams_20120810",
    modules=("wire",),
)
