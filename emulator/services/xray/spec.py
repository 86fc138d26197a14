"""X-Ray, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="xray",
    title="X-Ray",
    protocols=("rest-json",),
    signing_names=("xray",),
    arn_name="xray",
    # The daemon's clients do not sign, and ask it for these alone.
    path=r"/(?:GetSamplingRules|SamplingTargets|TraceSegments|TelemetryRecords)",
    template_prefix="AWS::XRay",
    modules=("authorization", "kinds", "state", "wire"),
)
