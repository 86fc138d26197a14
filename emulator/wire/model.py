"""AWS service models: botocore's packaged JSON, read without importing botocore.

A model is loaded when its service is first used, and alone. Traits that the codec never reads are
dropped at once; nine tenths of the text is documentation.
"""

from __future__ import annotations

import importlib.util
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from emulator.wire.deviations import NONE, Deviations
from emulator.wire.deviations import Shape as Shape

#: Tells zlib to expect a gzip header.
_GZIP = zlib.MAX_WBITS | 16
#: Traits that the codec never reads.
_NOISE = frozenset(
    "documentation deprecated deprecatedMessage deprecatedSince examples box contextParam xmlOrder "
    "synthetic retryable".split()
)
_NAME = re.compile(r"[a-z0-9-]{1,64}")
#: The bytes of a model among which its metadata are: these come first.
_HEAD = 8192
_SERVICE_ID = re.compile(rb'"serviceId"\s*:\s*"([^"]+)"')
_CAPITALISED_WORD = re.compile(r"(.)([A-Z][a-z]+)")
_PLURAL_ACRONYM = re.compile(r"[A-Z]{2,}s$")
_WORD_END = re.compile(r"([a-z0-9])([A-Z])")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a service."""

    #: The wire name, e.g. ``CreateFunction``.
    name: str
    #: HTTP method and URI template; for RPC protocols always ``POST /``.
    method: str
    uri: str
    #: The HTTP status of success.
    status: int
    #: Names of the input and output shapes.
    input: str | None
    output: str | None
    #: The request's payload is a stream of bytes: the body may be given as an async iterator.
    streams_request: bool = False
    #: The response is a stream of bytes or events: its member may be an async iterator.
    streams_response: bool = False
    #: The output's member that is an event stream, if there is one.
    event_stream: str | None = None
    #: SDKs may compress the body with gzip.
    takes_gzip: bool = False
    deprecated: bool = False

    @property
    def snake_name(self) -> str:
        """The SDK for Python's name, e.g. ``create_function``."""
        return snake_name(self.name)


@dataclass(frozen=True, eq=False)
class ServiceModel:
    """A service: its metadata, shapes and operations (by wire name)."""

    #: botocore's name of the service, e.g. ``stepfunctions``.
    name: str
    metadata: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    operations: Mapping[str, Operation]
    deviations: Deviations = NONE

    @cached_property
    def error_names(self) -> Mapping[str, str]:
        """Names of the error shapes, by name and by the code that the query protocol has."""
        errors = {name: shape for name, shape in self.shapes.items() if shape.get("exception")}
        codes = {shape.get("error", {}).get("code", name): name for name, shape in errors.items()}
        return {**codes, **{name: name for name in errors}}


def snake_name(name: str) -> str:
    """Turn ``ListQueues`` into ``list_queues``, by the rule of the SDK for Python."""
    plural = _PLURAL_ACRONYM.search(name)
    if plural:
        name = f"{name[: plural.start()]}_{plural.group().lower()}"
    return _WORD_END.sub(r"\1_\2", _CAPITALISED_WORD.sub(r"\1_\2", name)).lower()


@cache
def load(name: str, deviations: Deviations = NONE, models: Path | None = None) -> ServiceModel:
    """Read the newest model of a service.

    Args:
        name: The service as botocore calls it, e.g. ``stepfunctions``.
        deviations: Where the service answers otherwise.
        models: A folder laid out as botocore's data (``<name>/<version>/service-2.json``);
            None for botocore's own.

    Raises:
        LookupError: There is no such service there.
    """
    raw = orjson.loads(_read(name, models or _botocore_models()))
    shapes: dict[str, Shape] = raw["shapes"]
    for shape in shapes.values():
        _strip(shape)
        # A member may itself be called "documentation", so this is not one recursive sweep.
        for member in shape.get("members", {}).values():
            _strip(member)
    deviations.adapt(shapes)
    operations = {key: _operation(raw, shapes, key) for key in sorted(raw["operations"])}
    return ServiceModel(name, raw["metadata"], shapes, MappingProxyType(operations), deviations)


def _operation(raw: Mapping[str, Any], shapes: Mapping[str, Shape], name: str) -> Operation:
    operation = raw["operations"][name]
    http = operation["http"]
    given = operation.get("input", {}).get("shape")
    answered = operation.get("output", {}).get("shape")
    events = _event_stream(shapes, answered)
    return Operation(
        name=name,
        method=http["method"],
        uri=http["requestUri"],
        status=http.get("responseCode", 200),
        input=given,
        output=answered,
        streams_request=_streams(shapes, given),
        streams_response=events is not None or _streams(shapes, answered),
        event_stream=events,
        takes_gzip="gzip" in operation.get("requestcompression", {}).get("encodings", ()),
        deprecated=bool(operation.get("deprecated")),
    )


def _streams(shapes: Mapping[str, Shape], name: str | None) -> bool:
    """Say whether a structure's payload is a stream of bytes."""
    shape = shapes[name] if name else {}
    if "payload" not in shape:
        return False
    member = shape["members"][shape["payload"]]
    return bool(member.get("streaming") or shapes[member["shape"]].get("streaming"))


def _event_stream(shapes: Mapping[str, Shape], name: str | None) -> str | None:
    """Return the member of a structure that is a stream of events."""
    members: Mapping[str, Shape] = shapes[name].get("members", {}) if name else {}
    for member, reference in members.items():
        if shapes[reference["shape"]].get("eventstream"):
            return member
    return None


def _strip(shape: dict[str, Any]) -> None:
    for key in _NOISE.intersection(shape):
        del shape[key]


def _botocore_models() -> Path:
    botocore = importlib.util.find_spec("botocore")
    if botocore is None or botocore.origin is None:
        raise LookupError("botocore, which carries the AWS service models, is not installed")
    return Path(botocore.origin).parent / "data"


def service_names() -> list[str]:
    """Return the names of all services that botocore has a model of, served here or not."""
    return sorted(each.name for each in _botocore_models().iterdir() if each.is_dir())


class Taken(NamedTuple):
    """The members of an operation's request."""

    members: tuple[str, ...]
    required: tuple[str, ...]


def summary(name: str) -> dict[str, Taken]:
    """Return what each operation of a service takes; nothing else of its model is kept.

    Raises:
        LookupError: There is no such service.
    """
    raw = orjson.loads(_read(name, _botocore_models()))
    found = {}
    for operation, body in raw["operations"].items():
        shape = raw["shapes"][body["input"]["shape"]] if "input" in body else {}
        found[operation] = Taken(tuple(shape.get("members", ())), tuple(shape.get("required", ())))
    return found


@lru_cache(64)
def title(name: str) -> str:
    """Return what users call a service, by its name in botocore; the name itself if unknown.

    Only the beginning of its model is read: it may be a service that is not served.
    """
    if _NAME.fullmatch(name):
        for path in sorted((_botocore_models() / name).glob("*/service-2.json.gz"), reverse=True):
            with path.open("rb") as file:
                head = zlib.decompressobj(_GZIP).decompress(file.read(_HEAD), _HEAD)
            if found := _SERVICE_ID.search(head):
                return found[1].decode()
    return name


def _read(name: str, models: Path) -> bytes:
    versions = sorted((models / name).glob("*/service-2.json*"))
    if not versions:
        raise LookupError(f"there is no model of the service {name!r} in {models}")
    content = versions[-1].read_bytes()
    return zlib.decompress(content, _GZIP) if versions[-1].suffix == ".gz" else content
