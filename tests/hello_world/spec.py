"""Hello World, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="hello-world",
    title="Hello World",
    # A service of AWS has one of these, two at most.
    protocols=("rest-json", "rest-xml", "json", "query", "smithy-rpc-v2-cbor"),
    signing_names=("hello-world",),
    arn_name="hello-world",
    target_prefix="HelloWorld_20260101",
    query_version="2026-01-01",
    template_prefix="AWS::HelloWorld",
    modules=("delivers", "kinds", "source", "state", "wire"),
    # A service of AWS has its model in botocore.
    own_model=True,
)
