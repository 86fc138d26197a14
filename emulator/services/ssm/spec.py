"""Systems Manager, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="ssm",
    title="Systems Manager",
    protocols=("json",),
    signing_names=("ssm",),
    arn_name="ssm",
    target_prefix="AmazonSSM",
    template_prefix="AWS::SSM",
    modules=("authorization", "kinds", "state"),
)
