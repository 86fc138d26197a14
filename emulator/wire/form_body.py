"""Forms of the query protocol → requests.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire import values
from emulator.wire.model import ServiceModel, Shape
from emulator.wire.xml_names import element_names, entry_names

#: A form's parameters as a tree over the dots of their names; the value itself is under "".
Tree = dict[str, Any]
Reader = Callable[[Tree], Any]

#: Names with more dots than this mean no shape.
_DEEPEST = 16


def load_form(query: str, body: bytes) -> dict[str, list[str]]:
    """Decode the parameters of a query request, from its query string and its body.

    Raises:
        AwsError: ``SerializationException``: not UTF-8.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise values.malformed("The form is not UTF-8.") from None
    return values.parse_query_string(f"{query}&{text.strip()}" if query else text.strip())


def to_tree(parameters: Mapping[str, list[str]]) -> Tree:
    """Arrange parameters by the dots of their names; of a repeated name the first counts."""
    root: Tree = {}
    for name, texts in parameters.items():
        node = root
        for part in name.split(".", _DEEPEST):
            node = node.setdefault(part, {})
        node[""] = texts[0]
    return root


class FormReaders:
    """Compiles shapes to readers of parameter trees, each shape once."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._readers: dict[str, Reader] = {}

    def reader(self, name: str) -> Reader:
        """Return the reader of a shape."""
        if name not in self._readers:
            # A shape may contain itself: until it is made, refer to it by name.
            self._readers[name] = lambda tree: self._readers[name](tree)
            shape = self._model.shapes[name]
            match shape["type"]:
                case "structure":
                    self._readers[name] = self._structure(shape)
                case "list":
                    self._readers[name] = self._list(shape)
                case "map":
                    self._readers[name] = self._map(shape)
                case kind:
                    self._readers[name] = _scalar(kind)
        return self._readers[name]

    def _structure(self, shape: Shape) -> Reader:
        members = [
            (name, element_names(self._model, name, member), self.reader(member["shape"]))
            for name, member in shape["members"].items()
        ]

        def structure(tree: Tree) -> dict[str, Any]:
            result = {}
            for name, wires, read in members:
                for wire in wires:
                    if wire in tree:
                        result[name] = read(tree[wire])
                        break
            return result

        return structure

    def _list(self, shape: Shape) -> Reader:
        read = self.reader(shape["member"]["shape"])
        inner = shape["member"].get("locationName", "member")

        def array(tree: Tree) -> list[Any]:
            return [read(item) for item in _numbered(tree.get(inner, tree))]

        return array

    def _map(self, shape: Shape) -> Reader:
        read_key, read = self.reader(shape["key"]["shape"]), self.reader(shape["value"]["shape"])
        key_name, value_name = entry_names(shape)

        def mapping(tree: Tree) -> dict[str, Any]:
            result = {}
            for entry in _numbered(tree.get("entry", tree)):
                if key_name not in entry:
                    raise AwsError("MissingParameter", f"A map entry has no {key_name}.")
                # A value left out is an empty one: clients drop empty strings.
                result[read_key(entry[key_name])] = read(entry.get(value_name, {}))
            return result

        return mapping


def _scalar(kind: str) -> Reader:
    convert = values.FROM_TEXT[kind]

    def scalar(tree: Tree) -> Any:
        text = tree.get("", "")
        return text if kind == "string" else convert(text)

    return scalar


def _numbered(tree: Tree) -> list[Tree]:
    numbers = [key for key in tree if key.isascii() and key.isdigit() and len(key) < 10]
    return [tree[key] for key in sorted(numbers, key=int)]
