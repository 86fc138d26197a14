"""Map runs as their owners see and change them.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeMapRun.html
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from emulator.services.context import Context, Request, Response
from emulator.services.stepfunctions import arns, errors
from emulator.services.stepfunctions.engine.events import pack
from emulator.services.stepfunctions.engine.journal import MapRunRow
from emulator.services.stepfunctions.executions import found
from emulator.services.stepfunctions.paging import page
from emulator.services.stepfunctions.state import of

_COUNTED = {
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timedOut",
    "ABORTED": "aborted",
}


async def _find(ctx: Context, given: str) -> MapRunRow:
    arn = arns.split(given, "mapRun")
    row = await of(ctx).engine.journal.map_run(given)
    if row is None or (arn.account, arn.region) != (ctx.account, ctx.region):
        raise errors.no_resource(given)
    return row


async def describe_map_run(ctx: Context, request: Request) -> Response:
    """Handle DescribeMapRun: how far it is.

    Raises:
        AwsError: There is none.
    """
    row = await _find(ctx, request["mapRunArn"])
    run = of(ctx).map_runs.runs.get(row.id)
    body = orjson.loads(row.body) if run is None else run.body
    children = await of(ctx).engine.journal.children(row.id)
    sizes = body.get("sizes")
    executions: Counter[str] = Counter()
    items: Counter[str] = Counter()
    for child in children:
        name = _COUNTED.get(child.status, "failed")
        executions[name] += 1
        items[name] += sizes[child.item] if sizes else 1
    return {
        "mapRunArn": row.arn,
        "executionArn": body["execution_arn"],
        "status": row.status,
        "startDate": row.started_ms / 1000,
        "stopDate": None if row.stopped_ms is None else row.stopped_ms / 1000,
        "maxConcurrency": body["max_concurrency"],
        "toleratedFailurePercentage": float(body["tolerated_percentage"] or 0),
        "toleratedFailureCount": body["tolerated_count"] or 0,
        "itemCounts": _counts(items, body["total"], row.status),
        "executionCounts": _counts(executions, len(sizes) if sizes else body["total"], row.status),
        "redriveCount": body.get("redrives", 0),
    }


def _counts(seen: Counter[str], total: int, status: str) -> dict[str, Any]:
    counts: dict[str, Any] = {name: seen[name] for name in _COUNTED.values()}
    left = max(0, total - sum(seen.values()))
    is_over = status != "RUNNING"
    counts["pending"] = 0 if is_over else left
    counts["aborted"] += left if is_over else 0
    counts["total"] = total
    counts["resultsWritten"] = seen["succeeded"] if is_over else 0
    counts["failuresNotRedrivable"] = 0
    counts["pendingRedrive"] = 0
    return counts


async def list_map_runs(ctx: Context, request: Request) -> Response:
    """Handle ListMapRuns: those of an execution, the latest first.

    Raises:
        AwsError: There is no such execution.
    """
    _, execution = await found(ctx, request["executionArn"])
    rows = await of(ctx).engine.journal.map_runs(execution.id)
    shown = [
        {
            "executionArn": execution.arn,
            "mapRunArn": row.arn,
            "stateMachineArn": f"{execution.machine}/{orjson.loads(row.body)['label']}",
            "startDate": row.started_ms / 1000,
            "stopDate": None if row.stopped_ms is None else row.stopped_ms / 1000,
        }
        for row in rows
    ]
    return page(shown, request, "mapRuns", f"map runs {execution.id}")


async def update_map_run(ctx: Context, request: Request) -> Response:
    """Handle UpdateMapRun: change the limits of one that runs.

    Raises:
        AwsError: There is none, or it has ended.
    """
    row = await _find(ctx, request["mapRunArn"])
    run = of(ctx).map_runs.runs.get(row.id)
    if run is None or row.status != "RUNNING":
        raise errors.invalid("Map Run is not running and can't be updated")
    names = {
        "maxConcurrency": "max_concurrency",
        "toleratedFailurePercentage": "tolerated_percentage",
        "toleratedFailureCount": "tolerated_count",
    }
    for member, name in names.items():
        if request.get(member) is not None:
            run.body[name] = request[member]
    run.row = run.row._replace(body=pack(run.body))
    await of(ctx).engine.journal.put_map_run(run.row)
    run.changed.set()
    return {}
