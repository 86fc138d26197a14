"""Logging set up as on Lambda: text or JSON, by way of the runtime's own sink."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback

from . import sink as sinks
from .context import RequestId
from .marshal import encode

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NO_BREAK_SPACE = "\u00a0"
_JSON_TIME = "%Y-%m-%dT%H:%M:%SZ"
_JSON_FRAME, _TEXT_FRAME = 0xA55A0002, 0xA55A0003
#: The bits of a frame's type that tell the level, from bit 2 on.
_FRAME_LEVELS = {0: 0, 10: 2, 20: 3, 30: 4, 40: 5, 50: 6}
#: Attributes of a log record that are no fields of their own in JSON.
_RESERVED = frozenset(
    """
    name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno
    funcName created msecs relativeCreated thread threadName processName process aws_request_id
    tenant_id _frame_type
    """.split()
)

request = RequestId()
#: Where the runtime's own lines go, once set up.
sink: sinks.LinesSink = sinks.LinesSink()
_json = False


class LambdaLoggerHandler(logging.Handler):
    """The root logger's handler; its name is AWS's, which user code may look for."""

    def __init__(self, log_sink: sinks.LinesSink) -> None:
        super().__init__()
        self.log_sink = log_sink

    def emit(self, record: logging.LogRecord) -> None:
        self.log_sink.log(self.format(record))


class LambdaLoggerHandlerWithFrameType(LambdaLoggerHandler):
    """Also tells the level, in the type of the frame."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        kind = getattr(record, "_frame_type", None) or _frame_type(_TEXT_FRAME, _level(record))
        self.log_sink.log(text, kind)


def _level(record: logging.LogRecord) -> int:
    return min(50, max(0, record.levelno)) // 10 * 10


def _frame_type(kind: int, level: int) -> int:
    return kind | _FRAME_LEVELS[level] << 2


class JsonFormatter(logging.Formatter):
    """One JSON object a record, its fields in AWS's order."""

    def __init__(self) -> None:
        super().__init__(datefmt=_JSON_TIME)
        self._encode = json.JSONEncoder(ensure_ascii=False, default=str).encode

    def format(self, record: logging.LogRecord) -> str:
        record.levelno = _level(record)
        record.levelname = logging.getLevelName(record.levelno)
        record._frame_type = _frame_type(_JSON_FRAME, record.levelno)
        plain = isinstance(record.msg, dict) and not record.args
        kind, error, trace = record.exc_info or (None, None, None)
        line: dict[str, Any] = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if plain else record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(trace) if record.exc_info else None,
            # A record of an error that is none (``exc_info`` of three Nones) fails, as on AWS.
            "errorType": kind.__name__ if record.exc_info else None,  # type: ignore[union-attr]
            "errorMessage": str(error) if record.exc_info else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": None,
        }
        if record.exc_info:
            line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        tenant = getattr(record, "tenant_id", None)
        if tenant is not None:
            line["tenantId"] = tenant
        for name, value in vars(record).items():
            if name not in _RESERVED and name not in line:
                line[name] = value
        return self._encode({name: each for name, each in line.items() if each is not None}) + "\n"


def set_up() -> None:
    """Give the root logger its handler, and the level that is asked for."""
    global sink, _json
    sink = sinks.opened()
    _json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    logging.Formatter.converter = time.gmtime
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")
    level = "DEBUG" if level == "TRACE" else level.upper()
    framed = _json or level
    handler = (LambdaLoggerHandlerWithFrameType if framed else LambdaLoggerHandler)(sink)
    if _json:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(
            logging.Formatter(
                "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
                "%Y-%m-%dT%H:%M:%S",
            )
        )
    handler.addFilter(request)
    if level in logging._nameToLevel:
        logging.getLogger().setLevel(level)
    logging.getLogger().addHandler(handler)


def error(result: dict[str, Any]) -> None:
    """Write an error's result to the log, as one event."""
    if _json:
        stamp = time.strftime(_JSON_TIME, time.gmtime())
        text = encode({"timestamp": stamp, "level": "ERROR", **result}).decode("utf-8", "replace")
        sink.log_error([text], _frame_type(_JSON_FRAME, logging.ERROR))
        return
    head = "[ERROR]"
    if result["errorType"]:
        head += " " + result["errorType"]
    if result["errorMessage"]:
        head += (":" if result["errorType"] else "") + " " + result["errorMessage"]
    lines = [head, "Traceback (most recent call last):"]
    for entry in result["stackTrace"]:
        for line in entry.splitlines() or [""]:
            text = line.lstrip(" ")
            lines.append(_NO_BREAK_SPACE * (len(line) - len(text)) + text)
    sink.log_error(lines, _frame_type(_TEXT_FRAME, logging.ERROR))


def print_text(text: str) -> None:
    """Write a context's own message: to the sink while the root logger has its handler."""
    for handler in logging.getLogger().handlers:
        if hasattr(handler, "log_sink"):
            handler.log_sink.log(text)
            return
    sys.stdout.write(text)


def unhandled_warning() -> None:
    """Write the warning AWS puts before an error of the init phase."""
    logging.warning(
        "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function "
        "code. However, in rare cases, a Lambda runtime update can cause unexpected function "
        "behavior. For functions using managed runtimes, runtime updates can be triggered by a "
        "function change, or can be applied automatically. To determine if the runtime has been "
        "updated, check the runtime version in the INIT_START log entry. If this error "
        "correlates with a change in the runtime version, you may be able to mitigate this error "
        "by temporarily rolling back to the previous runtime version. For more information, see "
        "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
    )
