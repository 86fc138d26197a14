r"""Java's regular expressions, in which the models write their patterns, as Python's.

Both have possessive quantifiers and atomic groups. Python lacks Unicode properties (``\p{L}``),
classes within classes and their intersections, hyphens that stand for themselves (``[\w-_]``),
surrogate pairs, ``\Q…\E`` and flags that begin in the middle. Named groups are written otherwise,
and a dot matches otherwise.

https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/regex/Pattern.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from emulator.wire.unicode_classes import class_content

_DOT = r"[^\n\r\u0085\u2028\u2029]"
_LINE_BREAKS = r"\n\x0b\f\r\u0085\u2028\u2029"
#: Python's content of a class for Java's predefined ones, all of them ASCII.
_PREDEFINED = {
    "d": "0-9",
    "w": "a-zA-Z0-9_",
    "s": r" \t\n\x0b\f\r",
    "h": r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000",
    "v": _LINE_BREAKS,
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
#: Escapes outside of classes, with their equivalents in Python.
_ANCHORS = {
    "A": r"\A",
    "b": r"\b",
    "B": r"\B",
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "R": rf"(?:\r\n|[{_LINE_BREAKS}])",
}
_NUMBERED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|x\{([0-9a-fA-F]{1,6})\})")
_INLINE_FLAGS = re.compile(r"\(\?([imsx]+)\)")
_OCTAL = re.compile(r"\\0([0-3]?[0-7]{1,2})")
_PROPERTY = re.compile(r"\\([pP])(?:\{\^?(\w+(?:=\w+)?)\}|(\w))")


class Inexpressible(ValueError):
    """Python has nothing like this in its regular expressions."""


def to_python(pattern: str) -> str:
    """Return the Python expression, for the flag ASCII, that is equivalent to a Java one.

    Raises:
        Inexpressible: Python has nothing like it.
    """
    return _Translator(pattern).run()


@dataclass(slots=True)
class _Class:
    """A character class under construction."""

    #: Pieces of the content of one Python class.
    content: list[str] = field(default_factory=list)
    #: Whole expressions for one character each, which Python cannot write in a class.
    others: list[str] = field(default_factory=list)
    properties: set[str] = field(default_factory=set)
    underscore: bool = False

    def expression(self, *, negated: bool) -> str:
        """Return an expression for one character in (or not in) the class."""
        content = "".join(self.content)
        if {"L", "N"} <= self.properties and self.underscore:
            # \w in Unicode is [\p{L}\p{N}_], in a hundredth of the ranges.
            plain = f"(?u:[{'^' if negated else ''}\\w{content}])"
        else:
            for name in sorted(self.properties):
                content += class_content(name) or ""
            plain = f"[{'^' if negated else ''}{content}]" if content else ""
        if not self.others:
            return plain or ("[^\\s\\S]" if not negated else r"[\s\S]")
        either = "|".join([*self.others, *([plain] if plain and not negated else [])])
        if not negated:
            return f"(?:{either})"
        return f"(?:(?!{either}){plain or _ANY})"

    def add(self, other: _Class) -> None:
        """Add the members of another class."""
        self.content += other.content
        self.others += other.others
        self.properties |= other.properties
        self.underscore = self.underscore or other.underscore


_ANY = r"[\s\S]"


class _Translator:
    """Goes through one pattern once."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        #: Per open group, the groups with flags that end where it ends.
        self._flags: list[list[str]] = [[]]

    def run(self) -> str:
        """Return the pattern as Python has it."""
        out = []
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            if character == "\\":
                out.append(self._escape())
            elif character == "[":
                out.append(self._class())
            elif character == ".":
                self._at += 1
                out.append(_DOT)
            elif character == "(":
                out.append(self._group())
            else:
                self._at += 1
                out.append(self._plain(character))
        return "".join(out) + ")" * len(self._flags[0])

    def _plain(self, character: str) -> str:
        """Translate a character outside of classes that starts nothing."""
        if character == ")":
            return ")" * len(self._flags.pop() if len(self._flags) > 1 else ()) + ")"
        if character == "|":
            # Java's flags hold for the alternatives that follow, too.
            return ")" * len(self._flags[-1]) + "|" + "".join(self._flags[-1])
        return character

    def _ahead(self, text: str) -> bool:
        return self._pattern.startswith(text, self._at)

    def _group(self) -> str:
        """Translate the start of a group, or flags that hold to the end of theirs."""
        if (flags := _INLINE_FLAGS.match(self._pattern, self._at)) is not None:
            self._at = flags.end()
            self._flags[-1].append(f"(?{flags[1]}:")
            return self._flags[-1][-1]
        self._flags.append([])
        if self._ahead("(?<") and self._pattern[self._at + 3 : self._at + 4] not in ("=", "!"):
            self._at += 3
            return "(?P<"
        self._at += 1
        return "("

    def _escape(self) -> str:
        """Translate an escape outside of classes."""
        if self._ahead("\\Q"):
            return re.escape(self._quoted())
        following = self._pattern[self._at + 1 : self._at + 2]
        if following in _ANCHORS:
            self._at += 2
            return _ANCHORS[following]
        if following == "k" and (name := re.compile(r"\\k<(\w+)>").match(self._pattern, self._at)):
            self._at = name.end()
            return f"(?P={name[1]})"
        if following.isdigit() and following != "0":
            self._at += 2
            return f"\\{following}"
        found = _Class()
        if (code := self._member(found)) is not None:
            return re.escape(chr(code))
        return found.expression(negated=False)

    def _quoted(self) -> str:
        end = self._pattern.find("\\E", self._at)
        end = len(self._pattern) if end < 0 else end
        text = self._pattern[self._at + 2 : end]
        self._at = end + 2
        return text

    def _class(self) -> str:
        found, negated = self._parse_class()
        return found.expression(negated=negated)

    def _parse_class(self) -> tuple[_Class, bool]:
        """Read a class from its bracket to the one that closes it."""
        self._at += 1
        negated = self._ahead("^")
        self._at += negated
        found, operands, first = _Class(), list[_Class](), True
        while first or not self._ahead("]"):
            if self._at >= len(self._pattern):
                raise Inexpressible(f"{self._pattern}: a class is not closed")
            first = False
            if self._ahead("&&"):
                self._at += 2
                operands.append(found)
                found = _Class()
            elif self._ahead("["):
                inner, inner_negated = self._parse_class()
                if inner_negated:
                    found.others.append(inner.expression(negated=True))
                else:
                    found.add(inner)
            elif self._ahead("\\Q"):
                found.content.append("".join(map(re.escape, self._quoted())))
            else:
                self._item(found)
        self._at += 1
        if not operands:
            return found, negated
        *others, last = [*operands, found]
        ahead = "".join(f"(?={each.expression(negated=False)})" for each in others)
        return _Class(others=[f"(?:{ahead}{last.expression(negated=False)})"]), negated

    def _item(self, found: _Class) -> None:
        """Read a character, a range or a predefined class."""
        low = self._member(found)
        if low is None:
            return
        rest = self._pattern[self._at + 1 : self._at + 3]
        is_range = self._ahead("-") and rest[:1] not in ("", "]", "[")
        if is_range and not (rest[:1] == "\\" and rest[1:] in (*"dDwWsShHvVpP",)):
            self._at += 1
            high = self._member(found)
            if high is None or high < low:
                raise Inexpressible(f"{self._pattern}: a range that ends before it begins")
            found.content.append(f"\\U{low:08x}-\\U{high:08x}")
            found.underscore = found.underscore or low <= ord("_") <= high
        else:
            found.content.append(re.escape(chr(low)))
            found.underscore = found.underscore or low == ord("_")

    def _member(self, found: _Class) -> int | None:
        """Read one character and return its code, or take a predefined class in."""
        code = self._code()
        if code is not None:
            if 0xD800 <= code < 0xDC00:
                before = self._at
                low = self._code() if self._ahead("\\u") else None
                if low is not None and 0xDC00 <= low < 0xE000:
                    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                self._at = before
            return code
        if (known := _PROPERTY.match(self._pattern, self._at)) is not None:
            self._at = known.end()
            self._property(found, known[2] or known[3], negated=known[1] == "P")
            return None
        letter = self._pattern[self._at + 1 : self._at + 2]
        self._at += 2
        if letter.lower() in _PREDEFINED:
            content = _PREDEFINED[letter.lower()]
            if letter.islower():
                found.content.append(content)
                found.underscore = found.underscore or letter == "w"
            else:
                found.others.append(f"[^{content}]")
            return None
        if letter in _CONTROLS:
            return ord(_CONTROLS[letter])
        if not letter or letter.isalnum():
            raise Inexpressible(f"{self._pattern}: \\{letter}")
        return ord(letter)

    def _property(self, found: _Class, name: str, *, negated: bool) -> None:
        content = class_content(name) if name not in ("L", "N", "IsL", "IsN") else "-"
        if content is None:
            raise Inexpressible(f"{self._pattern}: \\p{{{name}}}")
        if negated:
            found.others.append(f"[^{class_content(name)}]")
        elif name in ("L", "N", "IsL", "IsN"):
            found.properties.add(name[-1])
        else:
            found.content.append(content)

    def _code(self) -> int | None:
        """Read a character that stands for itself or is written as a number."""
        if not self._ahead("\\"):
            self._at += 1
            return ord(self._pattern[self._at - 1])
        for expression, base in ((_NUMBERED, 16), (_OCTAL, 8)):
            if (number := expression.match(self._pattern, self._at)) is not None:
                self._at = number.end()
                return int(next(filter(None, number.groups())), base)
        return None
