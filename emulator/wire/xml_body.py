"""Whole XML bodies, for rest-xml."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.wire.model import ServiceModel, Shape
from emulator.wire.xml_reading import XmlReaders, load_xml
from emulator.wire.xml_writing import Writer, XmlWriters, attributes_of, declaration, element

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


class XmlBody:
    """Whole XML bodies of one service; see :class:`emulator.wire.messages.Body`.

    The name of a root element is not looked at.

    Args:
        namespace: Of root elements, where the model names none.
        root_names: Root elements by operation, where the model names none.
        unwrapped: Operations whose only member is the content of the root element.
    """

    content_type = "application/xml"
    event_content_type = "text/xml"

    def __init__(
        self,
        model: ServiceModel,
        *,
        namespace: str = "",
        root_names: Mapping[str, str] | None = None,
        unwrapped: frozenset[str] = frozenset(),
    ) -> None:
        self._model = model
        self._namespace = namespace
        self._root_names = root_names or {}
        self._unwrapped = unwrapped
        self._readers = XmlReaders(model)
        self._writers = XmlWriters(model)

    def reader(self, name: str) -> Callable[[bytes], Any]:
        read = self._readers.reader(name)
        return lambda body: read(load_xml(body))

    def members_reader(self, shape: Shape, names: Iterable[str]) -> Callable[[bytes], Any]:
        read = self._readers.members(shape, names)
        return lambda body: read(load_xml(body))

    def writer(self, reference: Shape) -> Callable[[Any], bytes]:
        shape = self._model.shapes[reference["shape"]]
        namespace = reference.get("xmlNamespace") or shape.get("xmlNamespace") or self._namespace
        name = reference.get("locationName") or shape.get("locationName") or reference["shape"]
        write = self._writers.writer(reference["shape"])
        return _document(
            element(name, write, declaration(namespace), attributes_of(self._model, shape))
        )

    def members_writer(
        self, shape: Shape, names: Iterable[str], root: str
    ) -> Callable[[Mapping[str, Any]], bytes]:
        names = list(names)
        name = self._root_names.get(root) or shape.get("locationName") or f"{root}Result"
        write = self._writers.members(shape, names)
        if root in self._unwrapped:
            content = self._writers.writer(shape["members"][names[0]]["shape"])

            def write(value: Mapping[str, Any], out: list[str]) -> None:
                if value.get(names[0]) is not None:
                    content(value[names[0]], out)

        return _document(element(name, write, declaration(self._namespace)))


def _document(write: Writer) -> Callable[[Any], bytes]:
    def document(value: Any) -> bytes:
        out = [DECLARATION]
        write(value, out)
        return "".join(out).encode()

    return document
