"""IAM, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="iam",
    title="IAM",
    protocols=("query",),
    signing_names=("iam",),
    arn_name="iam",
    query_version="2010-05-08",
    template_prefix="AWS::IAM",
    modules=("kinds", "state", "wire"),
)
