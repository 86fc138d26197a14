"""EventBridge Scheduler, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="scheduler",
    title="EventBridge Scheduler",
    protocols=("rest-json",),
    signing_names=("scheduler",),
    arn_name="scheduler",
    path=r"/(schedules|schedule-groups)(/[^/]*)?",
    template_prefix="AWS::Scheduler",
    modules=("kinds", "state", "wires"),
    # Schedules that are kept come due.
    opens_for=("schedule",),
)
