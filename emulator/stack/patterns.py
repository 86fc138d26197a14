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

#: Seconds that matching may take. The process gives up by itself after a second of CPU.
_PATIENCE_S = 5.0
_WORKER = Path(__file__).with_name("pattern_worker.py")
#: What may repeat something without an end, or makes a group repeat, or looks around, or back.
_ENDLESS = re.compile(r"[*+]|\{\d*,\}")
_DANGEROUS = re.compile(r"\)[*+?{]|\(\?[^:]|\\[1-9]|\{\d{4,}|,\d{4,}\}")
#: The longest pattern that is matched here.
_LONGEST = 500


def is_quick(pattern: str) -> bool:
    """Say whether matching a pattern is quick with every text.

    It is where no group repeats, nothing looks around, and at most two parts repeat endlessly.
    """
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
            return re.fullmatch(pattern, text) is not None
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
            out, _ = await process.communicate(orjson.dumps(pairs))
    except TimeoutError:
        out = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found: list[bool | None] = [None if each == b"n" else each == b"1" for each in out.split()]
    return found + [None] * (len(pairs) - len(found))
