"""Requests that come as Python values, not over the wire: read and checked as those are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from emulator.wire import values
from emulator.wire.json_body import JsonReaders, Reader
from emulator.wire.model import Operation, ServiceModel, Shape
from emulator.wire.streams import as_stream


class _Readers(JsonReaders):
    """Readers of values by the names of the members, wherever HTTP has them."""

    def members(self, shape: Shape, names: Iterable[str]) -> Reader:
        readers = {name: self.reader(shape["members"][name]["shape"]) for name in names}
        find = readers.get

        def structure(value: Any) -> dict[str, Any]:
            if not isinstance(value, Mapping):
                raise values.mismatch(value, "structure")
            result = {}
            for key, item in value.items():
                if item is not None and (read := find(key)) is not None:
                    result[key] = read(item)
            return result

        return structure

    def _compile(self, shape: Shape) -> Reader:
        read = super()._compile(shape)
        if shape["type"] != "blob":
            return read
        return lambda value: bytes(value) if isinstance(value, bytes | bytearray) else read(value)


@cache
def _readers(model: ServiceModel) -> _Readers:
    return _Readers(model)


def read(model: ServiceModel, operation: Operation, request: Mapping[str, Any]) -> dict[str, Any]:
    """Read a request as :meth:`emulator.wire.ServiceCodec.parse` reads one of HTTP.

    Args:
        model: The service's model.
        operation: The operation.
        request: By the names of the model's members; a blob as bytes, or as text in base64.

    Raises:
        AwsError: ``SerializationException``: a value is not of its member's type.
    """
    if operation.input is None:
        return {}
    found: dict[str, Any] = _readers(model).reader(operation.input)(request)
    if operation.streams_request and operation.name not in model.deviations.whole_bodies:
        payload = model.shapes[operation.input]["payload"]
        if payload in found:
            found[payload] = as_stream(found[payload])
    return found
