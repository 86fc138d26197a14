"""The words of an expression.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from emulator.model.errors import AwsError
from emulator.services.dynamodb.errors import invalid

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<alias>\#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)"
    r"|(?P<index>\d+)|(?P<sign><>|<=|>=|[=<>(),.\[\]+\-])|(?P<bad>\S))"
)
#: The words of the grammar itself, in capitals.
_GRAMMAR = frozenset("AND OR NOT BETWEEN IN SET REMOVE ADD DELETE".split())


class Token(NamedTuple):
    """A word: its kind ("name", "alias", "value", "index", "sign", "word" or "end") and text."""

    kind: str
    text: str
    start: int
    end: int


@cache
def reserved_words() -> frozenset[str]:
    """Return the words that may not be names, in capitals."""
    text = files(__package__).joinpath("reserved.txt").read_text()
    return frozenset(text.split())


class Tokens:
    """The words of one expression, taken one after the other.

    Args:
        kind: What errors call it: "ConditionExpression".
        text: The expression.

    Raises:
        AwsError: ValidationException.
    """

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self._text = text
        self._tokens: list[Token] = []
        if not text.strip():
            raise self.error("The expression can not be empty;")
        position = 0
        while match := _TOKEN.match(text, position):
            position = match.end()
            found = str(match.lastgroup)
            word = match[found]
            if found == "name" and word.upper() in _GRAMMAR:
                found, word = "word", word.upper()
            self._tokens.append(Token(found, word, match.start(match.lastgroup or 0), position))
            if found == "bad":
                self.at = len(self._tokens) - 1
                self._add_next(position)
                raise self.unexpected()
        self._tokens.append(Token("end", "<EOF>", len(text), len(text)))
        self.at = 0

    def _add_next(self, position: int) -> None:
        """Add the word after one that is none, for the error that shows both."""
        match = _TOKEN.match(self._text, position)
        if match:
            self._tokens.append(Token("bad", "", match.start(), match.end()))

    @property
    def next(self) -> Token:
        """The word that comes next."""
        return self._tokens[self.at]

    def take(self) -> Token:
        """Return the next word, and go on."""
        token = self._tokens[self.at]
        self.at += 1
        return token

    def accept(self, kind: str, text: str | None = None) -> Token | None:
        """Take the next word if it is of a kind, and this one; else return None."""
        token = self._tokens[self.at]
        if token.kind == kind and text in (None, token.text):
            self.at += 1
            return token
        return None

    def follows(self, kind: str, text: str) -> bool:
        """Say whether a word comes after the next one."""
        return self._tokens[min(self.at + 1, len(self._tokens) - 1)][:2] == (kind, text)

    def expect(self, kind: str, text: str | None = None) -> Token:
        """Take the next word, which must be this.

        Raises:
            AwsError: It is not.
        """
        token = self.accept(kind, text)
        if token is None:
            raise self.unexpected()
        return token

    def unexpected(self) -> AwsError:
        """Return the error of the next word."""
        token = self._tokens[self.at]
        first = self._tokens[max(self.at - 1, 0)]
        last = self._tokens[min(self.at + 1, len(self._tokens) - 1)]
        near = self._text[first.start : last.end].strip()
        return self.error(f'Syntax error; token: "{token.text}", near: "{near}"')

    def error(self, message: str) -> AwsError:
        """Return an error of this expression."""
        return invalid(f"Invalid {self.kind}: {message}")
