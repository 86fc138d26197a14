"""Python values → XML, for rest-xml and for the answers of the query protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.wire import values
from emulator.wire.model import ServiceModel, Shape
from emulator.wire.xml_names import element_names, entry_names, is_flat

#: (value, pieces of XML): appends the content of an element.
Writer = Callable[[Any, list[str]], None]


class XmlWriters:
    """Compiles shapes to writers of XML, each shape once."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._writers: dict[str, Writer] = {}

    def writer(self, name: str) -> Writer:
        """Return the writer of a shape's content."""
        if name not in self._writers:
            self._writers[name] = lambda value, out: self._writers[name](value, out)
            shape = self._model.shapes[name]
            match shape["type"]:
                case "structure":
                    self._writers[name] = self.members(shape, list(shape["members"]))
                case "list":
                    member = shape["member"].get("locationName", "member")
                    self._writers[name] = _repeat(self._element(member, shape["member"]))
                case "map":
                    self._writers[name] = _repeat(self._entry("entry", shape), pairs=True)
                case kind:
                    self._writers[name] = _text(kind, shape.get("timestampFormat"))
        return self._writers[name]

    def members(self, shape: Shape, names: Iterable[str]) -> Writer:
        """Return a writer of the content of an element with some of a structure's members."""
        members: dict[str, Writer] = {}
        for name in names:
            member = shape["members"][name]
            target = self._model.shapes[member["shape"]]
            wire = element_names(self._model, name, member)[0]
            if member.get("xmlAttribute"):
                continue  # stands in the start of the element
            if target["type"] == "list" and is_flat(target, member):
                members[name] = _repeat(self._element(wire, target["member"]))
            elif target["type"] == "map" and is_flat(target, member):
                members[name] = _repeat(self._entry(wire, target), pairs=True)
            else:
                members[name] = self._element(wire, member)

        def structure(value: Mapping[str, Any], out: list[str]) -> None:
            for name, item in value.items():
                if item is not None and name in members:
                    members[name](item, out)

        return structure

    def _element(self, wire: str, member: Shape) -> Writer:
        shape = self._model.shapes[member["shape"]]
        form = member.get("timestampFormat")
        if shape["type"] == "timestamp" and form:
            return element(wire, _text("timestamp", form))
        namespace = declaration(member.get("xmlNamespace") or shape.get("xmlNamespace"))
        return element(
            wire, self.writer(member["shape"]), namespace, attributes_of(self._model, shape)
        )

    def _entry(self, wire: str, shape: Shape) -> Writer:
        key_name, value_name = entry_names(shape)
        key = element(key_name, _text("string", None))
        item = self._element(value_name, shape["value"])

        def entry(value: tuple[str, Any], out: list[str]) -> None:
            key(value[0], out)
            item(value[1], out)

        return element(wire, entry)


def attributes_of(model: ServiceModel, shape: Shape) -> Mapping[str, str]:
    """Return the members of a structure that are attributes of its element, with their names."""
    return {
        name: member.get("locationName", name)
        for name, member in shape.get("members", {}).items()
        if member.get("xmlAttribute")
    }


def declaration(namespace: Mapping[str, str] | str | None) -> str:
    """Return the declaration of a namespace, as the text of an attribute."""
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{namespace}"'
    prefix = f":{namespace['prefix']}" if "prefix" in namespace else ""
    return f' xmlns{prefix}="{namespace["uri"]}"'


def element(
    name: str,
    write: Writer,
    namespace: str = "",
    attributes: Mapping[str, str] | None = None,
) -> Writer:
    """Return a writer of a whole element.

    Args:
        name: The element's.
        write: Writes its content.
        namespace: A namespace or its declaration, for the start of the element.
        attributes: Members of its value that are attributes, with their names.
    """
    if namespace and not namespace.startswith(" "):
        namespace = declaration(namespace)
    start, end = f"<{name}{namespace}>", f"</{name}>"

    def plain(value: Any, out: list[str]) -> None:
        out.append(start)
        write(value, out)
        out.append(end)

    def with_attributes(value: Any, out: list[str]) -> None:
        texts = [
            f' {wire}="{escape(str(value[member]), quote=True)}"'
            for member, wire in (attributes or {}).items()
            if value.get(member) is not None
        ]
        out.append(f"<{name}{namespace}{''.join(texts)}>")
        write(value, out)
        out.append(end)

    return with_attributes if attributes else plain


def _repeat(write: Writer, *, pairs: bool = False) -> Writer:
    def repeat(value: Any, out: list[str]) -> None:
        for item in value.items() if pairs else value:
            write(item, out)

    return repeat


def _text(kind: str, timestamp_format: str | None) -> Writer:
    writers: dict[str, Callable[[Any], str]] = {
        "timestamp": values.timestamp_writer(timestamp_format or "iso8601"),
        "blob": values.base64,
        "boolean": values.boolean_text,
        "double": values.double_text,
        "float": values.double_text,
    }
    to_text = writers.get(kind, str)
    return lambda value, out: out.append(escape(to_text(value)))


#: Characters that XML 1.0 does not allow, not even escaped.
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def escape(text: str, *, quote: bool = False) -> str:
    """Return text as XML has it; characters that it cannot say become U+FFFD.

    Args:
        text: The text.
        quote: For an attribute between double quotes.
    """
    text = _NOT_XML.sub("\ufffd", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if quote:
        text = text.replace('"', "&quot;").replace("\n", "&#xa;").replace("\t", "&#x9;")
    # XML readers turn a bare carriage return into a line feed.
    return text.replace("\r", "&#xd;")
