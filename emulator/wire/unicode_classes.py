"""Character classes of Java's regular expressions, as the content of a Python class.

https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/regex/Pattern.html
"""

from __future__ import annotations

import sys
from functools import cache
from itertools import groupby

#: POSIX classes: ASCII only, as in Java without UNICODE_CHARACTER_CLASS.
_POSIX = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9",
    "Graph": r"\x21-\x7e",
    "Lower": "a-z",
    "Print": r"\x20-\x7e",
    "Punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "Space": r" \t\n\x0b\f\r",
    "Upper": "A-Z",
    "XDigit": "0-9a-fA-F",
}
#: Separators. They are few, and stand in the pattern of every tag: no need to go through Unicode.
_SPACES = r" \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
#: Properties beside the categories, and unions of categories. Of Java's alphabetic characters
#: those that are marks are left out.
_OTHERS = {
    "all": r"\U00000000-\U0010ffff",
    "IsWhitespace": r"\t-\r\x85" + _SPACES + r"\u2028\u2029",
}
_UNIONS = {"LD": ("L", "Nd"), "IsAlphabetic": ("L", "Nl")}
_SEPARATORS = {"Z": _SPACES + r"\u2028\u2029", "Zs": _SPACES, "Zl": r"\u2028", "Zp": r"\u2029"}
#: Long runs of one category, which need no look at each character.
_UNIFORM = (
    (0x3400, 0x4DBF, "Lo"),
    (0x4E00, 0x9FFF, "Lo"),
    (0xAC00, 0xD7A3, "Lo"),
    (0xD800, 0xDFFF, "Cs"),
    (0xE000, 0xF8FF, "Co"),
    (0x17000, 0x187F7, "Lo"),
    (0x20000, 0x2A6DF, "Lo"),
    (0x40000, 0xDFFFF, "Cn"),
    (0xF0000, 0xFFFFD, "Co"),
    (0x100000, 0x10FFFD, "Co"),
)


def class_content(name: str) -> str | None:
    r"""Return the content of ``[...]`` for ``\p{name}``; None if it is not known.

    Args:
        name: A POSIX class, or a general category with or without ``Is``.
    """
    if name in _POSIX:
        return _POSIX[name]
    if name in _OTHERS:
        return _OTHERS[name]
    if name in _UNIONS:
        return "".join(class_content(part) or "" for part in _UNIONS[name])
    category = name.removeprefix("Is").removeprefix("general_category=").removeprefix("gc=")
    if category in _SEPARATORS:
        return _SEPARATORS[category]
    ranges = [
        part for key, parts in _categories().items() if key.startswith(category) for part in parts
    ]
    if len(category) not in (1, 2) or not ranges:
        return None
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in sorted(ranges))


@cache
def _categories() -> dict[str, list[tuple[int, int]]]:
    """Return the ranges of each general category (about 15 ms, once)."""
    import unicodedata  # a megabyte that few patterns need

    found: dict[str, list[tuple[int, int]]] = {}
    code = 0
    for low, high, uniform in (*_UNIFORM, (sys.maxunicode + 1, 0, "")):
        for category, run in groupby(map(unicodedata.category, map(chr, range(code, low)))):
            length = sum(1 for _ in run)
            found.setdefault(category, []).append((code, code + length - 1))
            code += length
        if uniform:
            found.setdefault(uniform, []).append((low, high))
        code = high + 1
    return found
