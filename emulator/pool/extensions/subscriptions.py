"""The Telemetry API and the Logs API: which extensions hear the environment's log, and what of it.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from emulator.pool.extensions.members import Refused

TYPES = ("platform", "function", "extension")
#: By field: its bounds and its default.
_BUFFERING = {
    "maxItems": (1000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1000),
}
_HOSTS = ("sandbox.localdomain", "sandbox", "127.0.0.1", "localhost")
#: What the Logs API knows of the platform's events.
_OF_LOGS = (
    "platform.start",
    "platform.end",
    "platform.report",
    "platform.runtimeDone",
    "platform.fault",
    "platform.extension",
    "platform.logsDropped",
    "platform.logsSubscription",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What one extension wants to hear, and where.

    Attributes:
        api: "telemetry" or "logs".
        name: The extension's.
        types: Of "platform", "function" and "extension".
        protocol: "HTTP" or "TCP".
        port: Where it listens, in the sandbox.
        path: What an HTTP request asks for.
        host: What the request calls it.
        max_items: Events after which a batch goes out.
        max_bytes: Bytes after which it does.
        timeout_s: Seconds after which it does.
    """

    api: str
    name: str
    types: tuple[str, ...]
    protocol: str
    port: int
    path: str
    host: str
    max_items: int
    max_bytes: int
    timeout_s: float

    def wants(self, kind: str) -> bool:
        """Say whether it hears events of a kind, as "platform.start" or "function"."""
        if self.api == "logs" and kind.startswith("platform.") and kind not in _OF_LOGS:
            return False
        if self.api == "telemetry" and kind == "platform.end":
            return False
        return kind.partition(".")[0] in self.types


def read(api: str, name: str, body: bytes) -> Subscription:
    """Return the subscription that a request asks for.

    Raises:
        Refused: It can't be had.
    """
    try:
        wanted = orjson.loads(body)
        types = tuple(wanted["types"])
        destination = wanted["destination"]
        protocol = str(destination.get("protocol", ""))
        buffering = _read_buffering(wanted.get("buffering") or {})
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _invalid(f"The request is not as its schema says: {error}") from error
    if not types or any(each not in TYPES for each in types):
        raise _invalid(f"types: one or more of {', '.join(TYPES)}")
    port, path, host = _read_destination(protocol, destination)
    return Subscription(
        api=api,
        name=name,
        types=types,
        protocol=protocol,
        port=port,
        path=path,
        host=host,
        max_items=buffering["maxItems"],
        max_bytes=buffering["maxBytes"],
        timeout_s=buffering["timeoutMs"] / 1000,
    )


def _read_buffering(given: dict[str, Any]) -> dict[str, int]:
    found = {}
    for name, (least, most, usual) in _BUFFERING.items():
        value = given.get(name, usual)
        if type(value) is not int or not least <= value <= most:
            raise _invalid(f"buffering.{name}: a number from {least} to {most}")
        found[name] = value
    return found


def _read_destination(protocol: str, given: dict[str, Any]) -> tuple[int, str, str]:
    if protocol == "TCP":
        port = given.get("port")
        if type(port) is not int or not 0 < port < 65536:
            raise _invalid("destination.port: the number of a port")
        return port, "", ""
    if protocol != "HTTP":
        raise _invalid("destination.protocol: HTTP or TCP")
    try:
        parts = urlsplit(str(given.get("URI", given.get("uri", ""))))
        port = parts.port or 80
    except ValueError as error:
        raise _invalid(f"destination.URI: {error}") from error
    if parts.scheme != "http" or parts.hostname not in _HOSTS:
        raise _invalid("destination.URI: http://sandbox.localdomain:PORT/PATH")
    query = f"?{parts.query}" if parts.query else ""
    path = (parts.path or "/") + query
    if any(ord(each) <= 32 or ord(each) > 126 for each in path):
        raise _invalid("destination.URI: it has characters that a path may not have")
    return port, path, parts.netloc


def _invalid(message: str) -> Refused:
    return Refused("ValidationError", message, 400)
