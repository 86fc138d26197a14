"""Where DynamoDB answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations

DEVIATIONS = Deviations(
    # Recorded: errors of the model, and those that requests get before the model's operation.
    error_namespaces=("com.amazonaws.dynamodb.v20120810", "com.amazon.coral.validate"),
)
