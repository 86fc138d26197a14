"""DynamoDB, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="dynamodb",
    title="DynamoDB",
    origin="AWS::DynamoDB::Table",
    protocols=("json",),
    signing_names=("dynamodb",),
    arn_name="dynamodb",
    target_prefix="DynamoDB_20120810",
    template_prefix="AWS::DynamoDB",
    modules=("authorization", "kinds", "source", "state", "wire"),
    # Items that expire are removed, also after a restart.
    opens_for=("dynamodb-expiring",),
)
