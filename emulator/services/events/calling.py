"""A delivery to an API destination: one HTTP request, authorized by the connection.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from emulator.invoke.http_client import HttpFailure, fetch
from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import DeliveryFailed, DeliveryRefused
from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.services.events.authorizing import TokenRefused, pairs
from emulator.services.events.rule import Body, Buses

#: Seconds that an endpoint has to answer.
_PATIENCE_S = 5.0
#: Requests a second where the destination says nothing.
_RATE = 300
#: Statuses of a client's error that may pass.
_PASSING = (401, 407, 409, 429)
#: Bytes of an answer that are read, as the header Range says.
_MOST_BYTES = 1 << 20
_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")


class Rates:
    """Spaces requests to each destination; the next one waits its turn.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: dict[str, float] = {}

    async def wait(self, arn: str, per_second: int) -> None:
        """Return when the next request to a destination may go."""
        now = self._clock.monotonic()
        at = max(now, self._next.get(arn, 0.0))
        self._next[arn] = at + 1.0 / per_second
        if at > now:
            await self._clock.sleep(at - now)


async def call(buses: Buses, rates: Rates, dispatch: Dispatch) -> bytes:
    """Send an event to an API destination, and return the body of its answer.

    Raises:
        DeliveryRefused: It will never be taken.
        DeliveryFailed: It was not taken this time.
    """
    arn = dispatch.target
    destination = buses.destination(arn)
    if destination is None:
        raise DeliveryRefused(arn, "there is no such API destination", "NO_RESOURCE")
    connection = buses.connection(destination["connection"])
    if connection is None:
        raise DeliveryRefused(arn, "its connection is gone", "NO_RESOURCE")
    if connection["state"] == "DEAUTHORIZED":
        text = f"connection {connection['name']} is not authorized"
        raise DeliveryFailed(arn, text, "NO_PERMISSIONS")
    await rates.wait(arn, destination["rate"] or _RATE)
    url, body, headers = await _request(buses, destination, connection, dispatch)
    try:
        method = destination["method"]
        answer = await fetch(
            method,
            url,
            headers.items(),
            body,
            timeout_s=_PATIENCE_S,
            most=_MOST_BYTES,
            cuts=True,
        )
    except HttpFailure as error:
        raise DeliveryFailed(arn, str(error), "CONNECTION_FAILURE") from error
    status = answer.status
    if 200 <= status < 300:
        return answer.body
    if status == 401:
        buses.authorizer.drop_token(connection)
    kind = DeliveryFailed if status >= 500 or status in _PASSING else DeliveryRefused
    raise kind(arn, f"the endpoint answered {status}", "ERROR_FROM_TARGET")


async def _request(
    buses: Buses, destination: Body, connection: Body, dispatch: Dispatch
) -> tuple[str, bytes, dict[str, str]]:
    """Return the URL, the body and the headers of a request."""
    arn, own = dispatch.target, dispatch.context.get("http") or dispatch.delivery.http
    try:
        secret = await buses.authorizer.secret_of(connection)
        headers = {
            "User-Agent": "Amazon/EventBridge/ApiDestinations",
            "Content-Type": "application/json; charset=utf-8",
            "Range": f"bytes=0-{_MOST_BYTES - 1}",
            "Accept-Encoding": "gzip,deflate",
        }
        extra = secret.get("invocation_http_parameters") or {}
        headers = _over(headers, own.get("HeaderParameters") or {})
        headers = _over(headers, pairs(extra.get("header_parameters")))
        headers = _over(headers, await _authorization(buses, connection, secret))
    except (AwsError, TokenRefused) as error:
        raise DeliveryFailed(arn, str(error), "NO_PERMISSIONS") from error
    url: str = destination["endpoint"]
    for value in own.get("PathParameterValues") or []:
        url = url.replace("*", quote(str(value), safe=""), 1)
    query = {
        **(own.get("QueryStringParameters") or {}),
        **pairs(extra.get("query_string_parameters")),
    }
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    body = dispatch.delivery.payload
    if destination["method"] in _WITHOUT_BODY:
        body = b""
    elif extra.get("body_parameters"):
        body = _with_members(body, pairs(extra["body_parameters"]))
    return url, body, headers


def _over(headers: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Return headers with others, which stand over those of the same name."""
    names = {name.lower() for name in others}
    return {**{k: v for k, v in headers.items() if k.lower() not in names}, **others}


def _with_members(body: bytes, members: Mapping[str, str]) -> bytes:
    document: Any = orjson.loads(body) if body else {}
    return orjson.dumps({**document, **members}) if isinstance(document, dict) else body


async def _authorization(
    buses: Buses, connection: Body, secret: Mapping[str, Any]
) -> dict[str, str]:
    if connection["type"] == "BASIC":
        known = f"{secret['username']}:{secret['password']}".encode()
        return {"Authorization": f"Basic {base64.b64encode(known).decode()}"}
    if connection["type"] == "API_KEY":
        return {secret["api_key_name"]: secret["api_key_value"]}
    return {"Authorization": await buses.authorizer.token(connection, secret)}
