"""Reading resources by their types, whoever has made them.

https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/resource-operations-read.html
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response, Services
from emulator.stack import schemas
from emulator.stack.kinds import Call, Reading

_PAGE = 100


async def get_resource(ctx: Context, request: Request) -> Response:
    """Serve GetResource."""
    kind, identifier = str(request["TypeName"]), str(request["Identifier"])
    found = await _reading(ctx, kind, "READ").one(_Caller.of(ctx), identifier)
    if found is None:
        raise AwsError(
            "ResourceNotFoundException",
            f"Resource of type '{kind}' with identifier '{identifier}' was not found.",
        )
    return {"TypeName": kind, "ResourceDescription": _description(kind, identifier, found)}


async def list_resources(ctx: Context, request: Request) -> Response:
    """Serve ListResources."""
    kind = str(request["TypeName"])
    reading = _reading(ctx, kind, "LIST")
    if not reading.lists:
        raise _unsupported(kind, "LIST")
    start = _start(request.get("NextToken"))
    end = start + (request.get("MaxResults") or _PAGE)
    there = await reading.all(_Caller.of(ctx))
    following = urlsafe_b64encode(b"%d" % end).decode() if end < len(there) else None
    shown = [_description(kind, name, found) for name, found in there[start:end]]
    return {"TypeName": kind, "ResourceDescriptions": shown, "NextToken": following}


class _Caller:
    """Calls operations for who reads."""

    def __init__(self, table: Services, account: str, region: str) -> None:
        self._table, self.account, self.region = table, account, region

    @classmethod
    def of(cls, ctx: Context) -> _Caller:
        return cls(ctx.parts.table, ctx.account, ctx.region)

    async def __call__(
        self, service: str, operation: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        return await self._table.call(
            service, operation, request, account=self.account, region=self.region
        )

    def fit(self, service: str, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return self._table.fit(service, operation, values)

    def at(self, region: str) -> Call:
        """See :meth:`emulator.stack.kinds.Call.at`."""
        return _Caller(self._table, self.account, region)


def _reading(ctx: Context, kind: str, action: str) -> Reading:
    """Return how resources of a type are read.

    Raises:
        AwsError: TypeNotFoundException, UnsupportedActionException.
    """
    if schemas.find(kind) is None:
        raise AwsError("TypeNotFoundException", f"The type '{kind}' cannot be found.")
    reading = getattr(ctx.parts.table.kind(kind), "reading", None)
    if not isinstance(reading, Reading):
        raise _unsupported(kind, action)
    return reading


def _unsupported(kind: str, action: str) -> AwsError:
    return AwsError(
        "UnsupportedActionException",
        f"Resource type {kind} does not support {action} action in localfaas",
    )


def _description(kind: str, identifier: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource with the properties that its type has in templates."""
    schema = schemas.find(kind)
    assert schema is not None
    known = schema.properties | {name for name in schema.read_only if "." not in name}
    names = {name.lower(): name for name in known}
    properties: dict[str, Any] = {}
    for member, value in found.items():
        name = names.get(member.lower())
        if name is not None and value is not None:
            properties[name] = value
    properties.update(dict.fromkeys(schema.primary[:1], identifier))
    text = orjson.dumps(properties, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return {"Identifier": identifier, "Properties": text}


def _start(token: Any) -> int:
    try:
        return int(urlsafe_b64decode(str(token)).decode()) if token else 0
    except ValueError:
        raise AwsError("InvalidRequestException", "The token is not valid.") from None
