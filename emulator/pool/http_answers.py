"""Answers of the Runtime API, as bytes."""

from __future__ import annotations

from emulator.model.limits import RESPONSE_PAYLOAD

ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"status":"OK"}\n'
)
RESTORED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
TOO_LARGE = f"Exceeded maximum allowed payload size ({RESPONSE_PAYLOAD} bytes)."

_STATUS = {"InvalidRequestID": 400, "InvalidStateTransition": 403, "InvokeTimeout": 410}
_REASON = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    410: "Gone",
    413: "Request Entity Too Large",
    431: "Request Header Fields Too Large",
}


def refuse(error_type: str, message: str) -> bytes:
    """Return the refusal of a request."""
    return answer(_STATUS.get(error_type, 400), error_type, message)


def answer(status: int, error_type: str, message: str) -> bytes:
    """Return an error as the Runtime API gives it."""
    body = f'{{"errorMessage":"{message}","errorType":"{error_type}"}}'.encode()
    return (
        f"HTTP/1.1 {status} {_REASON[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
