"""Templates as documents: parsed safely, and the values in them resolved."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.model.errors import ConfigurationError
from emulator.model.nesting import is_deeper
from emulator.stack.errors import TemplateError

if TYPE_CHECKING:
    import yaml

#: CloudFormation's own limit for a template, bytes.
_LARGEST = 1_000_000
#: The most values of a template with its aliases expanded.
_MOST_VALUES = 100_000
#: How deep a template may be nested.
DEEPEST = 100
#: How many brackets may be open at once, those in texts among them.
_MOST_OPENED = 1000
_BRACKETS = re.compile(r"[\[\]{}]")
_NO_VALUE = object()

#: Tags whose long form is ``Fn::<name>``; ``!Ref`` and ``!Condition`` have none.
_FUNCTIONS = (
    "And Base64 Cidr Equals FindInMap ForEach GetAZs GetAtt If ImportValue Join Length Not Or"
    " Select Split Sub ToJsonString Transform"
).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A template as it is written."""

    body: dict[str, Any]
    #: Oddities that are accepted, one sentence each.
    notes: tuple[str, ...] = ()


def load(path: Path) -> dict[str, Any]:
    """Return the template at ``path``; short tags (``!Ref x``) in their long form.

    Raises:
        ConfigurationError: It cannot be read, is too large, or is no mapping.
    """
    return read(path).body


def read(path: Path) -> Document:
    """Return the template at ``path``; short tags (``!Ref x``) in their long form.

    Raises:
        ConfigurationError: It cannot be read, is too large, or is no mapping.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError(f"{path} is larger than {_LARGEST} bytes")
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None
    try:
        return parse(text)
    except TemplateError as error:
        raise ConfigurationError(f"{path}: {error.message}") from None


def parse(text: str) -> Document:
    """Return a template that was written in JSON or YAML.

    Raises:
        TemplateError: It is neither, holds values that templates may not hold, or is no mapping.
    """
    notes: list[str] = []
    if _opened(text) > _MOST_OPENED:
        raise TemplateError("Template format error: The template is nested too deeply")
    try:
        written_in_json = text.lstrip()[:1] == "{"
        body = _from_json(text, notes) if written_in_json else _from_yaml(text, notes)
        deep = is_deeper(body, DEEPEST)
    except _Problem as problem:
        raise TemplateError(f"Template format error: {problem}") from None
    except RecursionError:
        deep = True
    if deep:
        raise TemplateError("Template format error: The template is nested too deeply")
    if not isinstance(body, dict):
        raise TemplateError("Template format error: unsupported structure.")
    return Document(body=body, notes=tuple(notes))


def locate(text: str, path: tuple[str | int, ...]) -> tuple[int, int] | None:
    """Return line and column (from 1) of the value at ``path``, or of the nearest value above it.

    A value that begins below its key is where the key is.

    Args:
        text: A template that :func:`parse` accepts.
        path: Keys and indexes; names of functions are found in their short form, too.
    """
    import yaml

    try:
        node: yaml.Node | None = yaml.SafeLoader(text).get_single_node()
    except yaml.YAMLError:
        return None
    if node is None:
        return None
    mark = node.start_mark
    for step in path:
        below: yaml.Node | None = None
        named: yaml.Node | None = None
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            below = node.value[step] if step < len(node.value) else None
        elif isinstance(node, yaml.MappingNode):
            pairs = ((value, key) for key, value in node.value if key.value == str(step))
            below, named = next(pairs, (None, None))
        if below is not None:
            node, mark = below, below.start_mark
            if named is not None and named.start_mark.line < mark.line:
                mark = named.start_mark
        elif node.tag != f"!{str(step).removeprefix('Fn::')}":
            break
    return mark.line + 1, mark.column + 1


def _opened(text: str) -> int:
    """Return how many brackets are open at once at most: YAML takes a second to find too many."""
    opened = most = 0
    for match in _BRACKETS.finditer(text):
        opened = max(0, opened + (1 if match[0] in "[{" else -1))
        most = max(most, opened)
    return most


class _Problem(Exception):
    """What is wrong with a document."""


def _from_json(text: str, notes: list[str]) -> Any:
    def last_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            (key, _), *_ = Counter(key for key, _ in pairs).most_common(1)
            notes.append(f"{key!r} is there twice: the last one counts")
        return result

    try:
        return json.loads(text, object_pairs_hook=last_of_each)
    except ValueError as error:
        raise _Problem(f"JSON not well-formed. ({error})") from None


def _from_yaml(text: str, notes: list[str]) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Plain data and CloudFormation's tags, nothing else."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            """Note keys that occur twice: the last one counts."""
            own = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            for key, count in own.most_common(1):
                if count > 1 and key != "<<":
                    line = node.start_mark.line + 1
                    notes.append(
                        f"{key!r} is there twice in the mapping at line {line}: the last one counts"
                    )
            return super().construct_mapping(node, deep=deep)

    def intrinsic(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
        if suffix not in (*_FUNCTIONS, "Ref", "Condition"):
            line = node.start_mark.line + 1
            raise _Problem(f"the tag !{suffix} (line {line}) is none of CloudFormation's")
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            assert isinstance(node, yaml.MappingNode)
            value = loader.construct_mapping(node, deep=True)
        return {f"Fn::{suffix}" if suffix in _FUNCTIONS else suffix: value}

    Loader.add_multi_constructor("!", intrinsic)
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {})
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _Problem(f"YAML not well-formed. ({_in_a_line(error)})") from None
    except (ValueError, TypeError, LookupError, AttributeError):
        # PyYAML trusts anything tagged as a date, number or flag: 2024-99-99, !!bool x.
        raise _Problem("it has a value that is not of the kind it claims to be") from None


def _in_a_line(error: yaml.YAMLError) -> str:
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem is None or mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def _count(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the values of ``node`` with its aliases expanded; refuse bombs and loops."""
    count = known.get(id(node))
    if count == 0:
        raise _Problem("an alias contains itself")
    if count is None:
        known[id(node)] = 0
        count = 1
        value = node.value
        for child in value if isinstance(value, list) else ():
            parts = child if isinstance(child, tuple) else (child,)
            count += sum(_count(part, known) for part in parts)
        known[id(node)] = count
    if count > _MOST_VALUES:
        raise _Problem(f"it has more than {_MOST_VALUES} values")
    return count


class Unresolved(ConfigurationError):
    """A reference or function that cannot be resolved here.

    Attributes:
        reason: Why, in a few words.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Referent:
    """The values of references to a resource."""

    #: Of ``Ref``.
    ref: str
    #: Of ``Fn::GetAtt``, by the attribute's name.
    attributes: Mapping[str, str]


class Values:
    """Resolves ``Ref``, ``Fn::GetAtt`` and ``Fn::Sub`` of parameters and resources.

    Attributes:
        resources: The resources that can be referred to, by what the template calls them.
    """

    def __init__(self, path: Path, document: dict[str, Any], given: Mapping[str, str]) -> None:
        """Take the ``Parameters`` of ``document``.

        Args:
            path: The template's, for messages.
            document: The template.
            given: Values by name, before any default; those of ``AWS::…`` among them.

        Raises:
            ConfigurationError: ``Parameters`` is not what it should be.
        """
        self._path = path
        self._given = given
        self.resources: dict[str, Referent] = {}
        declared = self.mapping(document.get("Parameters"), "Parameters")
        self._declared = {
            name: self.mapping(body, "Parameters", name) for name, body in declared.items()
        }

    def mapping(self, value: Any, *where: str) -> dict[str, Any]:
        """Return ``value``, which must be a mapping with text for keys; nothing is an empty one."""
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self._error("must be a mapping from names to values", *where)
        return value

    def resolve(self, value: Any, *where: str) -> Any:
        """Return ``value`` with every intrinsic function in it worked out.

        Raises:
            Unresolved: A function or reference that can't be worked out here.
            ConfigurationError: One that is not written as it should be.
        """
        found = self._resolve(value, where)
        return None if found is _NO_VALUE else found

    def _resolve(self, value: Any, where: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            items = [self._resolve(item, where) for item in value]
            return [item for item in items if item is not _NO_VALUE]
        if isinstance(value, (datetime.date, datetime.datetime)):
            return value.isoformat()
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self._reference(argument, where)
            if key == "Fn::GetAtt":
                return self._attribute(argument, where)
            if key == "Fn::Sub":
                return self._substitute(argument, where)
            if isinstance(key, str) and (key.startswith("Fn::") or key == "Condition"):
                raise self._unresolved(f"uses {key}, which is not worked out here", *where)
        found = {key: self._resolve(item, (*where, str(key))) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not _NO_VALUE}

    def _reference(self, name: Any, where: tuple[str, ...]) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if isinstance(name, str):
            if name in self._given:
                return self._given[name]
            if name in self._declared:
                return self._default(name, where)
            if name in self.resources:
                return self.resources[name].ref
        raise self._unresolved(
            f"refers to {name!r}, which is neither a parameter nor a resource served here", *where
        )

    def _attribute(self, argument: Any, where: tuple[str, ...]) -> str:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if not isinstance(parts, list) or len(parts) != 2:
            raise self._error("has a Fn::GetAtt without a resource and an attribute", *where)
        name, attribute = (self._resolve(part, where) for part in parts)
        found = self.resources.get(name) if isinstance(name, str) else None
        if found is None:
            raise self._unresolved(f"refers to {name!r}, which is no resource served here", *where)
        if attribute not in found.attributes:
            raise self._unresolved(f"refers to {name}.{attribute}, which is not known here", *where)
        return found.attributes[attribute]

    def _default(self, name: str, where: tuple[str, ...]) -> Any:
        declared = self._declared[name]
        if str(declared.get("Type", "")).startswith("AWS::SSM::"):
            raise self._unresolved(
                f"needs the parameter {name}, whose value is kept in SSM", *where
            )
        value = declared.get("Default")
        if value is None:
            raise self._unresolved(f"needs the parameter {name}, which has no default", *where)
        if isinstance(value, (dict, list)):
            raise self._error(f"needs the parameter {name}, whose default is no text", *where)
        return self._resolve(value, where)

    def _substitute(self, argument: Any, where: tuple[str, ...]) -> str:
        text, own = argument, {}
        if isinstance(argument, list) and len(argument) == 2:
            text, own = argument[0], self.mapping(argument[1], *where)
        if not isinstance(text, str):
            raise self._error("has a Fn::Sub without a text", *where)

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            local = name in own
            if local:
                found = self._resolve(own[name], where)
            elif "." in name:
                found = self._attribute(name, where)
            else:
                found = self._reference(name, where)
            if isinstance(found, bool):
                return "true" if found else "false"
            if not isinstance(found, (str, int, float)):
                raise self._error(f"has a Fn::Sub of {name}, which is no text", *where)
            return str(found)

        return re.sub(r"\$\{([^}]*)\}", value, text)

    def _unresolved(self, problem: str, *where: str) -> Unresolved:
        text = f"{self._path}: {'.'.join(where)} {problem}"
        return Unresolved(text, problem.partition(", which")[0])

    def _error(self, problem: str, *where: str) -> ConfigurationError:
        return ConfigurationError(f"{self._path}: {'.'.join(where)} {problem}")


def is_call(value: Any) -> bool:
    """Say whether a value is an intrinsic function, to be worked out as a whole."""
    return (
        isinstance(value, dict)
        and len(value) == 1
        and all(key == "Ref" or str(key).startswith("Fn::") for key in value)
    )
