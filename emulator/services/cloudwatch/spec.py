"""CloudWatch, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="cloudwatch",
    title="CloudWatch",
    protocols=("smithy-rpc-v2-cbor", "json", "query"),
    signing_names=("monitoring",),
    arn_name="cloudwatch",
    target_prefix="GraniteServiceVersion20100801",
    query_version="2010-08-01",
    template_prefix="AWS::CloudWatch",
    modules=("authorization", "kinds", "state", "wire"),
    opens_for=("cloudwatch-alarm",),
    keeps_measurements=True,
)
