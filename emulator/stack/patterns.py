"""Regular expressions of templates: anybody may write one that never ends.

Those that are quick whatever they meet are matched here. All others are matched in a process of
their own, with bounds on time and memory: templates use look-ahead, and no engine that has it has
bounds of its own.
"""

from __future__ import annotations

import asyncio
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import orjson

#: Seconds that matching may take. The process gives up by itself after a second of CPU, which it
#: may not get for long on a busy machine.
_PATIENCE_S = 60.0
_WORKER = Path(__file__).with_name("pattern_worker.py")
#: What may repeat something without an end, or makes a group repeat, or looks around, or back.
_ENDLESS = re.compile(r"[*+]|\{\d*,\}")
_DANGEROUS = re.compile(r"\)[*+?{]|\(\?[^:]|\\[1-9]|\{\d{4,}|,\d{4,}\}")
#: Java's classes of characters, which templates write and Python does not know: what is in each.
_CLASSES = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Graph": "!-~",
    "Lower": "a-z",
    "Print": r"\x20-~",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r"\s",
    "Upper": "A-Z",
    "XDigit": "0-9a-fA-F",
}
_CLASS = re.compile(r"\\p\{(\w+)\}|\\.|[\[\]]", re.DOTALL)
#: The longest pattern that is matched here.
_LONGEST = 500


def as_python(pattern: str) -> str:
    r"""Return one of Java's patterns with ``\p{Print}`` and its like as Python has them."""
    if r"\p{" not in pattern:
        return pattern
    inside = False

    def replaced(match: re.Match[str]) -> str:
        nonlocal inside
        if match[0] in "[]":
            inside = match[0] == "["
            return match[0]
        content = _CLASSES.get(match[1] or "")
        if content is None:
            return match[0]
        return content if inside else f"[{content}]"

    return _CLASS.sub(replaced, pattern)


def is_quick(pattern: str) -> bool:
    """Say whether matching a pattern is quick with every text.

    It is where no group repeats, nothing looks around, and at most two parts repeat endlessly.
    """
    pattern = as_python(pattern)
    plain = re.sub(r"\\[^1-9]|\[(?:\\.|[^\]\\])+\]", "x", pattern)
    return (
        len(pattern) <= _LONGEST
        and _DANGEROUS.search(plain) is None
        and len(_ENDLESS.findall(plain)) <= 2
    )


def matches(pattern: str, text: str) -> bool:
    """Say whether a quick pattern matches a whole text.

    Raises:
        ValueError: It is no regular expression.
    """
    try:
        with warnings.catch_warnings():
            # Of what may mean something else one day ("[[]").
            warnings.simplefilter("ignore", FutureWarning)
            return re.fullmatch(as_python(pattern), text) is not None
    except (re.error, OverflowError, RecursionError):
        raise ValueError(pattern) from None


async def match_all(pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
    """Match patterns, each with its text, in a process with bounds.

    Args:
        pairs: Patterns and texts.

    Returns:
        Whether each matches; None for one that is no regular expression, or takes too long, and for
        those after it.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(_WORKER)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            out, _ = await process.communicate(
                orjson.dumps([(as_python(pattern), text) for pattern, text in pairs])
            )
    except TimeoutError:
        out = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found: list[bool | None] = [None if each == b"n" else each == b"1" for each in out.split()]
    return found + [None] * (len(pairs) - len(found))
