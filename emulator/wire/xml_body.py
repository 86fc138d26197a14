"""XML bodies ↔ Python values, for rest-xml and for the answers of the query protocol.

The reader builds no document type: entities that a request declares are refused, not expanded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from emulator.wire import values
from emulator.wire.model import ServiceModel, Shape

#: Element → Python value.
Reader = Callable[[Element], Any]
#: (value, pieces of XML): appends the content of an element.
Writer = Callable[[Any, list[str]], None]

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


class _Builder(TreeBuilder):
    """Refuses a document type, and with it every entity."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise values.malformed("A request has no document type.")


def load_xml(body: bytes) -> Element:
    """Decode an XML body.

    Raises:
        AwsError: ``SerializationException``: not well-formed, or it declares a document type.
    """
    parser = XMLParser(target=_Builder())
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise values.malformed(f"Could not parse the request body as XML: {error}") from None
    return root


def _local(tag: str) -> str:
    """Return a name without its namespace."""
    return tag.rpartition("}")[2]


def element_names(model: ServiceModel, name: str, member: Shape) -> tuple[str, ...]:
    """Return a member's names in XML and forms; the first is the one to write."""
    target = model.shapes[member["shape"]]
    if "queryName" in member:
        return member["queryName"], name
    if target["type"] == "list" and is_flat(target, member):
        inner = target["member"]
        if "queryName" in inner:
            return inner["queryName"], name
        if "locationName" in inner:
            return inner["locationName"], name
    return (member.get("locationName", name),)


def is_flat(target: Shape, member: Shape) -> bool:
    """Say whether a list or map stands in its structure without an element around it."""
    return bool(target.get("flattened") or member.get("flattened"))


def entry_names(shape: Shape) -> tuple[str, str]:
    """Return what the key and the value of a map's entries are called."""
    key, value = shape["key"], shape["value"]
    return (
        key.get("queryName") or key.get("locationName", "key"),
        value.get("queryName") or value.get("locationName", "value"),
    )


class XmlReaders:
    """Compiles shapes to readers of elements, each shape once."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._readers: dict[str, Reader] = {}

    def reader(self, name: str) -> Reader:
        """Return the reader of a shape."""
        if name not in self._readers:
            # A shape may contain itself: until it is made, refer to it by name.
            self._readers[name] = lambda element: self._readers[name](element)
            shape = self._model.shapes[name]
            match shape["type"]:
                case "structure":
                    self._readers[name] = self.members(shape, list(shape["members"]))
                case "list":
                    self._readers[name] = self._list(shape)
                case "map":
                    self._readers[name] = self._map(shape)
                case kind:
                    self._readers[name] = _scalar(kind)
        return self._readers[name]

    def members(self, shape: Shape, names: Iterable[str]) -> Reader:
        """Return a reader of an element with some of a structure's members."""
        plain: dict[str, tuple[str, Reader]] = {}
        lists: dict[str, tuple[str, Reader]] = {}
        maps: dict[str, tuple[str, Reader]] = {}
        attributes: dict[str, tuple[str, Callable[[str], Any]]] = {}
        for name in names:
            member = shape["members"][name]
            target = self._model.shapes[member["shape"]]
            wire = element_names(self._model, name, member)[0]
            if member.get("xmlAttribute"):
                read_text = values.FROM_TEXT[target["type"]]
                attributes[wire.rpartition(":")[2]] = name, read_text
            elif target["type"] == "list" and is_flat(target, member):
                lists[wire] = name, self.reader(target["member"]["shape"])
            elif target["type"] == "map" and is_flat(target, member):
                maps[wire] = name, self._entry(target)
            else:
                plain[wire] = name, self.reader(member["shape"])

        def structure(element: Element) -> dict[str, Any]:
            result: dict[str, Any] = {}
            for attribute, text in element.attrib.items():
                if (known := attributes.get(_local(attribute))) is not None:
                    result[known[0]] = known[1](text)
            for child in element:
                tag = _local(child.tag)
                if (member := plain.get(tag)) is not None:
                    result[member[0]] = member[1](child)
                elif (member := lists.get(tag)) is not None:
                    result.setdefault(member[0], []).append(member[1](child))
                elif (member := maps.get(tag)) is not None:
                    key, value = member[1](child)
                    result.setdefault(member[0], {})[key] = value
            return result

        return structure

    def _list(self, shape: Shape) -> Reader:
        read = self.reader(shape["member"]["shape"])
        wire = shape["member"].get("locationName", "member")

        def array(element: Element) -> list[Any]:
            return [read(child) for child in element if _local(child.tag) == wire]

        return array

    def _map(self, shape: Shape) -> Reader:
        read = self._entry(shape)

        def mapping(element: Element) -> dict[str, Any]:
            return dict(read(child) for child in element if _local(child.tag) == "entry")

        return mapping

    def _entry(self, shape: Shape) -> Reader:
        key_name, value_name = entry_names(shape)
        read = self.reader(shape["value"]["shape"])

        def entry(element: Element) -> tuple[str, Any]:
            found = {_local(child.tag): child for child in element}
            if key_name not in found or value_name not in found:
                raise values.malformed(f"A map entry needs {key_name} and {value_name}.")
            return found[key_name].text or "", read(found[value_name])

        return entry


def _scalar(kind: str) -> Reader:
    convert = values.FROM_TEXT[kind]

    def scalar(element: Element) -> Any:
        if len(element):
            raise values.malformed(f"<{_local(element.tag)}> holds elements, not text.")
        text = element.text or ""
        return convert(text if kind == "string" else text.strip())

    return scalar


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
        namespace = _declaration(member.get("xmlNamespace") or shape.get("xmlNamespace"))
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


def _declaration(namespace: Mapping[str, str] | str | None) -> str:
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
        namespace = _declaration(namespace)
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
    show: Callable[[Any], str] = {
        "timestamp": values.timestamp_writer(timestamp_format or "iso8601"),
        "blob": values.base64,
        "boolean": values.boolean_text,
    }.get(kind, str)
    return lambda value, out: out.append(escape(show(value)))


#: What XML 1.0 cannot say, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
            element(name, write, _declaration(namespace), attributes_of(self._model, shape))
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

        return _document(element(name, write, _declaration(self._namespace)))


def _document(write: Writer) -> Callable[[Any], bytes]:
    def document(value: Any) -> bytes:
        out = [DECLARATION]
        write(value, out)
        return "".join(out).encode()

    return document
