"""AWS service models: botocore's packaged JSON, read without importing botocore."""

from __future__ import annotations

import importlib.util
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from emulator.wire.deviations import NONE, Deviations

#: A shape of the model, as it stands in the JSON without its documentation.
Shape = dict[str, Any]

#: What tells zlib that there is a header of gzip.
_GZIP = zlib.MAX_WBITS | 16
_NOISE = ("documentation", "deprecatedMessage", "deprecatedSince", "examples")
_CAPITALISED_WORD = re.compile(r"(.)([A-Z][a-z]+)")
_PLURAL_ACRONYM = re.compile(r"[A-Z]{2,}s$")
_WORD_END = re.compile(r"([a-z0-9])([A-Z])")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a service."""

    #: The wire name, e.g. ``CreateFunction``.
    name: str
    #: The name of its handler, e.g. ``create_function`` (the SDK for Python's rule).
    snake_name: str
    #: HTTP method and URI template; for RPC protocols always ``POST /``.
    method: str
    uri: str
    #: The HTTP status of success.
    status: int
    #: Names of the input and output shapes.
    input: str | None
    output: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ServiceModel:
    """A service: its metadata, shapes and operations (by wire name)."""

    name: str
    metadata: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    operations: Mapping[str, Operation]
    deviations: Deviations = NONE


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
        # Members' documentation is two thirds of the model. (A member may itself be called
        # "documentation", so this is not one recursive sweep.)
        for member in shape.get("members", {}).values():
            _strip(member)
    deviations.adapt(shapes)
    operations = {}
    for operation_name, operation in sorted(raw["operations"].items()):
        http = operation["http"]
        operations[operation_name] = Operation(
            name=operation_name,
            snake_name=snake_name(operation_name),
            method=http["method"],
            uri=http["requestUri"],
            status=http.get("responseCode", 200),
            input=operation.get("input", {}).get("shape"),
            output=operation.get("output", {}).get("shape"),
        )
    return ServiceModel(name, raw["metadata"], shapes, MappingProxyType(operations), deviations)


def _strip(shape: dict[str, Any]) -> None:
    for key in _NOISE:
        shape.pop(key, None)


def _botocore_models() -> Path:
    botocore = importlib.util.find_spec("botocore")
    if botocore is None or botocore.origin is None:
        raise LookupError("botocore, which carries the AWS service models, is not installed")
    return Path(botocore.origin).parent / "data"


def _read(name: str, models: Path) -> bytes:
    versions = sorted((models / name).glob("*/service-2.json*"))
    if not versions:
        raise LookupError(f"there is no model of the service {name!r} in {models}")
    content = versions[-1].read_bytes()
    return zlib.decompress(content, _GZIP) if versions[-1].suffix == ".gz" else content
