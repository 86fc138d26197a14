"""Statements of PartiQL, read with their parameters.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.dynamodb import values
from emulator.services.dynamodb.errors import invalid
from emulator.services.dynamodb.expressions.binding import Path
from emulator.services.dynamodb.expressions.parser import Node
from emulator.services.dynamodb.values import Value

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<quoted>\"(?:[^\"]|\"\")*\")"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_\-]*)"
    r"|(?P<sign><<|>>|<>|!=|<=|>=|[=<>(),.\[\]{}:?*+\-]))"
)


@dataclass(slots=True, kw_only=True)
class Statement:
    """A statement.

    Attributes:
        verb: "SELECT", "INSERT", "UPDATE", "DELETE" or "EXISTS".
        paths: What a SELECT shows; None for all.
        actions: What an UPDATE does.
        item: What an INSERT puts.
        returning: As the words after RETURNING say: "ALL OLD", …; "" without.
    """

    verb: str
    table: str
    index: str = ""
    paths: list[Path] | None = None
    condition: Node | None = None
    actions: list[Node] = field(default_factory=list)
    item: dict[str, Value] | None = None
    returning: str = ""
    descending: bool = False


def parse(text: str, parameters: Sequence[Value] = ()) -> Statement:
    """Read a statement.

    Raises:
        AwsError: ValidationException.
    """
    for each in parameters:
        values.check(each)
    reader = _Reader(text, parameters)
    try:
        statement = reader.statement()
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    reader.expect_end()
    return statement


class _Reader:
    def __init__(self, text: str, parameters: Sequence[Value]) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip().rstrip(";")
        while match := _TOKEN.match(text, position):
            position = match.end()
            kind = str(match.lastgroup)
            self._tokens.append((kind, match[kind]))
        if text[position:].strip():
            raise _malformed(f"Unexpected token {text[position:].strip()[:20]}")
        self._tokens.append(("end", ""))
        self._at = 0
        self._parameters = list(parameters)
        self._used = 0

    def expect_end(self) -> None:
        if self._peek()[0] != "end":
            raise self._unexpected()
        if self._used < len(self._parameters):
            raise invalid("Number of parameters in request and statement don't match.")

    def statement(self) -> Statement:
        if self._word("SELECT"):
            return self._select()
        if self._word("INSERT"):
            return self._insert()
        if self._word("UPDATE"):
            return self._update()
        if self._word("DELETE"):
            return self._delete()
        if self._word("EXISTS"):
            self._sign("(")
            if not self._word("SELECT"):
                raise self._unexpected()
            found = self._select()
            self._sign(")")
            found.verb = "EXISTS"
            return found
        raise self._unexpected()

    def _select(self) -> Statement:
        paths: list[Path] | None = None
        if not self._accept("*"):
            paths = [self._path()]
            while self._accept(","):
                paths.append(self._path())
        self._need("FROM")
        table = self._identifier()
        index = self._identifier() if self._accept(".") else ""
        found = Statement(verb="SELECT", table=table, index=index, paths=paths)
        found.condition = self._where()
        if self._word("ORDER"):
            self._need("BY")
            self._path()
            found.descending = self._word("DESC")
            if not found.descending:
                self._word("ASC")
        return found

    def _insert(self) -> Statement:
        self._need("INTO")
        table = self._identifier()
        self._need("VALUE")
        value = self._value()
        if "M" not in value:
            raise _malformed("The value of an INSERT has to be a tuple")
        return Statement(verb="INSERT", table=table, item=value["M"])

    def _update(self) -> Statement:
        found = Statement(verb="UPDATE", table=self._identifier())
        while True:
            if self._word("SET"):
                found.actions.append(self._set())
                while self._accept(","):
                    found.actions.append(self._set())
            elif self._word("REMOVE"):
                found.actions.append(("REMOVE", self._path()))
                while self._accept(","):
                    found.actions.append(("REMOVE", self._path()))
            else:
                break
        if not found.actions:
            raise self._unexpected()
        found.condition = self._where()
        found.returning = self._returning()
        return found

    def _set(self) -> Node:
        path = self._path()
        self._sign("=")
        left = self._set_operand()
        for sign in "+-":
            if self._accept(sign):
                return ("SET", path, (sign, left, self._set_operand()))
        if left[0] in ("set_add", "set_delete"):
            return ("ADD" if left[0] == "set_add" else "DELETE", path, left[2][1])
        return ("SET", path, left)

    def _set_operand(self) -> Node:
        kind, text = self._peek()
        lowered = text.lower()
        if kind == "name" and self._tokens[self._at + 1] == ("sign", "("):
            if lowered not in ("list_append", "if_not_exists", "set_add", "set_delete"):
                raise _malformed(f"Invalid function name: {text}")
            self._at += 2
            first = self._set_operand()
            self._sign(",")
            second = self._set_operand()
            self._sign(")")
            return (lowered, first, second)
        return self._operand()

    def _delete(self) -> Statement:
        self._need("FROM")
        found = Statement(verb="DELETE", table=self._identifier())
        found.condition = self._where()
        found.returning = self._returning()
        return found

    def _returning(self) -> str:
        if not self._word("RETURNING"):
            return ""
        words = [self._take("name")[1].upper(), self._take("name")[1].upper()]
        self._sign("*")
        return " ".join(words)

    def _where(self) -> Node | None:
        return self._or() if self._word("WHERE") else None

    def _or(self) -> Node:
        found = self._and()
        while self._word("OR"):
            found = ("or", found, self._and())
        return found

    def _and(self) -> Node:
        found = self._not()
        while self._word("AND"):
            found = ("and", found, self._not())
        return found

    def _not(self) -> Node:
        if self._word("NOT"):
            return ("not", self._not())
        if self._accept("("):
            found = self._or()
            self._sign(")")
            return found
        return self._comparison()

    def _comparison(self) -> Node:
        kind, text = self._peek()
        name = text.lower()
        if (
            kind == "name"
            and name in ("begins_with", "contains", "attribute_type")
            and self._tokens[self._at + 1] == ("sign", "(")
        ):
            self._at += 2
            first = self._operand()
            self._sign(",")
            second = self._operand()
            self._sign(")")
            return (name, first, second)
        left = self._operand()
        if self._word("BETWEEN"):
            low = self._operand()
            self._need("AND")
            return ("between", left, low, self._operand())
        if self._word("IN"):
            opened = "(" if self._accept("(") else "["
            if opened == "[":
                self._sign("[")
            choices = [self._operand()]
            while self._accept(","):
                choices.append(self._operand())
            self._sign(")" if opened == "(" else "]")
            return ("in", left, tuple(choices))
        if self._word("IS"):
            return self._is(left)
        kind, text = self._take("sign")
        operator = "<>" if text == "!=" else text
        if operator not in ("=", "<>", "<", "<=", ">", ">="):
            self._at -= 1
            raise self._unexpected()
        return (operator, left, self._operand())

    def _is(self, left: Node) -> Node:
        negated = self._word("NOT")
        if self._word("MISSING"):
            return ("attribute_exists" if negated else "attribute_not_exists", left)
        self._need("NULL")
        found: Node = ("attribute_type", left, ("value", {"S": "NULL"}))
        return ("not", found) if negated else found

    def _operand(self) -> Node:
        kind, text = self._peek()
        if kind == "name" and text.lower() == "size" and self._tokens[self._at + 1][1] == "(":
            self._at += 2
            inner = self._operand()
            self._sign(")")
            return ("size", inner)
        if kind == "quoted" or (kind == "name" and text.upper() not in ("TRUE", "FALSE", "NULL")):
            return ("path", self._path())
        return ("value", self._value())

    def _path(self) -> Path:
        parts: list[str | int] = [self._identifier()]
        while True:
            if self._accept("."):
                parts.append(self._identifier())
            elif self._accept("["):
                kind, text = self._take("number", "string")
                parts.append(int(text) if kind == "number" else text[1:-1])
                self._sign("]")
            else:
                return tuple(parts)

    def _identifier(self) -> str:
        kind, text = self._take("quoted", "name")
        return text[1:-1].replace('""', '"') if kind == "quoted" else text

    def _value(self) -> Value:
        kind, text = self._peek()
        self._at += 1
        if kind == "string":
            return {"S": text[1:-1].replace("''", "'")}
        if kind == "number":
            return {"N": values.number_text(values.parse_number(text))}
        if kind == "name" and text.upper() in ("TRUE", "FALSE"):
            return {"BOOL": text.upper() == "TRUE"}
        if kind == "name" and text.upper() == "NULL":
            return {"NULL": True}
        if kind == "sign" and text in _OPENING:
            return getattr(self, _OPENING[text])()  # type: ignore[no-any-return]
        self._at -= 1
        raise self._unexpected()

    def _parameter(self) -> Value:
        if self._used >= len(self._parameters):
            raise invalid("Number of parameters in request and statement don't match.")
        self._used += 1
        return self._parameters[self._used - 1]

    def _negative(self) -> Value:
        number = values.parse_number(f"-{self._take('number')[1]}")
        return {"N": values.number_text(number)}

    def _map(self) -> Value:
        found: dict[str, Value] = {}
        while not self._accept("}"):
            key = self._take("string", "quoted")[1][1:-1]
            self._sign(":")
            found[key] = self._value()
            if not self._accept(","):
                self._sign("}")
                break
        return {"M": found}

    def _list(self) -> Value:
        return {"L": self._values("]")}

    def _set_value(self) -> Value:
        elements = self._values(">>")
        kinds = {values.kind_of(each) for each in elements}
        if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
            raise _malformed("A set has to have elements of one type: string, number or binary")
        kind = kinds.pop()
        return {f"{kind}S": [each[kind] for each in elements]}

    def _values(self, end: str) -> list[Value]:
        found: list[Value] = []
        while not self._accept(end):
            found.append(self._value())
            if not self._accept(","):
                self._sign(end)
                break
        return found

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def _take(self, *kinds: str) -> tuple[str, str]:
        token = self._tokens[self._at]
        if token[0] not in kinds:
            raise self._unexpected()
        self._at += 1
        return token

    def _accept(self, sign: str) -> bool:
        if self._tokens[self._at] == ("sign", sign):
            self._at += 1
            return True
        return False

    def _sign(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._unexpected()

    def _word(self, word: str) -> bool:
        kind, text = self._tokens[self._at]
        if kind == "name" and text.upper() == word:
            self._at += 1
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._word(word):
            raise self._unexpected()

    def _unexpected(self) -> AwsError:
        kind, text = self._tokens[self._at]
        return _malformed(
            "Unexpected end of statement" if kind == "end" else f"Unexpected token: {text}"
        )


_OPENING: dict[str, Any] = {
    "?": "_parameter",
    "-": "_negative",
    "{": "_map",
    "[": "_list",
    "<<": "_set_value",
}


def _malformed(what: str) -> AwsError:
    return invalid(f"Statement wasn't well formed, can't be processed: {what}")
