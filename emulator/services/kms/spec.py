"""KMS, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="kms",
    title="KMS",
    protocols=("json",),
    signing_names=("kms",),
    arn_name="kms",
    target_prefix="TrentService",
    template_prefix="AWS::KMS",
    modules=("kinds", "state", "wire"),
)
