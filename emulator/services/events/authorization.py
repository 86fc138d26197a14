"""What EventBridge's operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services.authorization import Rules
from emulator.services.context import Context


def _arn(ctx: Context, rest: str) -> str:
    return f"arn:aws:events:{ctx.region}:{ctx.account}:{rest}"


def _bus(ctx: Context, name: str) -> str:
    return name if name.startswith("arn:") else _arn(ctx, f"event-bus/{name}")


def _resources(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    if ctx.operation == "PutEvents":
        buses = [
            str(each.get("EventBusName") or "default") for each in request.get("Entries") or ()
        ]
        return sorted(
            {each if each[:4] == "arn:" else _arn(ctx, f"event-bus/{each}") for each in buses}
        )
    rule = request.get("Rule") or (request.get("Name") if "Rule" in ctx.operation else None)
    bus = str(request.get("EventBusName") or "default").rpartition("/")[2]
    if rule:
        return [_arn(ctx, f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")]
    if request.get("Name") and "EventBus" in ctx.operation:
        return [_arn(ctx, f"event-bus/{request['Name']}")]
    return ["*"]


RULES = Rules(prefix="events", resources=_resources)
