"""Access logs: a line for each request, in the format of its stage.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from emulator.telemetry.logs import Logs
from emulator.telemetry.writer import LogWriter

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_]+(?:[.\-][A-Za-z0-9_]+)*)")
_GROUP = re.compile(r"arn:[^:]+:logs:(?P<region>[^:]+):(?P<account>\d{12}):log-group:(?P<name>.+)")


class AccessLogs:
    """Writes access logs to log groups."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._writers: dict[tuple[str, str], LogWriter] = {}

    def write(
        self, destination: str, stage: str, form: str, value: Callable[[str], str | None]
    ) -> None:
        """Add a line.

        Args:
            destination: The ARN of a log group; nothing is written to what is none.
            stage: Names the API and stage, whose lines have a stream of their own.
            form: The format, with ``$context.…`` for what differs.
            value: Returns what stands behind ``$context.``; None for "-".
        """
        writer = self._writers.get((destination, stage)) or self._open(destination, stage)
        if writer is not None:
            writer.line(render(form, value))

    def _open(self, destination: str, stage: str) -> LogWriter | None:
        match = _GROUP.fullmatch(destination.removesuffix(":*"))
        if match is None:
            return None
        stream = hashlib.md5(stage.encode(), usedforsecurity=False).hexdigest()
        writer = self._logs.writer(match["account"], match["region"], match["name"], stream)
        self._writers[destination, stage] = writer
        return writer


def render(form: str, value: Callable[[str], str | None]) -> str:
    """Return a line: ``$context.…`` is replaced, what there is nothing for is "-"."""

    def text(match: re.Match[str]) -> str:
        found = value(match[1])
        return "-" if found is None or found == "" else found

    return _VARIABLE.sub(text, form)
