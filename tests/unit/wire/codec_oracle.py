"""botocore as the oracle of the codec: its serialisers send, its parsers receive."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import botocore.loaders
from botocore import parsers, serialize
from botocore.awsrequest import prepare_request_dict
from botocore.model import OperationModel, ServiceModel

from emulator import wire
from tests.codecs import TABLE
from tests.old_sqs import old_sqs_model

_SERVED = {service.spec.model for service in TABLE.services}
_LOADER = botocore.loaders.Loader()


@cache
def botocore_model(service: str, protocol: str) -> ServiceModel:
    """Return botocore's model, SQS's as it was when it still spoke the query protocol."""
    raw = _LOADER.load_service_model(service, "service-2")
    if service == "sqs" and protocol == "query":
        raw = old_sqs_model(raw)
    return ServiceModel(raw, service)


def operation_model(service: str, protocol: str, operation: str) -> OperationModel:
    return botocore_model(service, protocol).operation_model(operation)


class Sent(NamedTuple):
    """A request as it comes over the wire."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


def send(our: wire.ServiceCodec, operation: str, request: dict[str, Any]) -> Sent:
    """Write a request with botocore's serialiser."""
    serialiser = serialize.create_serializer(our.protocol, include_validation=False)
    sent = serialiser.serialize_to_request(
        request, operation_model(our.name, our.protocol, operation)
    )
    prepare_request_dict(sent, endpoint_url="http://localhost:4566", context={})
    url = urlsplit(sent["url"])
    body = sent["body"]
    if isinstance(body, dict):
        body = urlencode(body, doseq=True)
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, (bytes, bytearray)):
        body = body.read()
    headers = {key.lower(): str(value) for key, value in sent["headers"].items()}
    return Sent(sent["method"], url.path, url.query, headers, bytes(body))


def ask(
    our: wire.ServiceCodec, operation: str, request: dict[str, Any]
) -> tuple[wire.Operation, dict[str, Any]]:
    """Send a request with botocore's serialiser; return what our codec reads."""
    return read(our, operation, send(our, operation, request))


def read(
    our: wire.ServiceCodec, operation: str, sent: Sent
) -> tuple[wire.Operation, dict[str, Any]]:
    """Read a request with our codec."""
    method, path, query, headers, body = sent
    params: Mapping[str, str] = {}
    if our.protocol.startswith("rest-"):
        found, params = our.match(method, path, query, headers)
    elif our.name not in _SERVED:
        found = our.operation(operation)
    else:
        meaning = TABLE.identify(method, path, query, headers, body, "")
        assert meaning.codec is our
        assert meaning.operation is not None
        found = our.operation(meaning.operation)
    return found, our.parse(found, params=params, query=query, headers=headers, body=body)


def receive(our: wire.ServiceCodec, operation: str, response: Any) -> dict[str, Any]:
    """Read a response with botocore's parser."""
    status, headers, body = response
    parser = parsers.create_parser(our.protocol)
    shape = operation_model(our.name, our.protocol, operation).output_shape
    parsed = parser.parse(
        {
            "status_code": status,
            "headers": _Headers({key.decode(): value.decode() for key, value in headers}),
            # botocore hands a payload over as a stream.
            "body": BytesIO(body) if _has_blob_payload(shape) else body,
        },
        shape,
    )
    return dict(parsed)


def receive_error(our: wire.ServiceCodec, operation: str, response: Any) -> dict[str, Any]:
    """Read an error with botocore's parser, its modelled members included."""
    status, headers, body = response
    parser = parsers.create_parser(our.protocol)
    sent = {
        "status_code": status,
        "headers": _Headers({key.decode(): value.decode() for key, value in headers}),
        "body": body,
    }
    model = botocore_model(our.name, our.protocol)
    parsed = dict(parser.parse(sent, model.operation_model(operation).output_shape))
    error = parsed["Error"]
    modelled = model.shape_for_error_code(error.get("QueryErrorCode", error["Code"]))
    # botocore knows the errors of CloudWatch by their codes in the query protocol alone.
    modelled = modelled or model.shape_for_error_code(error["Code"])
    if modelled is not None:
        parsed.update(parser.parse(sent, modelled))
    return parsed


def _has_blob_payload(shape: Any) -> bool:
    payload = shape.serialization.get("payload") if shape else None
    return bool(payload) and shape.members[payload].type_name == "blob"


class _Headers(dict[str, str]):
    """Names in any case, like the HTTP library's headers."""

    def __getitem__(self, key: str) -> str:
        return super().__getitem__(key.lower())

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key.lower(), default)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(str(key).lower())


_TEXTS = [
    "a",
    "name-1",
    "arn:aws:lambda:eu-west-1:123456789012:function:f/x",
    "Zoë ✓",
    "a b+c%&=<é>",
]


class Generator:
    """Makes values of a botocore shape; the same seed, the same values."""

    def __init__(self, seed: int, *, full: bool) -> None:
        self._random = random.Random(seed)
        self._full = full

    def value(self, shape: Any, *, header: bool = False, depth: int = 0) -> Any:
        pick = self._random
        match shape.type_name:
            case "structure":
                return self.structure(shape, depth)
            case "list":
                if depth > 3:
                    return [self.value(shape.member, depth=depth + 1)]
                return [
                    self.value(shape.member, depth=depth + 1) for _ in range(pick.randint(1, 3))
                ]
            case "map":
                return {
                    f"{self.value(shape.key)}{index}": self.value(shape.value, depth=depth + 1)
                    for index in range(pick.randint(1, 3) if depth < 4 else 1)
                }
            case "string":
                return "plain" if header else pick.choice(shape.enum or _TEXTS)
            case "integer" | "long":
                return pick.randint(-(2**31), 2**31)
            case "double" | "float":
                return pick.choice([0.0, 1.5, -2.25])
            case "boolean":
                return pick.random() < 0.5
            case "timestamp":
                return datetime.fromtimestamp(pick.randint(0, 2**31), UTC)
            case "blob":
                return pick.randbytes(pick.randint(1, 40))
        raise NotImplementedError(shape.type_name)

    def structure(self, shape: Any, depth: int = 0) -> dict[str, Any]:
        """Make a structure; below the top never an empty one (forms cannot say those)."""
        result: dict[str, Any] = {}
        if getattr(shape, "is_tagged_union", False):
            # Forms cannot say an empty structure.
            choices = [
                name
                for name, member in shape.members.items()
                if member.type_name != "structure" or member.members
            ]
            if depth > 3:
                nested = ("structure", "list", "map")
                flat = [name for name in choices if shape.members[name].type_name not in nested]
                choices = flat or choices
            name = self._random.choice(choices)
            return {name: self.value(shape.members[name], depth=depth + 1)}
        for name, member in shape.members.items():
            if getattr(member, "is_eventstream_union", False) or member.serialization.get(
                "eventstream"
            ):
                continue
            needed = name in shape.required_members
            location = member.serialization.get("location")
            if location == "statusCode":
                continue
            if location == "headers":
                result[name] = {f"key-{index}": "plain" for index in range(2)}
                continue
            if needed or (self._full and depth < 6) or self._random.random() < 0.3:
                result[name] = self.value(member, header=location == "header", depth=depth + 1)
        if depth and not result and shape.members:
            name, member = next(iter(shape.members.items()))
            result[name] = self.value(member, depth=depth + 1)
        return result


def with_moments(value: Any) -> Any:
    """Turn datetimes into seconds since the epoch, as requests have them."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: with_moments(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_moments(item) for item in value]
    return value
