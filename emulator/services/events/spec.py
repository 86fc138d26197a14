"""EventBridge, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="events",
    title="EventBridge",
    origin="AWS::Events",
    protocols=("json",),
    signing_names=("events",),
    arn_name="events",
    target_prefix="AWSEvents",
    template_prefix="AWS::Events",
    modules=("authorization", "delivers", "kinds", "state", "wire", "wires"),
    opens_for=("events-rule", "events-archive", "events-replay"),
)
