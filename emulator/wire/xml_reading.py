"""XML → Python values, for rest-xml.

The reader builds no document type: entities that a request declares are refused, not expanded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from emulator.wire import values
from emulator.wire.model import ServiceModel, Shape
from emulator.wire.xml_names import element_names, entry_names, is_flat

#: Element → Python value.
Reader = Callable[[Element], Any]


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
