"""EventBridge Pipes, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="pipes",
    title="EventBridge Pipes",
    protocols=("rest-json",),
    signing_names=("pipes",),
    arn_name="pipes",
    path=r"/v1/pipes(/.*)?",
    template_prefix="AWS::Pipes",
    modules=("kinds", "state", "wires"),
    # Pipes that are kept go on.
    opens_for=("pipe",),
)
