"""What operations on connections are called in policies, and what they are done to.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services.apigatewaymanagementapi import state
from emulator.services.authorization import Rules
from emulator.services.context import Context

_METHODS = {"DeleteConnection": "DELETE", "GetConnection": "GET", "PostToConnection": "POST"}


def _resources(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    found = state.of(ctx).find(request["ConnectionId"])
    if found is None:
        return ["*"]  # who is gone is told so
    where = f"arn:aws:execute-api:{ctx.region}:{found.account}:{found.api_id}/{found.stage}"
    return [f"{where}/{_METHODS[ctx.operation]}/@connections/{found.id}"]


RULES = Rules(
    prefix="execute-api",
    actions=dict.fromkeys(_METHODS, ("ManageConnections",)),
    resources=_resources,
)
