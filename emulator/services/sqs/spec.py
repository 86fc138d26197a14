"""SQS, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="sqs",
    title="SQS",
    origin="AWS::SQS::Queue",
    protocols=("json", "query"),
    signing_names=("sqs",),
    arn_name="sqs",
    target_prefix="AmazonSQS",
    query_version="2012-11-05",
    # A queue's URL, to which the query protocol sends what is meant for that queue.
    path=r"/(?:queue/[a-z0-9-]{1,32}/)?\d{12}/[A-Za-z0-9_-]{1,80}(?:\.fifo)?/?",
    template_prefix="AWS::SQS",
    modules=("authorization", "state", "kinds", "delivers", "source", "wire", "wires"),
    opens_at_start=True,
)
