"""Filter patterns of fields that spaces part: ``[ip, user, ..., status = 4*, bytes > 1000]``.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from typing import NoReturn

from emulator.services.logs.lookup import invalid
from emulator.services.logs.regex import compile_regex

Matches = Callable[[str], bool]

#: A field of a message: a text in quotes or brackets is one.
_FIELD = re.compile(r'"([^"]*)"|\[([^\]]*)\]|(\S+)')
_CONDITION = re.compile(
    r"\s*(!=|<=|>=|=|<|>)\s*(\"(?:[^\"\\]|\\.)*\"|%[^%]*%|[^\s&|]+)\s*", re.DOTALL
)
_NAME = re.compile(r"\s*([\w-]+)\s*")
_JOIN = re.compile(r"\s*(&&|\|\|)\s*(?:[\w-]+\s*(?=[!=<>]))?")
#: Any number of fields.
_ANY = "..."


def compile_fields(text: str) -> Matches:
    """Return a function that says whether a message matches.

    Raises:
        AwsError: InvalidParameterException: it is no pattern.
    """
    if not text.endswith("]"):
        _bad("it does not end in ]")
    fields = [each.strip() for each in _split(text[1:-1])]
    if fields.count(_ANY) > 1:
        _bad("it has ... more than once")
    at = fields.index(_ANY) if _ANY in fields else None
    checks = [None if each == _ANY else _field(each) for each in fields]
    head = checks if at is None else checks[:at]
    tail = [] if at is None else checks[at + 1 :]

    def matches(message: str) -> bool:
        found = [match[1] or match[2] or match[3] or "" for match in _FIELD.finditer(message)]
        fixed = len(head) + len(tail)
        if len(found) < fixed or (at is None and len(found) > fixed):
            return False
        last = found[len(found) - len(tail) :] if tail else []
        pairs = [*zip(head, found, strict=False), *zip(tail, last, strict=True)]
        return all(check is None or check(value) for check, value in pairs)

    return matches


def compile_names(text: str) -> Callable[[str], dict[str, str]]:
    """Return what finds the values of a pattern's fields in a message, by ``$`` and their names."""
    names = [
        "" if each.strip() == _ANY or (match := _NAME.match(each)) is None else match[1]
        for each in _split(text[1:-1])
    ]
    at = next((at for at, each in enumerate(_split(text[1:-1])) if each.strip() == _ANY), None)

    def find(message: str) -> dict[str, str]:
        found = [match[1] or match[2] or match[3] or "" for match in _FIELD.finditer(message)]
        if at is None:
            pairs = list(zip(names, found, strict=False))
        else:
            tail = names[at + 1 :]
            last = found[len(found) - len(tail) :] if tail else []
            middle = found[at : len(found) - len(tail)]
            pairs = [
                *zip(names[:at], found, strict=False),
                *((str(number), value) for number, value in enumerate(middle, at + 1)),
                *zip(tail, last, strict=False),
            ]
        return {f"${name}": value for name, value in pairs if name}

    return find


def _split(text: str) -> list[str]:
    """Return the parts between commas that stand in no quotes."""
    parts, is_quoted = [""], False
    for character in text:
        if character == '"':
            is_quoted = not is_quoted
        if character == "," and not is_quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _field(text: str) -> Matches | None:
    """Return the check of a field; None: it may be anything."""
    name = _NAME.match(text)
    if name is None:
        _bad(f"{text!r} is no field")
    at = name.end()
    if at == len(text):
        return None
    some: list[list[Matches]] = [[]]
    while True:
        condition = _CONDITION.match(text, at)
        if condition is None:
            _bad(f"nothing can be made of {text[at:]!r}")
        some[-1].append(_check(condition[1], condition[2]))
        at = condition.end()
        if at == len(text):
            return lambda value: any(all(check(value) for check in every) for every in some)
        join = _JOIN.match(text, at)
        if join is None:
            _bad(f"nothing can be made of {text[at:]!r}")
        if join[1] == "||":
            some.append([])
        at = join.end()


def _check(operator: str, wanted: str) -> Matches:
    if operator in ("=", "!="):
        equals = _equals(wanted)
        return equals if operator == "=" else lambda value: not equals(value)
    try:
        limit = float(wanted)
    except ValueError:
        _bad(f"{wanted!r} is no number")
    compare: dict[str, Callable[[float], bool]] = {
        "<": lambda number: number < limit,
        "<=": lambda number: number <= limit,
        ">": lambda number: number > limit,
        ">=": lambda number: number >= limit,
    }
    check = compare[operator]

    def of_number(value: str) -> bool:
        try:
            return check(float(value))
        except ValueError:
            return False

    return of_number


def _equals(wanted: str) -> Matches:
    if wanted.startswith("%") and wanted.endswith("%") and len(wanted) > 1:
        return compile_regex(wanted[1:-1])
    if wanted.startswith('"'):
        wanted = wanted[1:-1]
    if re.fullmatch(r"-?\d+(\.\d+)?", wanted):
        number = float(wanted)
        return lambda value: value == wanted or _number(value) == number
    if "*" not in wanted:
        return lambda value: value == wanted
    fits = re.compile(translate(re.sub(r"([\[?])", r"[\1]", re.sub(r"\*+", "*", wanted)))).match
    return lambda value: fits(value) is not None


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _bad(reason: str) -> NoReturn:
    raise invalid(f"Invalid filter pattern: {reason}.")
