"""What DynamoDB's operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services.authorization import Rules, named
from emulator.services.context import Context

_ONE = named("dynamodb", {"TableName": "table/{}", "TableArn": "{}", "ResourceArn": "{}"})


def _tables(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    several = [*(request.get("RequestItems") or {})]
    for item in request.get("TransactItems") or ():
        several += [str(each.get("TableName")) for each in item.values()]
    if several:
        return [arn for name in several for arn in _ONE(ctx, {"TableName": name})]
    (table,) = _ONE(ctx, request)
    index = request.get("IndexName")
    return [f"{table}/index/{index}" if index else table]


RULES = Rules(
    prefix="dynamodb",
    actions={
        "ExecuteTransaction": ("PartiQLSelect",),
        "TransactGetItems": ("GetItem",),
        "TransactWriteItems": ("PutItem",),
    },
    resources=_tables,
)
