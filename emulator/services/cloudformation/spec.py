"""CloudFormation, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="cloudformation",
    title="CloudFormation",
    protocols=("query",),
    signing_names=("cloudformation",),
    arn_name="cloudformation",
    query_version="2010-05-15",
    modules=("state", "wire"),
    # An operation that a restart interrupted goes on.
    opens_for=("cloudformation-stack",),
)
