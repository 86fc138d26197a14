"""Executions: start, find, stop, try again; their histories.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple

from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.services.context import Context, Request, Response
from emulator.services.stepfunctions import arns, errors, inputs, machines, paging, tags, tracing
from emulator.services.stepfunctions.arns import Arn
from emulator.services.stepfunctions.engine import events
from emulator.services.stepfunctions.engine.execution import ABORTED, RUNNING, SUCCEEDED, Execution
from emulator.services.stepfunctions.engine.journal import ExecutionRow, Listing
from emulator.services.stepfunctions.state import of

#: Days within which an execution that failed can be redriven.
_REDRIVABLE_MS = 14 * 24 * 3600 * 1000
_EXPRESS_MEMORY_MB = 64


class Started(NamedTuple):
    """What an execution is to run."""

    arn: Arn
    kind: str
    revision: dict[str, Any]
    version: str | None
    alias: str | None
    scale: float | None

    @property
    def body(self) -> dict[str, Any]:
        """What is kept of it beside the revision."""
        found = {"version": self.version, "alias": self.alias, "scale": self.scale}
        return {key: value for key, value in found.items() if value}


def _chosen(ctx: Context, given: str) -> Started:
    """Return what an execution of a machine, a version or an alias runs.

    Raises:
        AwsError: There is none.
    """
    arn, machine = machines.find(ctx, given)
    state = of(ctx)
    version = alias = None
    revision = machine["revision"]
    chosen = arn
    if arn.rest and not arn.rest.isdigit():
        found = state.alias(arn)
        if found is None:
            raise errors.no_machine(given)
        alias = arn.text
        routes = found["routing"]
        weights = [each["weight"] for each in routes]
        (route,) = random.choices(routes, weights)
        chosen = arns.split(route["stateMachineVersionArn"], "stateMachine")
    if chosen.rest:
        kept = state.version(chosen)
        if kept is None:
            raise errors.no_machine(given)
        version, revision = chosen.text, kept["revision"]
    return Started(
        arn._replace(rest=""),
        machine["type"],
        revision,
        version,
        alias,
        tags.time_scale(machine["tags"]),
    )


def _body(ctx: Context, request: Request, started: Started) -> dict[str, Any]:
    body = started.body
    if request.get("traceHeader"):
        body["trace"] = request["traceHeader"]
    traced = tracing.begin(ctx, request.get("traceHeader") or "", started.revision)
    if traced:
        body["traced"] = traced
    return body


def _new(ctx: Context, request: Request, started: Started) -> Execution:
    """Return a new execution, which has not begun.

    Raises:
        AwsError: The input is none, or the name.
    """
    text = request.get("input", "{}")
    value = inputs.check(text)
    name = request.get("name") or new_request_id()
    arns.check_name(name)
    return of(ctx).engine.make(
        machine=started.arn,
        name=f"{name}:{new_request_id()}" if started.kind == "EXPRESS" else name,
        text=text,
        value=value,
        revision=started.revision,
        kind=started.kind,
        body=_body(ctx, request, started),
    )


async def start_execution(ctx: Context, request: Request) -> Response:
    """Handle StartExecution; one of the same name and input that still runs is returned.

    Raises:
        AwsError: There is no such machine, the input is none, or the name is taken.
    """
    started = _chosen(ctx, request["stateMachineArn"])
    execution = _new(ctx, request, started)
    there = await of(ctx).engine.start(execution)
    if there is not None:
        content = there.content
        same = (content["input"], content.get("version"), content.get("alias")) == (
            execution.body["input"],
            started.version,
            started.alias,
        )
        if there.status != RUNNING or not same:
            text = f"Execution Already Exists: '{execution.arn}'"
            raise AwsError("ExecutionAlreadyExists", text)
        return {"executionArn": there.arn, "startDate": there.started_ms / 1000}
    return {"executionArn": execution.arn, "startDate": execution.started_ms / 1000}


async def start_sync_execution(ctx: Context, request: Request) -> Response:
    """Handle StartSyncExecution: run an express execution to its end.

    Raises:
        AwsError: There is no such machine, it is no express one, or the input is none.
    """
    started = _chosen(ctx, request["stateMachineArn"])
    if started.kind != "EXPRESS":
        raise errors.wrong_type()
    execution = _new(ctx, request, started)
    engine = of(ctx).engine
    await engine.start(execution)
    # It goes on if the caller goes away, as on AWS.
    await engine.ended(execution)
    return _sync_answer(execution, request)


def _sync_answer(execution: Execution, request: Request) -> Response:
    body = execution.body
    stopped_ms = execution.stopped_ms or execution.started_ms
    taken_ms = max(1, stopped_ms - execution.started_ms)
    with_data = request.get("includedData") != "METADATA_ONLY"
    answer: Response = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine,
        "name": execution.name,
        "startDate": execution.started_ms / 1000,
        "stopDate": stopped_ms / 1000,
        "status": execution.status,
        "traceHeader": body.get("trace"),
        "billingDetails": {
            "billedMemoryUsedInMB": _EXPRESS_MEMORY_MB,
            "billedDurationInMilliseconds": math.ceil(taken_ms / 100) * 100,
        },
        "error": body.get("error"),
        "cause": body.get("cause"),
    }
    return answer | _data(body, with_data=with_data)


def _data(body: dict[str, Any], *, with_data: bool) -> Response:
    answer: Response = {"inputDetails": {"included": with_data}}
    if with_data:
        answer["input"] = body["input"]
    if "output" in body:
        answer["outputDetails"] = {"included": with_data}
        if with_data:
            answer["output"] = body["output"]
    return answer


async def found(ctx: Context, given: str) -> tuple[Arn, ExecutionRow]:
    """Return a standard execution by its ARN.

    Raises:
        AwsError: InvalidArn, ExecutionDoesNotExist.
    """
    arn = arns.split(given, "execution")
    row = await of(ctx).engine.journal.find(given)
    if row is None or (arn.account, arn.region) != (ctx.account, ctx.region):
        raise errors.no_execution(given)
    return arn, row


def redrivability(ctx: Context, row: ExecutionRow) -> Response:
    """Return whether an execution can be tried again, and why not."""
    if row.status in (RUNNING, SUCCEEDED):
        reason = f"Execution is {row.status} and cannot be redriven"
        return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    if row.map_run is not None:
        return {"redriveStatus": "REDRIVABLE_BY_MAP_RUN"}
    now_ms = ctx.clock.now() * 1000
    if row.stopped_ms is not None and row.stopped_ms + _REDRIVABLE_MS < now_ms:
        reason = "Execution is past its redrivable period"
        return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    return {"redriveStatus": "REDRIVABLE"}


async def describe_execution(ctx: Context, request: Request) -> Response:
    """Handle DescribeExecution.

    Raises:
        AwsError: There is none.
    """
    arn, row = await found(ctx, request["executionArn"])
    body = row.content
    answer: Response = {
        "executionArn": row.arn,
        "stateMachineArn": row.machine,
        "name": arn.rest,
        "status": row.status,
        "startDate": row.started_ms / 1000,
        "stopDate": None if row.stopped_ms is None else row.stopped_ms / 1000,
        "traceHeader": body.get("trace"),
        "mapRunArn": body.get("map_run_arn"),
        "stateMachineVersionArn": body.get("version"),
        "stateMachineAliasArn": body.get("alias"),
        "error": body.get("error"),
        "cause": body.get("cause"),
        "redriveCount": row.redrives,
        **redrivability(ctx, row),
    }
    if row.redrives:
        answer["redriveDate"] = body["redriven_ms"] / 1000
    return answer | _data(body, with_data=request.get("includedData") != "METADATA_ONLY")


async def describe_state_machine_for_execution(ctx: Context, request: Request) -> Response:
    """Handle DescribeStateMachineForExecution: what the execution runs, whatever came after.

    Raises:
        AwsError: There is no such execution.
    """
    _, row = await found(ctx, request["executionArn"])
    revision = await of(ctx).engine.journal.revision_of(row)
    body = row.content
    machine = arns.split(row.machine, "stateMachine")
    name, _, label = machine.name.partition("/")
    answer: Response = {
        "stateMachineArn": row.machine,
        "name": name,
        "updateDate": revision["updated"],
        "mapRunArn": body.get("map_run_arn"),
        "label": label or None,
        "revisionId": revision["id"] or None,
        **machines.shown(revision, request.get("includedData")),
    }
    return answer


async def list_executions(ctx: Context, request: Request) -> Response:
    """Handle ListExecutions, of a machine, a version, an alias or a map run.

    Raises:
        AwsError: There is no such machine, it is an express one, InvalidToken.
    """
    limit = paging.size(request)
    after = paging.place(request, "executions")
    if after is not None and not (isinstance(after, list) and len(after) == 2):
        raise errors.invalid_token()
    engine = of(ctx).engine
    given, run_arn = request.get("stateMachineArn"), request.get("mapRunArn")
    if bool(given) == bool(run_arn):
        raise errors.invalid("Must provide exactly one of stateMachineArn or mapRunArn")
    wanted: dict[str, Any] = {
        "status": request.get("statusFilter"),
        "after": None if after is None else tuple(after),
        "limit": limit + 1,
    }
    if request.get("redriveFilter"):
        wanted["is_redriven"] = request["redriveFilter"] == "REDRIVEN"
    if run_arn:
        run = await engine.journal.map_run(run_arn)
        if run is None:
            raise errors.no_resource(run_arn)
        wanted["map_run"] = run.id
    else:
        arn, machine = machines.find(ctx, str(given))
        if machine["type"] == "EXPRESS":
            raise errors.wrong_type()
        wanted["machine"] = arn.machine
        if arn.rest:
            wanted["version" if arn.rest.isdigit() else "alias"] = arn.text
    rows = await engine.journal.listed(Listing(**wanted))
    answer: Response = {"executions": [_listed(row, run_arn) for row in rows[:limit]]}
    if len(rows) > limit:
        last = rows[limit - 1]
        answer["nextToken"] = paging.token([last.started_ms, last.id], "executions")
    return answer


def _listed(row: ExecutionRow, run_arn: str | None) -> Response:
    body = row.content
    shown: Response = {
        "executionArn": row.arn,
        "stateMachineArn": row.machine,
        "name": row.arn.rpartition(":")[2],
        "status": row.status,
        "startDate": row.started_ms / 1000,
        "stopDate": None if row.stopped_ms is None else row.stopped_ms / 1000,
        "mapRunArn": run_arn,
        "stateMachineVersionArn": body.get("version"),
        "stateMachineAliasArn": body.get("alias"),
        "redriveCount": row.redrives,
    }
    if run_arn:
        shown["itemCount"] = body.get("items", 1)
    if row.redrives:
        shown["redriveDate"] = body["redriven_ms"] / 1000
    return shown


async def stop_execution(ctx: Context, request: Request) -> Response:
    """Handle StopExecution; one that has ended stays as it is.

    Raises:
        AwsError: There is no such execution.
    """
    _, row = await found(ctx, request["executionArn"])
    engine = of(ctx).engine
    stopped = await engine.stop(row.id, request.get("error"), request.get("cause"), ABORTED)
    stopped_ms = row.stopped_ms if stopped is None else stopped.stopped_ms
    if stopped_ms is None:
        _, row = await found(ctx, request["executionArn"])
        stopped_ms = row.stopped_ms
    return {"stopDate": (stopped_ms or 0) / 1000}


async def redrive_execution(ctx: Context, request: Request) -> Response:
    """Handle RedriveExecution: what failed is tried again, what succeeded is kept.

    Raises:
        AwsError: There is no such execution, or it can't be redriven.
    """
    _, row = await found(ctx, request["executionArn"])
    state = redrivability(ctx, row)
    if state["redriveStatus"] != "REDRIVABLE":
        text = state.get("redriveStatusReason", "Execution is redrivable by its map run only")
        raise AwsError("ExecutionNotRedrivable", text)
    execution = await of(ctx).engine.redrive(row.id)
    if execution is None:
        raise AwsError("ExecutionNotRedrivable", "Execution is RUNNING and cannot be redriven")
    return {"redriveDate": execution.body["redriven_ms"] / 1000}


async def get_execution_history(ctx: Context, request: Request) -> Response:
    """Handle GetExecutionHistory: the events, from the first or from the last on.

    Raises:
        AwsError: There is no such execution, InvalidToken.
    """
    _, row = await found(ctx, request["executionArn"])
    limit = min(paging.size(request), 1000)
    is_reverse = bool(request.get("reverseOrder"))
    kind = f"history {row.id} {is_reverse}"
    start = paging.place(request, kind)
    if start is None:
        start = row.events if is_reverse else 1
    if not isinstance(start, int):
        raise errors.invalid_token()
    if is_reverse:
        first, last = max(1, start - limit + 1), start
    else:
        first, last = start, min(row.events, start + limit - 1)
    kept = await of(ctx).engine.journal.events(row.id, first, last)
    with_data = request.get("includeExecutionData") is not False
    shown = [events.shown(each, id, with_data=with_data) for id, each in kept]
    answer: Response = {"events": shown[::-1] if is_reverse else shown}
    if is_reverse and first > 1:
        answer["nextToken"] = paging.token(first - 1, kind)
    elif not is_reverse and last < row.events:
        answer["nextToken"] = paging.token(last + 1, kind)
    return answer
