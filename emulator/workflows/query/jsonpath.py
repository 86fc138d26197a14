"""JSONPath as Step Functions reads it.

The dialect is the one of the Jayway library: a path that names one place (definite) gives its
value and fails if it is missing; any other gives the list of what matches, which may be empty.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..json_text import Json, type_name
from .path_filters import InvalidFilter, Predicate, parse_predicate
from .path_functions import FUNCTIONS
from .scope import Scope


class InvalidPath(ValueError):
    """The text is no JSONPath."""


class PathMissing(LookupError):
    """A definite path leads nowhere."""


@dataclass(frozen=True, slots=True)
class Names:
    """`.a`, `['a']`, `['a','b']`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0]`, `[-1]`, `[0,2]`."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:3]`."""

    start: int | None
    stop: int | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`.*`, `[*]`."""


@dataclass(frozen=True, slots=True)
class Descend:
    """`..`: the values inside at any depth, before the next segment."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(…)]`."""

    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Function:
    """`.length()`."""

    name: str


Segment = Names | Indexes | Slice | Wildcard | Descend | Filter | Function


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path.

    Args:
        text: As it was written.
        variable: The name of the variable it starts at; None: `$` or `$$`.
        is_context: It starts at the context object.
    """

    text: str
    variable: str | None
    is_context: bool
    segments: tuple[Segment, ...]

    @property
    def is_definite(self) -> bool:
        """Whether it names one place at most."""
        return all(_is_single(segment) for segment in self.segments)

    @property
    def is_reference(self) -> bool:
        """Whether it is a Reference Path: only names and places in arrays."""
        return all(
            (isinstance(each, Names) and len(each.names) == 1)
            or (isinstance(each, Indexes) and len(each.indexes) == 1)
            for each in self.segments
        )


def evaluate(path: Path, scope: Scope) -> Json:
    """Return what a path leads to.

    Raises:
        PathMissing: It is definite, and there is nothing.
    """
    if path.variable is not None:
        if path.variable not in scope.variables:
            raise PathMissing(f"The variable '{path.variable}' is not assigned")
        root = scope.variables[path.variable]
    else:
        root = scope.context if path.is_context else scope.data
    return select(path, root)


def select(path: Path, root: Json) -> Json:
    """Return what the segments of a path lead to, from a value on.

    Raises:
        PathMissing: The path is definite, and there is nothing.
    """
    if not path.segments:
        return root
    if len(path.segments) == 1 and isinstance(root, dict):
        segment = path.segments[0]
        if isinstance(segment, Names) and len(segment.names) == 1 and segment.names[0] in root:
            return root[segment.names[0]]
    nodes: list[Json] = [root]
    # Of a path that may match several, nothing has to be there.
    definite = path.is_definite
    trail = "$"
    for position, segment in enumerate(path.segments):
        if isinstance(segment, Function):
            nodes = [_apply(segment.name, nodes[0] if definite else nodes, trail)]
            definite = True
            continue
        trail += _shown(segment)
        if definite and _is_single(segment):
            nodes = [_one(segment, nodes[0], trail, position == len(path.segments) - 1)]
            continue
        nodes = [found for node in nodes for found in _matches(segment, node, root)]
    return nodes[0] if definite else nodes


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Return a parsed path: `$…`, `$$…` or `$variable…`.

    Raises:
        InvalidPath: It is none.
    """
    if not text.startswith("$"):
        raise InvalidPath("a path begins with $")
    rest, variable, is_context = text[1:], None, False
    if rest.startswith("$"):
        rest, is_context = rest[1:], True
    elif rest and (rest[0].isalpha() or rest[0] == "_"):
        length = 1
        while length < len(rest) and (rest[length].isalnum() or rest[length] == "_"):
            length += 1
        variable, rest = rest[:length], rest[length:]
    return Path(text, variable, is_context, tuple(_Reader(rest).segments()))


class _Reader:
    """Reads the segments of a path."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def segments(self) -> Iterator[Segment]:
        while self.at < len(self.text):
            if self.text.startswith("..", self.at):
                self.at += 2
                yield Descend()
                if not self.text.startswith("[", self.at):
                    yield self._name()
            elif self.text[self.at] == ".":
                self.at += 1
                # A dot may stand before a bracket: "$.[0]".
                is_bracket = self.text.startswith("[", self.at)
                yield self._bracket() if is_bracket else self._name()
            elif self.text[self.at] == "[":
                yield self._bracket()
            else:
                raise InvalidPath(f"unexpected '{self.text[self.at]}'")

    def _name(self) -> Segment:
        if self.text.startswith("*", self.at):
            self.at += 1
            return Wildcard()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in ".[( '\"":
            self.at += 1
        name = self.text[start : self.at]
        if not name:
            raise InvalidPath("a name is missing")
        if self.text.startswith("()", self.at):
            self.at += 2
            if name not in FUNCTIONS:
                raise InvalidPath(f"there is no function {name}()")
            return Function(name)
        return Names((name,))

    def _bracket(self) -> Segment:
        self.at += 1
        self._space()
        if self.text.startswith("?", self.at):
            return self._filter()
        if self.text.startswith(("'", '"'), self.at):
            names = [self._quoted()]
            while self._comma():
                names.append(self._quoted())
            self._close()
            return Names(tuple(names))
        end = self.text.find("]", self.at)
        if end < 0:
            raise InvalidPath("a bracket is not closed")
        inside, self.at = self.text[self.at : end].strip(), end + 1
        if inside == "*":
            return Wildcard()
        try:
            if ":" in inside:
                bounds = [int(each) if each.strip() else None for each in inside.split(":")]
                if len(bounds) > 3 or (len(bounds) == 3 and bounds[2] == 0):
                    raise ValueError
                return Slice(*[*bounds, None, None][:3])
            return Indexes(tuple(int(each) for each in inside.split(",")))
        except ValueError:
            raise InvalidPath(f"'[{inside}]' is not understood") from None

    def _filter(self) -> Segment:
        self.at += 1
        self._space()
        try:
            predicate, self.at = parse_predicate(self.text, self.at, _subpath)
        except InvalidFilter as error:
            raise InvalidPath(str(error)) from None
        self._close()
        return Filter(predicate)

    def _quoted(self) -> str:
        self._space()
        quote = self.text[self.at : self.at + 1]
        if quote not in ("'", '"') or not quote:
            raise InvalidPath("a quote is missing")
        self.at += 1
        name = ""
        while self.at < len(self.text):
            character = self.text[self.at]
            following = self.text[self.at + 1 : self.at + 2]
            if character == "\\" and following in (quote, "\\"):
                name += following
                self.at += 2
                continue
            self.at += 1
            if character == quote:
                return name
            name += character
        raise InvalidPath("a quote is not closed")

    def _comma(self) -> bool:
        self._space()
        if self.text.startswith(",", self.at):
            self.at += 1
            return True
        return False

    def _close(self) -> None:
        self._space()
        if not self.text.startswith("]", self.at):
            raise InvalidPath("a bracket is not closed")
        self.at += 1

    def _space(self) -> None:
        while self.text.startswith(" ", self.at):
            self.at += 1


def _subpath(text: str) -> Callable[[Json], Json]:
    path = Path(text, None, False, tuple(_Reader(text[1:]).segments()))
    return lambda root: select(path, root)


def _is_single(segment: Segment) -> bool:
    match segment:
        case Indexes(indexes):
            return len(indexes) == 1
        case Names() | Function():
            return True
        case _:
            return False


def _one(segment: Segment, node: Json, trail: str, is_last: bool) -> Json:
    """Return the value a definite segment names."""
    if isinstance(segment, Names):
        if not isinstance(node, dict):
            raise PathMissing(_not_container("an object", trail, node))
        if len(segment.names) > 1:
            return {name: node[name] for name in segment.names if name in node}
        if segment.names[0] not in node:
            kind = "No results for path:" if is_last else "Missing property in path"
            raise PathMissing(f"{kind} {trail}")
        return node[segment.names[0]]
    assert isinstance(segment, Indexes)
    if not isinstance(node, list):
        raise PathMissing(_not_container("an array", trail, node))
    index = segment.indexes[0]
    if not -len(node) <= index < len(node):
        raise PathMissing(f"No results for path: {trail}")
    return node[index]


def _not_container(wanted: str, trail: str, node: Json) -> str:
    return f"Expected to find {wanted} in path {trail} but found '{type_name(node)}'"


def _matches(segment: Segment, node: Json, root: Json) -> Iterator[Json]:
    """Go through what a segment finds in a value; what does not fit finds nothing."""
    match segment:
        case Names(names) if isinstance(node, dict):
            yield from (node[name] for name in names if name in node)
        case Indexes(indexes) if isinstance(node, list):
            yield from (node[index] for index in indexes if -len(node) <= index < len(node))
        case Slice(start, stop, step) if isinstance(node, list):
            yield from node[start:stop:step]
        case Wildcard() if isinstance(node, dict):
            yield from node.values()
        case Wildcard() if isinstance(node, list):
            yield from node
        case Descend():
            yield from _descend(node)
        case Filter(predicate):
            for each in node if isinstance(node, list) else [node]:
                if predicate(each, root):
                    yield each


def _descend(node: Json) -> Iterator[Json]:
    waiting = [node]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            yield value
            waiting.extend(reversed(list(value.values() if isinstance(value, dict) else value)))


def _apply(name: str, value: Json, trail: str) -> Json:
    try:
        return FUNCTIONS[name](value)
    except (TypeError, ValueError, ArithmeticError):
        message = f"Aggregation function attempted to calculate value using {name}() at {trail}"
        raise PathMissing(message) from None


def _shown(segment: Segment) -> str:
    match segment:
        case Names(names):
            return "[" + ",".join(f"'{name}'" for name in names) + "]"
        case Indexes(indexes):
            return f"[{','.join(map(str, indexes))}]"
        case Descend():
            return ".."
        case _:
            return "[*]"


def place(path: Path, document: Json, value: Json) -> Json:
    """Return a document with a value put where a Reference Path points (ResultPath).

    Raises:
        PathMissing: Something there is no object, or an array is too short.
    """
    if not path.segments:
        return value
    return _placed(path.segments, document, value)


def _placed(segments: tuple[Segment, ...], document: Json, value: Json) -> Json:
    if not segments:
        return value
    segment, rest = segments[0], segments[1:]
    if isinstance(segment, Names):
        if document is not None and not isinstance(document, dict):
            raise PathMissing("not an object")
        inner = (document or {}).get(segment.names[0])
        return {**(document or {}), segment.names[0]: _placed(rest, inner, value)}
    assert isinstance(segment, Indexes)
    index = segment.indexes[0]
    if not isinstance(document, list) or not 0 <= index < len(document):
        raise PathMissing("no such item of an array")
    changed = list(document)
    changed[index] = _placed(rest, document[index], value)
    return changed
