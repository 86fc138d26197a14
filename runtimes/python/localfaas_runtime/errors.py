"""What goes wrong, as AWS names and words it."""

from __future__ import annotations

import os
import traceback

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_OWN = "/localfaas_runtime/"
#: This runtime was left with an older client (recorded 2026-01).
_WITHOUT_REQUEST_ID = "AWS_Lambda_python3.8"


class Fault(Exception):
    """An error the runtime itself finds: ``kind`` is AWS's error type."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace


def result(error: BaseException, request_id: str = "") -> dict[str, Any]:
    """Return the JSON-able payload of ``error``."""
    if isinstance(error, Fault):
        kind, message, trace = error.kind, error.message, error.trace or []
    else:
        kind, message = type(error).__name__, str(error)
        trace = traceback.format_list(_user_frames(error))
    told = {
        "errorMessage": message,
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": trace,
    }
    if os.environ.get("AWS_EXECUTION_ENV") == _WITHOUT_REQUEST_ID:
        del told["requestId"]
    return told


def _user_frames(error: BaseException) -> list[Any]:
    """The traceback from where it leaves this runtime."""
    # As bare tuples: Lambda's traces have no lines that mark a column.
    frames = [
        (frame.filename, frame.lineno, frame.name, frame.line)
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    for index, frame in enumerate(frames):
        if _OWN not in frame[0]:
            return frames[index:]
    return frames
