"""Filter expressions, by which traces are found.

::

    service("orders") { fault = true } AND annotation[user] BEGINSWITH "a" AND responsetime > 2

https://docs.aws.amazon.com/xray/latest/devguide/aws-xray-interface-console.html#xray-console-filters
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from emulator.services.xray.errors import invalid
from emulator.services.xray.filter_keywords import (
    FLAGS,
    OPERATORS,
    VALUES,
    Test,
    Values,
    annotation,
)
from emulator.services.xray.summaries import Summary
from emulator.telemetry.traces import tree

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))"""
    r"""|(?P<operator><=|>=|!=|[=<>!(){}\[\],:])|(?P<word>[A-Za-z_][\w.\-]*))"""
)
#: Brackets in brackets: more would be nobody's.
_DEEPEST = 30
_LONGEST = 2048
#: Keywords that name a group, and what requests call it.
_GROUPS = {"group.name": "GroupName", "group.arn": "GroupARN"}
#: Returns the expression of the group that a member of requests names.
Group = Callable[[Mapping[str, str]], str]


class _Token(NamedTuple):
    kind: str
    text: str


def read(expression: str, group: Group | None = None) -> Test | None:
    """Return what an expression means; None for one that says nothing.

    Args:
        expression: The expression.
        group: Returns the expression of the group that a member of requests names: ``GroupName``
            or ``GroupARN``. None: it may name none, as in the expression of a group.

    Raises:
        AwsError: It is none, or says what is not served.
    """
    if not expression.strip():
        return None
    if len(expression) > _LONGEST:
        raise invalid(f"Filter expression must not be longer than {_LONGEST} characters.")
    reader = _Reader(expression, list(_tokens(expression)), group)
    test = reader.whole()
    if reader.peek() is not None:
        raise reader.wrong()
    return test


def read_entity(expression: str) -> Callable[[tree.Node], bool] | None:
    """Return which segments ``service("orders")`` or ``id(name: "orders")`` means; None for all.

    Raises:
        AwsError: It means none.
    """
    if not expression.strip():
        return None
    reader = _Reader(expression, list(_tokens(expression[:_LONGEST])))
    return reader.entity()


def matches(test: Test | None, summary: Summary, node: tree.Node | None = None) -> bool:
    """Say whether a trace, or a node of it, is what an expression means."""
    return test is None or test(summary, node)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _wrong(text)
        at = match.end()
        yield _Token(match.lastgroup, match[match.lastgroup])


def _wrong(text: str) -> Exception:
    return invalid(f"Invalid filter expression: {text}")


class _Reader:
    """Reads an expression: OR binds least, then AND, then NOT."""

    def __init__(self, text: str, tokens: list[_Token], group: Group | None = None) -> None:
        self._text, self._tokens, self._at, self._depth = text, tokens, 0, 0
        self._group = group

    def wrong(self) -> Exception:
        return _wrong(self._text)

    def peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> _Token:
        token = self.peek()
        if token is None:
            raise self.wrong()
        self._at += 1
        return token

    def _takes(self, *texts: str) -> bool:
        token = self.peek()
        if token is None or token.kind == "text" or token.text.upper() not in texts:
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self.wrong()

    def entity(self) -> Callable[[tree.Node], bool]:
        if not self._takes("SERVICE", "ID"):
            raise invalid("localfaas takes services for entities: service(…) or id(…).")
        self._expect("(")
        chosen = self._chosen()
        if self.peek() is not None:
            raise self.wrong()
        return chosen

    def whole(self) -> Test:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.wrong()
        found = [self._all()]
        while self._takes("OR"):
            found.append(self._all())
        self._depth -= 1
        return found[0] if len(found) == 1 else _any_of(found)

    def _all(self) -> Test:
        found = [self._one()]
        # What stands side by side without a word is meant together.
        while self._takes("AND") or self._begins_another():
            found.append(self._one())
        return found[0] if len(found) == 1 else _all_of(found)

    def _begins_another(self) -> bool:
        token = self.peek()
        if token is None or token.kind not in ("word", "operator"):
            return False
        return token.text in ("!", "(") or (token.kind == "word" and token.text.upper() != "OR")

    def _one(self) -> Test:
        negated = False
        while self._takes("NOT", "!"):
            negated = not negated
        if self._takes("("):
            test = self.whole()
            self._expect(")")
        else:
            test = self._keyword()
        return _not(test) if negated else test

    def _keyword(self) -> Test:
        token = self._next()
        if token.kind != "word":
            raise self.wrong()
        name = token.text.lower()
        if name in ("service", "id") and self._takes("("):
            return self._service()
        if name == "edge" and self._takes("("):
            return self._edge()
        if name in ("annotation", "metadata") and self._takes("["):
            key = self._word_or_text()
            self._expect("]")
            return self._compared(annotation(key))
        if name.startswith("annotation."):
            return self._compared(annotation(token.text.partition(".")[2]))
        if name in FLAGS:
            return self._flag(FLAGS[name])
        if name in _GROUPS and self._group is not None:
            return self._grouped(_GROUPS[name], self._group)
        values = VALUES.get(name)
        if values is None:
            raise invalid(f"localfaas does not know {token.text!r} in filter expressions.")
        return self._compared(values)

    def _grouped(self, member: str, group: Group) -> Test:
        """Read ``group.name = "orders"``: what the group's own expression means."""
        self._expect("=")
        token = self._next()
        if token.kind != "text":
            raise self.wrong()
        return read(group({member: _unquoted(token.text)})) or (lambda summary, node: True)

    def _word_or_text(self) -> str:
        token = self._next()
        if token.kind == "text":
            return _unquoted(token.text)
        if token.kind != "word":
            raise self.wrong()
        return token.text

    def _flag(self, flag: Callable[[Summary, tree.Node | None], bool]) -> Test:
        """Read "fault", or "fault = false"."""
        if not self._takes("="):
            if self._takes("!="):
                wanted = not self._boolean()
                return lambda summary, node: flag(summary, node) is wanted
            return flag
        wanted = self._boolean()
        return lambda summary, node: flag(summary, node) is wanted

    def _boolean(self) -> bool:
        token = self._next()
        if token.text.lower() not in ("true", "false"):
            raise self.wrong()
        return token.text.lower() == "true"

    def _compared(self, values: Values) -> Test:
        """Read an operator and a value; without, the value has to be there."""
        token = self.peek()
        if token is None or token.text.upper() not in OPERATORS or token.kind == "text":
            return lambda summary, node: any(True for _ in values(summary, node))
        self._at += 1
        operator = OPERATORS[token.text.upper()]
        negates = token.text == "!="
        wanted = self._value()

        def test(summary: Summary, node: tree.Node | None) -> bool:
            found = [operator(value, wanted) for value in values(summary, node)]
            return (all(found) and bool(found)) if negates else any(found)

        return test

    def _value(self) -> str | float | bool:
        token = self._next()
        if token.kind == "text":
            return _unquoted(token.text)
        if token.kind == "number":
            return float(token.text)
        if token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        raise self.wrong()

    def _service(self) -> Test:
        """Read the rest of ``service("name") { … }``, or of ``service(id(name: "…")) { … }``."""
        chosen = self._chosen()
        inner = self._block()

        def test(summary: Summary, node: tree.Node | None) -> bool:
            return any(
                chosen(each) and (inner is None or inner(summary, each))
                for each in summary.nodes
                if each.is_segment
            )

        return test

    def _block(self) -> Test | None:
        if not self._takes("{"):
            return None
        if self._takes("}"):
            return None
        inner = self.whole()
        self._expect("}")
        return inner

    def _edge(self) -> Test:
        """Read the rest of ``edge("caller", "called") { … }``."""
        caller = self._end()
        self._expect(",")
        called = self._end()
        self._expect(")")
        inner = self._block()

        def test(summary: Summary, node: tree.Node | None) -> bool:
            for each in summary.nodes:
                above = each.parent
                while each.is_segment and above is not None and not above.is_segment:
                    above = above.parent
                found = each.is_segment and above is not None and caller(above) and called(each)
                if found and (inner is None or inner(summary, each)):
                    return True
            return False

        return test

    def _chosen(self) -> Callable[[tree.Node], bool]:
        """Read what stands in ``service(…)``, and the bracket that closes it."""
        if self._takes(")"):
            return lambda node: True
        chosen = self._end()
        self._expect(")")
        return chosen

    def _end(self) -> Callable[[tree.Node], bool]:
        token = self._next()
        if token.kind == "text":
            name = _unquoted(token.text)
            return lambda node: node.document["name"] == name
        if token.text.lower() == "id":
            self._expect("(")
            chosen = self._parts()
            self._expect(")")
            return chosen
        if token.kind == "word" and self._takes(":"):
            self._at -= 2
            return self._parts()
        raise self.wrong()

    def _parts(self) -> Callable[[tree.Node], bool]:
        """Read ``name: "…", type: "…", account.id: "…"``."""
        wanted: dict[str, str] = {}
        while True:
            key = self._next().text.lower()
            self._expect(":")
            value = self._next()
            if key not in ("name", "type", "account.id") or value.kind != "text":
                raise self.wrong()
            wanted[key] = _unquoted(value.text)
            if not self._takes(","):
                break

        def chosen(node: tree.Node) -> bool:
            document = node.document
            has = {
                "name": document["name"],
                "type": tree.kind(node),
                "account.id": (document.get("aws") or {}).get("account_id"),
            }
            return all(has[key] == value for key, value in wanted.items())

        return chosen


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _any_of(tests: list[Test]) -> Test:
    return lambda summary, node: any(test(summary, node) for test in tests)


def _all_of(tests: list[Test]) -> Test:
    return lambda summary, node: all(test(summary, node) for test in tests)


def _not(test: Test) -> Test:
    return lambda summary, node: not test(summary, node)
