"""CloudWatch Logs, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="logs",
    title="CloudWatch Logs",
    protocols=("json",),
    signing_names=("logs",),
    arn_name="logs",
    target_prefix="Logs_20140328",
    template_prefix="AWS::Logs",
    modules=("authorization", "delivers", "kinds", "state", "wire"),
    opens_at_start=True,
)
