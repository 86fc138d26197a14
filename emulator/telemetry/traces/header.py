"""The header ``X-Amzn-Trace-Id``, by which a trace goes on from call to call.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import random
import re
from typing import NamedTuple

_ROOT = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_ID = re.compile(r"[0-9a-fA-F]{16}")


class TraceHeader(NamedTuple):
    """What a trace header says."""

    #: The trace's id; "" where the header has none that is one.
    root: str
    #: The id of the segment or subsegment that made the call; "" without.
    parent: str
    #: Whether the trace is recorded; None: that was not decided yet.
    sampled: bool | None
    #: Its other fields as they stand, each with a semicolon before it.
    rest: str

    def __str__(self) -> str:
        """Return the header's text."""
        parent = f";Parent={self.parent}" if self.parent else ""
        sampled = "" if self.sampled is None else f";Sampled={int(self.sampled)}"
        return f"Root={self.root}{parent}{sampled}{self.rest}"


def read(text: str) -> TraceHeader:
    """Return what a header says; what is malformed in it counts as missing."""
    root = parent = rest = ""
    sampled: bool | None = None
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name == "Root":
            root = value if _ROOT.fullmatch(value) else ""
        elif name == "Parent":
            parent = value if _ID.fullmatch(value) else ""
        elif name == "Sampled":
            sampled = {"0": False, "1": True}.get(value)
        elif value and name != "Self":
            rest += f";{name}={value}"
    return TraceHeader(root, parent, sampled, rest)


def is_trace_id(text: str) -> bool:
    """Say whether a text is the id of a trace."""
    return _ROOT.fullmatch(text) is not None


def new_id() -> str:
    """Return an id for a segment: 64 bits, as 16 hexadecimal digits."""
    return f"{random.getrandbits(64):016x}"


def derived_id(own: str, number: int) -> str:
    """Return the id of a further segment of the same call, the same each time.

    Args:
        own: The id that the call was given.
        number: Which of its segments; 0 is ``own`` itself.
    """
    # An odd constant: different numbers never meet.
    return f"{(int(own, 16) + number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF:016x}"
