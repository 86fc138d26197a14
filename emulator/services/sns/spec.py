"""SNS, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="sns",
    title="SNS",
    protocols=("query",),
    signing_names=("sns",),
    arn_name="sns",
    query_version="2010-03-31",
    template_prefix="AWS::SNS",
    modules=("authorization", "delivers", "kinds", "state", "wire", "wires"),
    opens_for=("sns-subscription",),
)
