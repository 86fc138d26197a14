"""AWS's event pattern language: which events match a pattern.

A pattern is compiled to alternatives (its ``$or`` expanded), each with rules for some paths. An
event matches an alternative if each of its paths has a value that meets one of the path's rules.
Values of different array elements do not mix: ``{"a": {"b": [1], "c": [2]}}`` wants both in one
element.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import orjson

from emulator.model.wildcards import consists_of

#: Says whether a value meets a rule; a path without a value has ``ABSENT``.
Rule = Callable[[Any], bool]
ABSENT = object()
#: The most alternatives of a pattern, and how deep it and an event may be nested.
_MOST_ALTERNATIVES, _DEEPEST = 1000, 100
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
#: So many wildcards before the same character are too complex for AWS.
_MOST_WILDCARDS = 5


class InvalidPattern(ValueError):
    """It is no event pattern."""


class _Value:
    """A value of an event, and the array elements that it lies in."""

    __slots__ = ("elements", "value")

    def __init__(self, value: Any, elements: dict[str, int]) -> None:
        self.value, self.elements = value, elements


class Equals:
    """The rule that a value is this one; a whole number equals itself as a fraction.

    Args:
        wanted: The value.
    """

    __slots__ = ("wanted",)

    def __init__(self, wanted: Any) -> None:
        self.wanted = wanted

    def __call__(self, value: Any) -> bool:
        wanted = self.wanted
        if isinstance(wanted, bool) or wanted is None:
            return value is wanted
        if isinstance(wanted, str):
            return isinstance(value, str) and value == wanted
        return _is_number(value) and bool(value == wanted)


#: Rules by path; one of each path's rules is to be met.
Alternative = dict[str, list[Rule]]
#: The leaves of an event by path.
Values = dict[str, list[_Value]]


class Pattern:
    """A compiled pattern.

    Raises:
        InvalidPattern: The text is no pattern.
    """

    def __init__(self, text: str | bytes) -> None:
        try:
            body = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise InvalidPattern(f"not JSON: {error}") from error
        if not isinstance(body, dict):
            raise InvalidPattern("a pattern is an object")
        #: What meets the pattern: for one of these, each path has a value that meets a rule.
        self.alternatives = _alternatives(body, "", 0)
        #: All paths that the pattern names.
        self.paths = {path for each in self.alternatives for path in each}
        self._tops = tops_of(self.paths)

    def matches(self, event: Any) -> bool:
        """Say whether ``event`` (as parsed from JSON) matches."""
        if not isinstance(event, dict):
            return False
        values = leaves(event, self._tops)
        return any(meets(each, values) for each in self.alternatives)


def tops_of(paths: Iterable[str]) -> frozenset[str]:
    """Return with what the paths begin: which parts of an event are looked at."""
    return frozenset(path.partition(".")[0] for path in paths)


def leaves(event: dict[str, Any], tops: Container[str]) -> Values:
    """Return the leaves of an event by path, which :func:`meets` asks for.

    Args:
        event: The event.
        tops: With what the paths begin that are asked for.
    """
    values: Values = {}
    for key, value in event.items():
        if key.partition(".")[0] in tops:
            _flatten(value, key, {}, values, 1)
    return values


def meets(alternative: Alternative, values: Values) -> bool:
    """Say whether an event meets one of a pattern's alternatives."""
    return _meets(list(alternative.items()), values, {})


def texts_of(rules: list[Rule]) -> list[str] | None:
    """Return the texts of which a path has to have one; None: its rules want something else."""
    found = [each.wanted for each in rules if isinstance(each, Equals)]
    texts = [each for each in found if isinstance(each, str)]
    return texts if len(texts) == len(rules) else None


def _flatten(
    node: Any, path: str, elements: dict[str, int], values: dict[str, list[_Value]], depth: int
) -> None:
    """Collect the leaves of an event by path; arrays count as each of their elements."""
    if depth > _DEEPEST:
        return
    if isinstance(node, dict):
        for key, value in node.items():
            _flatten(value, f"{path}.{key}" if path else key, elements, values, depth + 1)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            inside = {**elements, path: index}
            _flatten(value, path, inside, values, depth + 1)
    else:
        values.setdefault(path, []).append(_Value(node, elements))


def _meets(
    wanted: list[tuple[str, list[Rule]]], values: dict[str, list[_Value]], elements: dict[str, int]
) -> bool:
    """Say whether all ``wanted`` rules are met within the array elements chosen so far."""
    if not wanted:
        return True
    (path, rules), *rest = wanted
    there = values.get(path)
    if not there:
        return any(rule(ABSENT) for rule in rules) and _meets(rest, values, elements)
    for each in there:
        if each.elements and any(
            elements.get(array, index) != index for array, index in each.elements.items()
        ):
            continue
        if any(rule(each.value) for rule in rules) and _meets(
            rest, values, {**elements, **each.elements}
        ):
            return True
    return False


# -- compiling ------------------------------------------------------------------------------------


def _alternatives(body: dict[str, Any], path: str, depth: int) -> list[dict[str, list[Rule]]]:
    if not body:
        raise InvalidPattern(f"an empty object at {path or 'the top'}")
    if depth > _DEEPEST:
        raise InvalidPattern("nested too deeply")
    found: list[dict[str, list[Rule]]] = [{}]
    for key, value in body.items():
        below = f"{path}.{key}" if path else key
        if key == "$or" and _is_or(value):
            options = [each for option in value for each in _alternatives(option, path, depth + 1)]
        elif isinstance(value, dict):
            options = _alternatives(value, below, depth + 1)
        elif isinstance(value, list):
            if not value:
                raise InvalidPattern(f"an empty list at {below}")
            options = [{below: [_rule(each) for each in value]}]
        else:
            raise InvalidPattern(f"{below} is neither an object nor a list")
        if len(found) * len(options) > _MOST_ALTERNATIVES:
            raise InvalidPattern("too many alternatives")
        found = [one | other for one in found for other in options]
    return found


def _is_or(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 2
        and all(isinstance(each, dict) and each for each in value)
    )


def _rule(value: Any) -> Rule:
    if isinstance(value, list):
        raise InvalidPattern("a list within a list")
    if not isinstance(value, dict):
        return Equals(value)
    if len(value) != 1:
        raise InvalidPattern("one operator at a time")
    ((name, argument),) = value.items()
    make = _OPERATORS.get(name)
    if make is None:
        raise InvalidPattern(f"unrecognised operator {name}")
    return make(argument)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(argument: Any, name: str) -> str:
    if not isinstance(argument, str):
        raise InvalidPattern(f"{name} takes a text")
    return argument


def _exactly(argument: Any) -> Rule:
    return Equals(_text(argument, "exactly"))


def _exists(argument: Any) -> Rule:
    if not isinstance(argument, bool):
        raise InvalidPattern("exists takes true or false")
    return lambda value: (value is not ABSENT) is argument


def _folded(argument: Any, name: str) -> tuple[str, bool]:
    """Return the text of a prefix or suffix, and whether its case does not count."""
    if isinstance(argument, Mapping) and list(argument) == ["equals-ignore-case"]:
        return _text(argument["equals-ignore-case"], name).casefold(), True
    return _text(argument, name), False


def _prefix(argument: Any) -> Rule:
    text, folds = _folded(argument, "prefix")
    return lambda value: (
        isinstance(value, str) and (value.casefold() if folds else value).startswith(text)
    )


def _suffix(argument: Any) -> Rule:
    text, folds = _folded(argument, "suffix")
    return lambda value: (
        isinstance(value, str) and (value.casefold() if folds else value).endswith(text)
    )


def _ignore_case(argument: Any) -> Rule:
    text = _text(argument, "equals-ignore-case").casefold()
    return lambda value: isinstance(value, str) and value.casefold() == text


def _wildcard(argument: Any) -> Rule:
    parts = re.findall(r"\\[*\\]|\*|[^*\\]|\\", _text(argument, "wildcard"), re.DOTALL)
    pairs = list(zip(parts, [*parts[1:], ""], strict=False))
    if ("*", "*") in pairs:
        raise InvalidPattern("consecutive wildcards")
    following = Counter(after for each, after in pairs if each == "*")
    if following and max(following.values()) >= _MOST_WILDCARDS:
        raise InvalidPattern("too complex: fewer wildcards before the same character, please")
    texts = [""]
    for part in parts:
        if part == "*":
            texts.append("")
        else:
            texts[-1] += part[-1]
    return lambda value: isinstance(value, str) and consists_of(value, texts)


def _numeric(argument: Any) -> Rule:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise InvalidPattern("numeric takes one or two comparisons")
    names, bounds = argument[::2], argument[1::2]
    if not all(_is_number(bound) for bound in bounds):
        raise InvalidPattern("numeric compares with numbers")
    if not all(isinstance(name, str) and name in _COMPARISONS for name in names):
        raise InvalidPattern("numeric takes =, <, <=, > and >=")
    if len(names) == 2 and not (
        names[0] in (">", ">=") and names[1] in ("<", "<=") and bounds[0] < bounds[1]
    ):
        raise InvalidPattern("a numeric range goes from > to <")
    checks = [(_COMPARISONS[name], bound) for name, bound in zip(names, bounds, strict=True)]
    return lambda value: _is_number(value) and all(check(value, bound) for check, bound in checks)


def _cidr(argument: Any) -> Rule:
    from ipaddress import ip_address, ip_network

    try:
        network = ip_network(_text(argument, "cidr"), strict=False)
    except ValueError as error:
        raise InvalidPattern(str(error)) from error

    def contains(value: Any) -> bool:
        try:
            return isinstance(value, str) and ip_address(value) in network
        except ValueError:
            return False

    return contains


def _anything_but(argument: Any) -> Rule:
    rules: list[Rule]
    if isinstance(argument, dict):
        if len(argument) != 1:
            raise InvalidPattern("one operator at a time")
        ((name, wanted),) = argument.items()
        make = _NEGATED.get(name)
        if make is None:
            raise InvalidPattern(f"anything-but does not take {name}")
        texts = wanted if isinstance(wanted, list) else [wanted]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise InvalidPattern(f"{name} takes texts")
        if name in ("prefix", "suffix") and "" in texts:
            raise InvalidPattern(f"an empty {name}")
        rules = [make(text) for text in texts]
    else:
        wanted = argument if isinstance(argument, list) else [argument]
        if not wanted or not (
            all(isinstance(each, str) for each in wanted) or all(map(_is_number, wanted))
        ):
            raise InvalidPattern("anything-but takes texts, or numbers")
        rules = [Equals(each) for each in wanted]
    return lambda value: value is not ABSENT and not any(rule(value) for rule in rules)


_NEGATED: dict[str, Callable[[Any], Rule]] = {
    "equals-ignore-case": _ignore_case,
    "prefix": _prefix,
    "suffix": _suffix,
    "wildcard": _wildcard,
}
_OPERATORS: dict[str, Callable[[Any], Rule]] = {
    **_NEGATED,
    "anything-but": _anything_but,
    "cidr": _cidr,
    "exactly": _exactly,
    "exists": _exists,
    "numeric": _numeric,
}
