"""Calls of any service by the names that ``aws-sdk`` integrations use.

Step Functions and EventBridge Scheduler name a call by the service and the operation in lower camel
case ("dynamodb", "getItem"), write members in PascalCase, and name errors as the SDK for Java does.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from emulator.model.errors import AwsError, LocalfaasError
from emulator.model.ids import new_request_id
from emulator.services.context import Parts
from emulator.wire.errors import resolve
from emulator.wire.model import Operation, ServiceModel, title
from emulator.wire.streams import ByteStream

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+")
_SUFFIX = re.compile(r"(Error|Fault|Exception)$")
#: What is said of a body that is text.
_OF_TEXT = {"ContentType": "text/plain; charset=UTF-8", "ChecksumAlgorithm": "CRC32"}
#: How a result writes a moment: seconds since the epoch → JSON.
Moments = Callable[[float], Any]


@dataclass(frozen=True, slots=True)
class SdkCall:
    """An operation of a service that is served here."""

    #: The name of the service's model.
    service: str
    model: ServiceModel
    operation: Operation

    @property
    def prefix(self) -> str:
        """What stands before the names of its errors: ``DynamoDb``."""
        return java_name(self.model.metadata["serviceId"])


class SdkCallError(LocalfaasError):
    """A call that failed.

    Attributes:
        name: As workflows name it: ``DynamoDb.ResourceNotFoundException``.
        cause: As workflows show it, with the service, the status and the request's id.
        error: The service's error.
        status: The HTTP status of it.
        modelled: Whether the operation's model has this error.
        request_id: The request's id.
    """

    def __init__(self, call: SdkCall, error: AwsError) -> None:
        resolved = resolve(call.model, error)
        self.error, self.status, self.modelled = error, resolved.status, resolved.modelled
        self.code = resolved.code
        self.exception = exception_name(resolved.name)
        self.request_id = new_request_id()
        own = self.exception if resolved.modelled else f"{call.prefix}Exception"
        self.name = f"{call.prefix}.{own}"
        self.cause = (
            # AWS's SDK for Java has "null" where an answer says nothing.
            f"{error.message or 'null'} (Service: {call.prefix}, Status Code: {resolved.status}, "
            f"Request ID: {self.request_id})"
        )
        super().__init__(f"{self.name}: {self.cause}")


@cache
def java_name(service_id: str) -> str:
    """Return a service's name in the SDK for Java: "DynamoDB" is ``DynamoDb``, "SQS" ``Sqs``."""
    return "".join(word.capitalize() for word in _WORDS.findall(service_id))


@cache
def exception_name(code: str) -> str:
    """Return an error's name in the SDK for Java: ``NoSuchKey`` is ``NoSuchKeyException``."""
    last = code.rpartition(".")[2]
    return f"{_SUFFIX.sub('', last)}Exception"


@cache
def _package(model: str) -> str:
    return re.sub(r"[^a-z0-9]", "", title(model).lower())


def service_of(parts: Parts, name: str) -> str | None:
    """Return the model of a service by its name in integrations; None if it is not served."""
    wanted = name.lower()
    for model in parts.table.running():
        if wanted in (_package(model), model):
            return model
    return None


def find(parts: Parts, service: str, action: str) -> SdkCall:
    """Return a call by its names in integrations.

    Args:
        parts: The emulator's.
        service: As in ``arn:aws:states:::aws-sdk:SERVICE:ACTION``: "dynamodb", "sfn".
        action: In lower camel case, "getItem".

    Raises:
        LookupError: The service is not served here, or has no such operation; the text says which.
    """
    model = service_of(parts, service)
    if model is None:
        raise LookupError(f"localfaas does not serve {service}")
    codec = parts.table.codec(model)
    name = action[:1].upper() + action[1:]
    operation = codec.model.operations.get(name)
    if operation is None:
        raise LookupError(f"{service} has no operation {action}")
    return SdkCall(model, codec.model, operation)


async def call(
    parts: Parts,
    sdk_call: SdkCall,
    arguments: Mapping[str, Any],
    *,
    account: str,
    region: str,
    moments: Moments | None = None,
) -> dict[str, Any]:
    """Do a call, and return its result as JSON.

    Args:
        parts: The emulator's.
        sdk_call: What :func:`find` returned.
        arguments: Members in PascalCase (or any case).
        account: The caller's.
        region: The caller's.
        moments: How the result writes moments; as ISO 8601 without.

    Raises:
        SdkCallError: The service refused it.
        DriverFault, StorageError: The machine, an engine or a disk failed.
    """
    request = to_request(sdk_call, arguments)
    fitted = parts.table.fit(sdk_call.service, sdk_call.operation.name, request)
    try:
        answer = await parts.table.call(
            sdk_call.service, sdk_call.operation.name, fitted, account=account, region=region
        )
        read = await _read_streams(sdk_call, answer)
    except AwsError as error:
        raise SdkCallError(sdk_call, error) from error
    return to_json(sdk_call, read, moments or _iso)


def to_request(sdk_call: SdkCall, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with blobs as bytes: text as it is, all else as JSON."""
    shape = sdk_call.operation.input
    if shape is None:
        return {}
    found: dict[str, Any] = _blobs(sdk_call.model, shape, dict(arguments))
    if sdk_call.operation.streams_request:
        # As the SDK for Java sends text (recorded).
        members = sdk_call.model.shapes[shape]["members"]
        for name, value in _OF_TEXT.items():
            if name in members and name not in found:
                found[name] = value
    return found


def _blobs(model: ServiceModel, name: str, value: Any) -> Any:
    shape = model.shapes[name]
    match shape["type"]:
        case "blob":
            return value.encode() if isinstance(value, str) else _compact(value).encode()
        case "structure" if isinstance(value, Mapping):
            members = {key.lower(): each["shape"] for key, each in shape["members"].items()}
            # As SDKs do.
            given = {str(key).lower() for key in value}
            tokens = {
                key: str(uuid.uuid4())
                for key, each in shape["members"].items()
                if each.get("idempotencyToken") and key.lower() not in given
            }
            return tokens | {
                key: _blobs(model, members[str(key).lower()], item)
                if str(key).lower() in members and item is not None
                else item
                for key, item in value.items()
            }
        case "list" if isinstance(value, list):
            return [_blobs(model, shape["member"]["shape"], item) for item in value]
        case "map" if isinstance(value, Mapping):
            inner = shape["value"]["shape"]
            return {key: _blobs(model, inner, item) for key, item in value.items()}
        case "string" if isinstance(value, dict | list):
            return _compact(value)
    return value


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def to_json(sdk_call: SdkCall, answer: Mapping[str, Any], moments: Moments) -> dict[str, Any]:
    """Return an operation's result with members in PascalCase, blobs as text."""
    shape = sdk_call.operation.output
    if shape is None:
        return {}
    found: dict[str, Any] = _plain(sdk_call.model, shape, answer, moments)
    return found


def _plain(model: ServiceModel, name: str, value: Any, moments: Moments) -> Any:
    shape = model.shapes[name]
    match shape["type"]:
        case "structure":
            return {
                member[:1].upper() + member[1:]: _plain(model, each["shape"], item, moments)
                for member, each in shape["members"].items()
                if (item := value.get(member)) is not None
            }
        case "list":
            return [_plain(model, shape["member"]["shape"], item, moments) for item in value]
        case "map":
            inner = shape["value"]["shape"]
            return {str(key): _plain(model, inner, item, moments) for key, item in value.items()}
        case "blob":
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        case "timestamp":
            return moments(_seconds(value))
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str):
        return datetime.fromisoformat(value).timestamp()
    return float(value)


def _iso(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z").replace(".000Z", "Z")


async def _read_streams(sdk_call: SdkCall, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result with what streams in it read to the end, and its length where HTTP has it."""
    read = dict(answer)
    shape = sdk_call.model.shapes.get(sdk_call.operation.output or "", {})
    for name, value in answer.items():
        if isinstance(value, ByteStream | AsyncIterator):
            read[name] = b"".join([bytes(each) async for each in value])
    body = read.get(shape.get("payload", ""))
    if isinstance(body, bytes) and "ContentLength" in shape["members"]:
        read["ContentLength"] = len(body)
    return read
