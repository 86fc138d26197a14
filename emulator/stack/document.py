"""Templates as documents: parsed safely, and the values in them resolved."""

from __future__ import annotations

import json
import re
from collections import Counter
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

#: Tags whose long form is ``Fn::<name>``; ``!Ref`` and ``!Condition`` have none.
_FUNCTIONS = (
    "And Base64 Cidr Contains EachMemberEquals EachMemberIn Equals FindInMap ForEach GetAZs GetAtt"
    " If ImportValue Join Length Not Or RefAll Select Split Sub ToJsonString Transform ValueOf"
    " ValueOfAll"
).split()

#: What YAML takes a word for that could be more than a text.
_GUESSED = [f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null", "timestamp")]
_TEXT = "tag:yaml.org,2002:str"


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

    from emulator.model.plain_yaml import YamlProblem, construct

    class Loader(yaml.SafeLoader):
        """Plain data and CloudFormation's tags, nothing else."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            """Take keys as they are written; note those that occur twice: the last one counts.

            A parameter ``On`` is no truth, and an account is no number.
            """
            own = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            for key, times in own.most_common(1):
                if times > 1 and key != "<<":
                    line = node.start_mark.line + 1
                    notes.append(
                        f"{key!r} is there twice in the mapping at line {line}: the last one counts"
                    )
            self.flatten_mapping(node)
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag in _GUESSED:
                    key.tag = _TEXT
            return super().construct_mapping(node, deep=deep)

    def intrinsic(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
        if suffix not in (*_FUNCTIONS, "Ref", "Condition"):
            line = node.start_mark.line + 1
            raise _Problem(f"the tag !{suffix} (line {line}) is none of CloudFormation's")
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = loader.construct_scalar(node)
            if suffix == "GetAtt" and isinstance(value, str) and "." in value:
                # As macros get it, and processed templates show it.
                value = value.split(".", 1)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            assert isinstance(node, yaml.MappingNode)
            value = loader.construct_mapping(node, deep=True)
        return {f"Fn::{suffix}" if suffix in _FUNCTIONS else suffix: value}

    Loader.add_multi_constructor("!", intrinsic)
    try:
        return construct(Loader, text, _MOST_VALUES)
    except YamlProblem as problem:
        raise _Problem(str(problem)) from None
