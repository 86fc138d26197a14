"""Step Functions, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="stepfunctions",
    title="Step Functions",
    origin="AWS::StepFunctions::StateMachine",
    protocols=("json",),
    signing_names=("states",),
    arn_name="states",
    target_prefix="AWSStepFunctions",
    template_prefix="AWS::StepFunctions",
    modules=("authorization", "delivers", "kinds", "state", "wire"),
    # Executions that were under way go on.
    opens_for=("stepfunctions-machine",),
)
