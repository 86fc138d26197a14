"""S3, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="s3",
    title="S3",
    protocols=("rest-xml",),
    signing_names=("s3",),
    arn_name="s3",
    template_prefix="AWS::S3",
    modules=("kinds", "state", "wire"),
)
