"""Requests shaped by a service model: some right, most of them wrong somewhere. Deterministic."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from emulator.wire.model import Operation, ServiceModel

_DEEP = 5000
#: Members the model calls optional and the service does not.
_USUAL = frozenset({"Runtime", "Handler", "ZipFile"})
_TEXTS = (
    "",
    "x",
    "a" * 65,
    "a" * 129,
    "a" * 10_001,
    "$LATEST",
    "$LATEST.PUBLISHED",
    "../../etc/passwd",
    "a b\tc",
    "\u0000",
    "é☃𐍈",
    "<script>alert(1)</script>",
    "%2e%2e%2f",
    "arn:aws:lambda:us-east-1:000000000000:function:",
    "arn:aws:lambda:us-east-1:000000000000:function:f0:1:2:3",
    "arn:::::::",
    "*",
    "-1",
    "1e999",
    "null",
    "{}",
)
_NUMBERS = (-(2**63), -1, 0, 1, 2, 60, 128, 900, 10**6, 2**31, 2**63, 2**70, 0.5, -0.0, 1e308)


@dataclass(frozen=True, slots=True)
class FuzzedRequest:
    """One HTTP request."""

    operation: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Fuzzer:
    """Makes requests of one service, in REST or JSON.

    Args:
        known: By a member's name, values that mean something to the service under test.
        operations: Those to call; all without.
    """

    def __init__(
        self,
        model: ServiceModel,
        known: dict[str, list[Any]],
        seed: int,
        operations: Iterable[str] = (),
    ) -> None:
        self._model = model
        self._known = known
        self._random = random.Random(seed)
        names = sorted(operations) or model.operations.keys()
        self._operations = [model.operations[name] for name in names]
        self._target = model.metadata.get("targetPrefix")
        #: How likely the request being made is wrong at each of its places.
        self._wild = 0.0

    def request(self) -> FuzzedRequest:
        """Return the next request."""
        operation = self._random.choice(self._operations)
        # Nearly right requests get behind the validation, wild ones try the parser.
        self._wild = self._random.choice([0.0, 0.02, 0.1])
        optional = self._random.choice([0.1, 0.5])
        shape = self._model.shapes[operation.input] if operation.input else {"members": {}}
        members = shape["members"]
        payload = shape.get("payload")
        required = set(shape.get("required", ()))
        labels: dict[str, str] = {}
        query: list[tuple[str, str]] = []
        headers: dict[str, str] = {}
        body: dict[str, Any] = {}
        for name, member in members.items():
            needed = name in required or name in _USUAL
            if self._random.random() > (1 - self._wild / 2 if needed else optional):
                continue
            wire = member.get("locationName", name)
            match member.get("location"):
                case "uri":
                    labels[wire] = _text(self._value(name, member["shape"], 0))
                case "querystring":
                    query.append((wire, _text(self._value(name, member["shape"], 0))))
                case "header":
                    text = _text(self._value(name, member["shape"], 0))
                    headers[wire.lower()] = text.encode().decode("latin-1")
                case _:
                    body[wire] = self._value(name, member["shape"], 0)
        if self._random.random() < self._wild:
            body["Unknown" + _letters(self._random, 5)] = self._junk(0)
        path = self._path(operation, labels)
        content = self._content(body, payload)
        return FuzzedRequest(
            operation=operation.name,
            method=operation.method,
            path=path,
            query="&".join(
                part for part in (operation.uri.partition("?")[2], urlencode(query)) if part
            ),
            headers=self._headers(operation, headers, content),
            body=content,
        )

    def _path(self, operation: Operation, labels: dict[str, str]) -> str:
        path = operation.uri.partition("?")[0]
        for part in path.split("/"):
            if part.startswith("{"):
                value = labels.get(part.strip("{}+"), "")
                text = quote(value, safe="") or "%00"
                if self._random.random() < self._wild / 5:
                    text = "%ff%fe"
                path = path.replace(part, text, 1)
        return path

    def _headers(
        self, operation: Operation, headers: dict[str, str], content: bytes
    ) -> dict[str, str]:
        length = str(len(content))
        if self._random.random() < self._wild / 2:
            length = self._random.choice(["0", "-1", "x", "99999999999", str(len(content) + 7)])
        if self._target:
            headers = {**headers, "x-amz-target": f"{self._target}.{operation.name}"}
        version = f"x-amz-json-{self._model.metadata['jsonVersion']}" if self._target else "json"
        kind = f"application/{version}" if self._random.random() < 0.9 else "text/plain"
        return {"host": "localhost", "content-type": kind, "content-length": length, **headers}

    def _content(self, body: dict[str, Any], payload: str | None) -> bytes:
        if payload is not None and payload in body:
            value = body[payload]
            if isinstance(value, str):
                return value.encode("utf-8", "surrogatepass")
            body = value if isinstance(value, dict) else body
        content = json.dumps(body).encode()
        draw = self._random.random() if self._wild else 1.0
        if draw < 0.02:
            return content[: self._random.randrange(len(content) + 1)]
        if draw < 0.04:
            return content[:-1] + b"\xff\xfe" + content[-1:]
        if draw < 0.05:
            return b"[" * _DEEP + b"]" * _DEEP
        if draw < 0.06:
            return b'{"a":' * _DEEP + b"1" + b"}" * _DEEP
        if draw < 0.07:
            return self._random.choice([b"", b"null", b"[]", b'"x"', b"1", b"{", b"\x00", b"NaN"])
        return content

    def _value(self, name: str, shape_name: str, depth: int) -> Any:
        if self._random.random() < self._wild:
            return self._junk(depth)
        shape = self._model.shapes[shape_name]
        if name in self._known and self._random.random() >= self._wild:
            value = self._random.choice(self._known[name])
            return [value] if shape["type"] == "list" and not isinstance(value, list) else value
        if depth > 6:
            return None
        match shape["type"]:
            case "structure":
                required = shape.get("required", ())
                return {
                    member.get("locationName", key): self._value(key, member["shape"], depth + 1)
                    for key, member in shape["members"].items()
                    if key in required or key in _USUAL or self._random.random() < 0.3
                }
            case "list":
                low = shape.get("min", 0)
                most = shape.get("max", 3) + 1 if self._wild and depth < 2 else low
                count = self._random.choice([low, max(low, 1), max(low, 1), most])
                return [
                    self._value(name, shape["member"]["shape"], depth + 1)
                    for _ in range(min(count, 60))
                ]
            case "map":
                return {
                    _text(self._value(name, shape["key"]["shape"], depth + 1)): self._value(
                        name, shape["value"]["shape"], depth + 1
                    )
                    for _ in range(self._random.choice([0, 1, 2, 60 if self._wild else 3]))
                }
            case "boolean":
                return self._random.random() < 0.5
            case "integer" | "long" | "double" | "float":
                low = shape.get("min", 0)
                high = shape.get("max", max(low, 1000))
                inside = [low, high, self._random.randint(int(low), int(high))]
                outside = [low - 1, high + 1, *_NUMBERS] if self._wild else []
                return self._random.choice([*inside, *outside])
            case "blob":
                noise = self._random.randbytes(self._random.choice([0, 1, 30]))
                return base64.b64encode(noise).decode()
            case "timestamp":
                wrong = [10**12, -1, "never"] if self._wild else []
                return self._random.choice([0, 1.5, "2026-01-01T00:00:00Z", *wrong])
            case _:
                if "enum" in shape and self._random.random() >= self._wild:
                    return self._random.choice(shape["enum"])
                texts = _TEXTS if self._wild else ()
                return self._random.choice([*texts, _letters(self._random, 12)])

    def _junk(self, depth: int) -> Any:
        """Return a value of any type."""
        draw = self._random.randrange(7)
        if draw == 0:
            return None
        if draw == 1:
            return self._random.choice(_NUMBERS)
        if draw == 2:
            return self._random.random() < 0.5
        if draw == 3 and depth < 4:
            return [self._junk(depth + 1) for _ in range(3)]
        if draw == 4 and depth < 4:
            return {_letters(self._random, 4): self._junk(depth + 1) for _ in range(3)}
        if draw == 5:
            return "\ud800" if self._random.random() < 0.2 else "!not base64!"
        return self._random.choice(_TEXTS)


def _letters(source: random.Random, count: int) -> str:
    return "".join(source.choice(string.ascii_letters) for _ in range(count))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return json.dumps(value)
