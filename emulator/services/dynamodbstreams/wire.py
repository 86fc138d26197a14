"""Where DynamoDB Streams answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations

DEVIATIONS = Deviations(
    error_namespaces=("com.amazonaws.dynamodb.v20120810", "com.amazon.coral.validate"),
)
