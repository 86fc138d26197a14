"""ECR, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="ecr",
    title="ECR",
    protocols=("json",),
    signing_names=("ecr",),
    arn_name="ecr",
    target_prefix="AmazonEC2ContainerRegistry_V20150921",
    template_prefix="AWS::ECR",
    modules=("kinds", "state", "wire"),
)
