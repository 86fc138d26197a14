"""Segment documents as senders send them: what is wrong with one, and what is kept of it.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import math
import re
from typing import Any

import orjson

from emulator.telemetry.traces.header import is_trace_id

#: Bytes of a document.
MOST_BYTES = 64 * 1024
_ID = re.compile(r"[0-9a-fA-F]{16}")
_NAME = re.compile(r"[\w\s.:/%&#=+\\\-@]{1,200}")
#: Subsegments in subsegments: more would be no sender's.
_DEEPEST = 100


class Refused(Exception):
    """A document that is not taken.

    Attributes:
        code: AWS's: "ParseError", "MissingId", "InvalidTraceId" …
        id: The document's, where it has one.
    """

    def __init__(self, code: str, id: str = "") -> None:
        super().__init__(f"Invalid segment. ErrorCode: {code}")
        self.code = code
        self.id = id


def read(text: str | bytes) -> dict[str, Any]:
    """Return a document that was sent.

    Raises:
        Refused: It is none.
    """
    # Characters may take several bytes.
    if len(text) > MOST_BYTES or (isinstance(text, str) and _bytes(text) > MOST_BYTES):
        raise Refused("SegmentTooLarge")
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused("ParseError") from error
    if not isinstance(document, dict):
        raise Refused("ParseError")
    check(document)
    return document


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def check(document: dict[str, Any]) -> None:
    """Check a document.

    Raises:
        Refused: Something that it must have is missing, or is not of its kind.
    """
    found = document.get("id")
    id = found if isinstance(found, str) else ""
    if not id:
        raise Refused("MissingId")
    if not _ID.fullmatch(id):
        raise Refused("InvalidId", id)
    trace_id = document.get("trace_id")
    if not trace_id:
        raise Refused("MissingTraceId", id)
    if not isinstance(trace_id, str) or not is_trace_id(trace_id):
        raise Refused("InvalidTraceId", id)
    name = document.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refused("InvalidName" if name else "MissingName", id)
    _check_times(document, id)
    if document.get("type") == "subsegment" and not document.get("parent_id"):
        raise Refused("MissingParentId", id)
    _check_parts(document, id, _DEEPEST)


def _check_times(document: dict[str, Any], id: str) -> None:
    if not _is_time(document.get("start_time")):
        raise Refused("InvalidStartTime" if "start_time" in document else "MissingStartTime", id)
    if "end_time" in document:
        if not _is_time(document["end_time"]):
            raise Refused("InvalidEndTime", id)
    elif not document.get("in_progress"):
        raise Refused("MissingEndTime", id)


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value < 1e11


def _check_parts(document: dict[str, Any], id: str, deeper: int) -> None:
    """Check what readers of a document look into, at any depth."""
    for name, kind in (("http", dict), ("aws", dict), ("annotations", dict), ("subsegments", list)):
        if name in document and not isinstance(document[name], kind):
            raise Refused("ParseError", id)
    for part in ("request", "response"):
        if not isinstance((document.get("http") or {}).get(part) or {}, dict):
            raise Refused("ParseError", id)
    if "parent_id" in document and not isinstance(document["parent_id"], str):
        raise Refused("InvalidParentId", id)
    for each in document.get("subsegments") or ():
        if not isinstance(each, dict) or not deeper:
            raise Refused("ParseError", id)
        if not isinstance(each.get("name"), str) or not isinstance(each.get("id"), str):
            raise Refused("InvalidSubsegment", id)
        _check_times(each, id)
        _check_parts(each, id, deeper - 1)
