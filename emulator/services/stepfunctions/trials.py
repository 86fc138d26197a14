"""Checks of definitions and of single states, without an execution."""

from __future__ import annotations

from functools import partial
from random import SystemRandom
from types import SimpleNamespace
from typing import Any, cast

from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.services import sdk_calls
from emulator.services.context import Context, Request, Response
from emulator.services.stepfunctions import definitions
from emulator.services.stepfunctions.engine.execution import Execution
from emulator.services.stepfunctions.state import of
from emulator.services.stepfunctions.tasks.base import Exchange, Task, TaskFailure
from emulator.services.stepfunctions.tasks.runner import perform
from emulator.workflows.effects import Fail, RunTask
from emulator.workflows.errors import Diagnostic, InvalidDefinition
from emulator.workflows.frames import Moment
from emulator.workflows.trials.errors import InvalidTrial
from emulator.workflows.trials.mocks import check_result, needs_mock
from emulator.workflows.trials.trial import Trial, begin, conclude, prepare

MOST_DIAGNOSTICS = 100


async def validate_state_machine_definition(ctx: Context, request: Request) -> Response:
    """Say what is wrong with a definition.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
    """
    found = await definitions.validate(request["definition"], request.get("type") or "STANDARD")
    if (request.get("severity") or "ERROR") == "ERROR":
        found = [each for each in found if each.severity == "ERROR"]
    most = request.get("maxResults") or MOST_DIAGNOSTICS
    has_errors = any(each.severity == "ERROR" for each in found)
    return {
        "result": "FAIL" if has_errors else "OK",
        "diagnostics": [_shown(each) for each in found[:most]],
        "truncated": len(found) > most,
    }


def _shown(finding: Diagnostic) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "code": finding.code,
        "message": finding.message,
        "location": finding.location,
    }


async def test_state(ctx: Context, request: Request) -> Response:
    """Try one state without an execution.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
    """
    moment = Moment(int(ctx.clock.now() * 1000), SystemRandom())
    try:
        trial = prepare(request, moment, _names(ctx, request))
        if trial.mock is None and needs_mock(trial.state):
            what = f"State type '{trial.state.type}'"
            raise InvalidTrial(f"{what} requires a mock, or another integration pattern")
        _check_model(ctx, trial)
    except InvalidTrial as error:
        raise AwsError("ValidationException", str(error)) from error
    except InvalidDefinition as error:
        raise AwsError("InvalidDefinition", error.message) from error
    beside = of(ctx).engine.beside
    effect = await beside(partial(begin, trial))
    outcome = None
    exchange = Exchange(reveals_secrets=bool(request.get("revealSecrets")))
    if isinstance(effect, RunTask) and trial.mock is None:
        outcome = await _perform(ctx, effect, exchange)
    answer = await beside(partial(conclude, trial, effect, outcome))
    if trial.level == "TRACE" and exchange.shown:
        answer["inspectionData"] |= exchange.shown
    return answer


def _names(ctx: Context, request: Request) -> dict[str, str]:
    machine, execution = new_request_id(), new_request_id()
    states = f"arn:aws:states:{ctx.region}:{ctx.account}"
    return {
        "execution": f"{states}:express:{machine}:{execution}",
        "name": execution,
        "role": request.get("roleArn") or f"arn:aws:iam::{ctx.account}:role/unnamed",
        "machine": f"{states}:stateMachine:{machine}",
        "machineName": machine,
    }


def _check_model(ctx: Context, trial: Trial) -> None:
    """Hold the mock of a task against the model of the operation that it calls."""
    resource = trial.state.resource
    if trial.mock is None or resource is None or isinstance(trial.mock.outcome, Fail):
        return
    if resource.kind != "service" or resource.pattern.startswith("sync"):
        return
    service = resource.service.removeprefix("aws-sdk:")
    try:
        call = sdk_calls.find(ctx.parts, _MODELS.get(service, service), resource.action)
    except LookupError:
        return
    if call.operation.output is not None:
        check_result(call.model.shapes, call.operation.output, trial.mock.outcome, trial.mock.mode)


_MODELS = {"states": "stepfunctions", "events": "eventbridge"}


async def _perform(ctx: Context, effect: RunTask, exchange: Exchange) -> Any:
    role = str((effect.credentials or {}).get("RoleArn") or "").split(":")
    account = role[4] if len(role) > 5 and role[4] else ctx.account
    # A state on trial has neither an execution nor a place in one.
    execution = cast("Execution", SimpleNamespace(body={"trace": ctx.trace_id}))
    task = Task(
        ctx.parts,
        execution,
        None,
        effect.resource,
        effect.arguments,
        account,
        ctx.region,
        exchange,
    )
    try:
        return await perform(task)
    except TaskFailure as failure:
        return Fail(failure.error, failure.cause)
