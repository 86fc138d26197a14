"""Why a text is no event pattern, in AWS's words, with the place where its parser was.

:mod:`emulator.sources.patterns` decides whether it is one; here are only the words for it. AWS's
rules engine is public (https://github.com/aws/event-ruler), and its parser reads no further than
it has to: a text's place is after its opening quote, a member's after what begins its value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, NoReturn

from emulator.sources.patterns import InvalidPattern, Pattern

#: Characters of the pattern that are shown.
_SHOWN = 500
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*") | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<literal>true|false|null) | (?P<mark>[\[\]{}:,])""",
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"[\w$]+")
_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
#: Names that no alternative of "$or" may have.
_RESERVED = frozenset(
    """
    exactly equals-ignore-case prefix suffix anything-but exists wildcard numeric cidr = < <= > >=
    regex not-wildcard not-equals-ignore-case date-after date-on-or-after date-before
    date-on-or-before in-date-range ip-address-in-range ip-address-not-in-range
    """.split()
)
_IPV4, _IPV6 = re.compile(r"[0-9]+(\.[0-9]+){3}"), re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")


class _Reason(Exception):
    """What is wrong."""


class _Token(NamedTuple):
    #: "string", "number", "literal", "name" (of a member), "end" or a mark.
    kind: str
    text: str
    #: Where the parser is once it has seen it, and once it has read it.
    seen: int
    read: int


def explain(text: str) -> str | None:
    """Return what is wrong with a pattern; None: it is not known.

    Args:
        text: No pattern, as :class:`emulator.sources.patterns.Pattern` says.
    """
    try:
        reader = _Reader(text)
        if reader.next().kind != "{":
            reader.fail("Filter is not an object")
        _object(reader, within_or=False)
    except _Reason as reason:
        return str(reason)
    except (IndexError, RecursionError, ValueError):
        # It ends in its midst, or is no JSON: nothing is known of what its parser says then.
        return None
    return None


class _Reader:
    """The tokens of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._at = -1
        self._has_read = False

    def _split(self) -> Iterator[_Token]:
        text, at = self._text, 0
        found: list[_Token] = []
        while True:
            while at < len(text) and text[at].isspace():
                at += 1
            if at == len(text):
                break
            match = _TOKEN.match(text, at)
            if match is None:
                self._unrecognised(at)
            kind = str(match.lastgroup)
            kind = match[0] if kind == "mark" else kind
            seen = at + 1 if kind == "string" else match.end()
            at = match.end()
            if kind == ":" and found:
                found[-1] = found[-1]._replace(kind="name")
            elif kind != ",":
                found.append(_Token(kind, match[0], seen, at))
        for token, following in zip(found, [*found[1:], None], strict=False):
            is_name = token.kind == "name" and following is not None
            yield token._replace(seen=following.seen) if is_name and following else token
        yield _Token("end", "", len(text), len(text))

    def _unrecognised(self, at: int) -> NoReturn:
        word = _WORD.match(self._text, at)
        if word is None:
            raise IndexError(at)
        said = f"Unrecognized token '{word[0]}': was expecting {_EXPECTED}"
        raise _Reason(said + self._place(word.end()))

    def next(self) -> _Token:
        """Return the next token."""
        self._at += 1
        self._has_read = False
        return self._tokens[self._at]

    @property
    def text(self) -> str:
        """The value of the last token, read to its end."""
        token, self._has_read = self._tokens[self._at], True
        return str(json.loads(token.text)) if token.kind in ("string", "name") else token.text

    def fail(self, reason: str) -> NoReturn:
        """Say what is wrong at the last token."""
        token = self._tokens[self._at]
        raise _Reason(reason + self._place(token.read if self._has_read else token.seen))

    def _place(self, at: int) -> str:
        before, text = self._text[:at], self._text
        line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
        shown = text[:_SHOWN]
        more = f"[truncated {len(text) - _SHOWN} chars]" if len(text) > _SHOWN else ""
        return f'\n at [Source: (String)"{shown}"{more}; line: {line}, column: {column}]'


def _object(reader: _Reader, *, within_or: bool) -> None:
    is_empty = True
    while (token := reader.next()).kind != "}":
        is_empty = False
        name = json.loads(token.text)
        if name == "$or":
            _alternatives(reader)
            continue
        if within_or and name in _RESERVED:
            reader.fail(f"{name} is Ruler reserved fieldName which cannot be used inside $or.")
        kind = reader.next().kind
        if kind == "{":
            _object(reader, within_or=within_or)
        elif kind == "[":
            _rules(reader)
        else:
            reader.fail(f'"{name}" must be an object or an array')
    if is_empty:
        reader.fail("Empty objects are not allowed")


def _alternatives(reader: _Reader) -> None:
    if reader.next().kind != "[":
        reader.fail("It must be an Array followed with $or.")
    count = 0
    while (token := reader.next()).kind != "]":
        count += 1
        if token.kind != "{":
            reader.fail("Only JSON object is allowed in array of $or relationship.")
        _object(reader, within_or=True)
    if count < 2:
        reader.fail("There must have at least 2 Objects in $or relationship.")


def _rules(reader: _Reader) -> None:
    is_empty = True
    while (token := reader.next()).kind != "]":
        is_empty = False
        if token.kind == "{":
            _operator(reader)
        elif token.kind not in ("string", "number", "literal"):
            reader.fail("Match value must be String, number, true, false, or null")
    if is_empty:
        reader.fail("Empty arrays are not allowed")


def _operator(reader: _Reader) -> None:
    token = reader.next()
    if token.kind != "name":
        reader.fail("Match expression name not found")
    name = json.loads(token.text)
    check = _CHECKS.get(name)
    if check is None:
        reader.fail(f"Unrecognized match type {name}")
    check(reader)


def _close(reader: _Reader, reason: str = "Only one key allowed in match expression") -> None:
    if reader.next().kind != "}":
        reader.fail(reason)


def _affix(name: str, title: str) -> Callable[[_Reader], None]:
    def check(reader: _Reader) -> None:
        token = reader.next()
        if token.kind == "{":
            inner = reader.next()
            if inner.kind != "name":
                reader.fail(f"{title} expression name not found")
            inner_name = json.loads(inner.text)
            if inner_name != "equals-ignore-case":
                reader.fail(f"Unsupported {name} pattern: {inner_name}")
            if reader.next().kind != "string":
                reader.fail("equals-ignore-case match pattern must be a string")
            _close(reader)
        elif token.kind != "string":
            reader.fail(f"{name} match pattern must be a string")
        _close(reader)

    return check


def _text(said: str) -> Callable[[_Reader], None]:
    def check(reader: _Reader) -> None:
        if reader.next().kind != "string":
            reader.fail(said)
        _close(reader)

    return check


def _exists(reader: _Reader) -> None:
    if reader.next().text not in ("true", "false"):
        reader.fail("exists match pattern must be either true or false.")
    _close(reader)


def _wildcard(reader: _Reader) -> None:
    if reader.next().kind != "string":
        reader.fail("wildcard match pattern must be a string")
    _check_wildcard(reader)
    _close(reader)


def _check_wildcard(reader: _Reader) -> None:
    # The engine counts the quote before the text.
    text, at = reader.text, 0
    while at < len(text):
        if text[at] == "*" and text[at + 1 : at + 2] == "*":
            reader.fail(f"Consecutive wildcard characters at pos {at + 2}")
        if text[at] == "\\":
            if text[at + 1 : at + 2] not in ("*", "\\"):
                reader.fail(f"Invalid escape character at pos {at + 1}")
            at += 1
        at += 1
    try:
        Pattern(json.dumps({"a": [{"wildcard": text}]}))
    except InvalidPattern as error:
        raise _Reason(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating "
            "character sequences after a wildcard character"
        ) from error


def _cidr(reader: _Reader) -> None:
    if reader.next().kind != "string":
        reader.fail("prefix match pattern must be a string")
    parts = reader.text.split("/")
    if len(parts) != 2:
        raise _Reason("Malformed CIDR, one '/' required")
    try:
        bits = int(parts[1])
    except ValueError as error:
        raise _Reason("Malformed CIDR, mask bits must be an integer") from error
    if bits < 0:
        raise _Reason("Malformed CIDR, mask bits must not be negative")
    if not _IPV4.fullmatch(parts[0]) and not _IPV6.fullmatch(parts[0]):
        raise _Reason(f"Nonstandard IP address: {parts[0]}")
    is_4 = "." in parts[0]
    if bits > (31 if is_4 else 127):
        raise _Reason("IPv4 mask bits must be < 32" if is_4 else "IPv6 mask bits must be < 128")
    _close(reader)


def _numeric(reader: _Reader) -> None:
    many = "Too many elements in numeric expression"
    if reader.next().kind != "[":
        reader.fail("Value of numeric must be an array.")
    if reader.next().kind != "string":
        reader.fail(f"Invalid member in numeric match: {reader.text}")
    operator = reader.text
    is_number = reader.next().kind == "number"
    if operator not in ("=", "<", "<=", ">", ">="):
        reader.fail(f"Unrecognized numeric range operator: {operator}")
    if not is_number:
        reader.fail(f"Value of {'equals' if operator == '=' else operator} must be numeric")
    bottom = float(reader.text)
    token = reader.next()
    if token.kind != "]":
        if operator not in (">", ">="):
            reader.fail(many)
        _range(reader, token, bottom)
    _close(reader, many)


def _range(reader: _Reader, token: _Token, bottom: float) -> None:
    if token.kind != "string":
        reader.fail(f"Bad value in numeric range: {reader.text}")
    operator = reader.text
    if operator not in ("<", "<="):
        reader.fail(f"Bad numeric range operator: {operator}")
    if reader.next().kind != "number":
        reader.fail(f"Value of {operator} must be numeric")
    top = float(reader.text)
    if reader.next().kind != "]":
        reader.fail("Too many terms in numeric range expression")
    if bottom >= top:
        reader.fail("Bottom must be less than top")


def _anything_but(reader: _Reader) -> None:
    token, kind = reader.next(), ""
    if token.kind == "{":
        inner = reader.next()
        if inner.kind != "name":
            reader.fail("Anything-But expression name not found")
        kind = json.loads(inner.text)
        if kind not in ("equals-ignore-case", "prefix", "suffix", "wildcard"):
            reader.fail(f"Unsupported anything-but pattern: {kind}")
        token = reader.next()
    if token.kind not in ("[", "string", "number"):
        reader.fail("Value of anything-but must be an array or single string/number value.")
    if kind:
        _anything_but_texts(reader, token, kind)
        _close(reader, "Too many elements in numeric expression")
    elif token.kind == "[":
        _anything_but_list(reader)
    _close(reader, "Too many elements in numeric expression")


def _anything_but_list(reader: _Reader) -> None:
    kinds = set()
    while (token := reader.next()).kind != "]":
        if token.kind not in ("string", "number"):
            _fail_twice(reader, "Inside anything but list, start|null|boolean is not supported.")
        kinds.add(token.kind)
    if len(kinds) != 1:
        reader.fail(
            "Inside anything but list, either all values are number or string, mixed type is not "
            "supported"
        )


def _anything_but_texts(reader: _Reader, token: _Token, kind: str) -> None:
    is_list = token.kind == "["
    fail = _fail_twice if is_list else _Reader.fail
    while True:
        if is_list and (token := reader.next()).kind == "]":
            return
        if token.kind != "string":
            fail(reader, _NOT_A_TEXT.get(kind, "prefix/suffix match pattern must be a string"))
        if kind in ("prefix", "suffix") and not reader.text:
            fail(reader, "Null prefix/suffix not allowed")
        if kind == "wildcard":
            _check_wildcard(reader)
        if not is_list:
            return


#: What is said of values that are no texts, by the operator inside anything-but.
_NOT_A_TEXT = {
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean "
    "is not supported.",
    "wildcard": "wildcard match pattern must be a string",
}


def _fail_twice(reader: _Reader, reason: str) -> NoReturn:
    """Fail as inside a list, where the engine adds the place a second time."""
    try:
        reader.fail(reason)
    except _Reason as once:
        reader.fail(str(once))


_CHECKS: dict[str, Callable[[_Reader], None]] = {
    "exactly": _text("exact match pattern must be a string"),
    "prefix": _affix("prefix", "Prefix"),
    "suffix": _affix("suffix", "Suffix"),
    "numeric": _numeric,
    "anything-but": _anything_but,
    "exists": _exists,
    "cidr": _cidr,
    "equals-ignore-case": _text("equals-ignore-case match pattern must be a string"),
    "wildcard": _wildcard,
}
