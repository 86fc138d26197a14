"""Logging set up as on Lambda: text or JSON lines on standard output."""

import json
import logging
import os
import sys
import time
import traceback

from .context import RequestId
from .marshal import encode

_NO_BREAK_SPACE = "\u00a0"
#: Inside one log event, lines end with a carriage return.
_LINE_END = "\r"
_JSON_TIME = "%Y-%m-%dT%H:%M:%SZ"
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "aws_request_id",
    "tenant_id",
}

request = RequestId()


class _Handler(logging.Handler):
    def emit(self, record):
        sys.stdout.write(self.format(record))


class _JsonFormatter(logging.Formatter):
    def format(self, record):
        level = min(50, max(0, record.levelno)) // 10 * 10
        plain = isinstance(record.msg, dict) and not record.args
        line = {
            "timestamp": self.formatTime(record, _JSON_TIME),
            "level": logging.getLevelName(level),
            "message": record.msg if plain else record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, trace = record.exc_info
            line["stackTrace"] = traceback.format_tb(trace)
            line["errorType"] = kind.__name__
            line["errorMessage"] = str(error)
        line["requestId"] = record.aws_request_id
        if record.exc_info:
            line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        line["tenantId"] = record.tenant_id
        for name, value in vars(record).items():
            if name not in _OWN_FIELDS and name not in line:
                line[name] = value
        line = {name: value for name, value in line.items() if value is not None}
        return json.dumps(line, ensure_ascii=False, default=str) + "\n"


def is_json():
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def set_up():
    """Give the root logger its handler, and the level that is asked for."""
    logging.Formatter.converter = time.gmtime
    handler = _Handler()
    if is_json():
        handler.setFormatter(_JsonFormatter())
    else:
        handler.setFormatter(
            logging.Formatter(
                "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
                "%Y-%m-%dT%H:%M:%S",
            )
        )
    handler.addFilter(request)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = "DEBUG" if level == "TRACE" else level
    if level in ("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL", "NOTSET"):
        logging.getLogger().setLevel(level)
    logging.getLogger().addHandler(handler)


def error(result):
    """Write an error's result to the log, as one event."""
    if is_json():
        stamp = time.strftime(_JSON_TIME, time.gmtime())
        text = encode({"timestamp": stamp, "level": "ERROR", **result}).decode()
        sys.stdout.write(text + "\n")
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
    sys.stdout.write(_LINE_END.join(lines) + "\n")


def unhandled_warning():
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
