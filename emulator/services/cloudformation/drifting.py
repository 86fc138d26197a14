"""Operations on drift: how the resources of a stack differ from its template.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

import uuid
from typing import Any

import orjson

from emulator.services.cloudformation.lookup import page, refused, stack_of
from emulator.services.cloudformation.stack import Resource, Stack
from emulator.services.cloudformation.state import of
from emulator.services.context import Context, Request, Response
from emulator.stack import drift
from emulator.stack.kinds import Reading

_SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED")


async def detect_stack_drift(ctx: Context, request: Request) -> Response:
    """Handle DetectStackDrift: it has ended when this answers."""
    stack = stack_of(ctx, str(request["StackName"]))
    if stack.status not in _SETTLED:
        raise refused(
            f"Drift detection cannot be performed on stack [{stack.name}] while it is in"
            f" {stack.status} state"
        )
    wanted = set(request.get("LogicalResourceIds") or stack.resources)
    if unknown := sorted(wanted - stack.resources.keys()):
        raise refused(f"Resources {unknown} do not exist for stack {stack.name}")
    for resource in [each for each in stack.resources.values() if each.logical in wanted]:
        resource.drift = await _detected(ctx, stack, resource) or {}
    stack.drift = {
        "id": str(uuid.uuid4()),
        "status": "DRIFTED" if _drifted(stack) else "IN_SYNC",
        "at": ctx.clock.now(),
        "count": len(_drifted(stack)),
    }
    store = of(ctx).store
    await store.save_resources(stack, *stack.resources.values())
    await store.save(stack)
    return {"StackDriftDetectionId": stack.drift["id"]}


async def describe_stack_drift_detection_status(ctx: Context, request: Request) -> Response:
    """Handle DescribeStackDriftDetectionStatus: the last detection of a stack is remembered."""
    wanted = str(request["StackDriftDetectionId"])
    for stack in of(ctx).store.all(ctx.account, ctx.region):
        if stack.drift.get("id") == wanted:
            return {
                "StackId": stack.stack_id,
                "StackDriftDetectionId": wanted,
                "StackDriftStatus": stack.drift["status"],
                "DetectionStatus": "DETECTION_COMPLETE",
                "DriftedStackResourceCount": stack.drift["count"],
                "Timestamp": stack.drift["at"],
            }
    raise refused(f"Drift detection with id {wanted} does not exist")


async def describe_stack_resource_drifts(ctx: Context, request: Request) -> Response:
    """Handle DescribeStackResourceDrifts."""
    stack = stack_of(ctx, str(request["StackName"]))
    wanted = request.get("StackResourceDriftStatusFilters") or []
    found = [
        _shown(stack, each)
        for each in sorted(stack.resources.values(), key=lambda each: each.logical)
        if each.drift and (not wanted or each.drift["status"] in wanted)
    ]
    drifts, following = page(found, request.get("NextToken"))
    return {"StackResourceDrifts": drifts, "NextToken": following}


async def detect_stack_resource_drift(ctx: Context, request: Request) -> Response:
    """Handle DetectStackResourceDrift."""
    stack = stack_of(ctx, str(request["StackName"]))
    logical = str(request["LogicalResourceId"])
    resource = stack.resources.get(logical)
    if resource is None:
        raise refused(f"Resource {logical} does not exist for stack {stack.name}")
    found = await _detected(ctx, stack, resource)
    if found is None:
        raise refused(f"Drift detection is not supported for resource type [{resource.kind}]")
    resource.drift = found
    await of(ctx).store.save_resources(stack, resource)
    return {"StackResourceDrift": _shown(stack, resource)}


async def _detected(ctx: Context, stack: Stack, resource: Resource) -> dict[str, Any] | None:
    """Return how a resource differs from its template; None: its type is not read."""
    tools = of(ctx).tools
    reading = getattr(tools.kinds.find(resource.kind), "reading", None)
    if not isinstance(reading, Reading) or not resource.physical:
        return None
    told = await reading.one(tools.call(stack.account, stack.region), resource.physical)
    if told is None:
        return {"status": "DELETED", "at": ctx.clock.now()}
    found = drift.compare(resource.kind, resource.compared, told)
    return {
        "status": "MODIFIED" if found.differences else "IN_SYNC",
        "at": ctx.clock.now(),
        "expected": _json(found.expected),
        "actual": _json(found.actual),
        "differences": [
            {
                "PropertyPath": each.path,
                "ExpectedValue": _value(each.expected),
                "ActualValue": "null" if each.actual is None else _value(each.actual),
                "DifferenceType": each.kind,
            }
            for each in found.differences
        ],
    }


def _drifted(stack: Stack) -> list[Resource]:
    return [e for e in stack.resources.values() if e.drift.get("status") in ("MODIFIED", "DELETED")]


def _shown(stack: Stack, resource: Resource) -> dict[str, Any]:
    found = resource.drift
    return {
        "StackId": stack.stack_id,
        "LogicalResourceId": resource.logical,
        "PhysicalResourceId": resource.physical,
        "ResourceType": resource.kind,
        "ExpectedProperties": found.get("expected"),
        "ActualProperties": found.get("actual"),
        "PropertyDifferences": found.get("differences"),
        "StackResourceDriftStatus": found["status"],
        "Timestamp": found["at"],
    }


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _value(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)
