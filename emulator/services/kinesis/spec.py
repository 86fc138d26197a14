"""Kinesis, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="kinesis",
    title="Kinesis",
    origin="AWS::Kinesis::Stream",
    protocols=("json",),
    signing_names=("kinesis",),
    arn_name="kinesis",
    target_prefix="Kinesis_20131202",
    template_prefix="AWS::Kinesis",
    modules=("authorization", "delivers", "kinds", "source", "state", "wire"),
)
