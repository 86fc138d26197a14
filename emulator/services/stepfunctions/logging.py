"""What executions log: their events, to the log group of their machine.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from emulator.model.errors import LocalfaasError
from emulator.services.stepfunctions import configuration
from emulator.services.stepfunctions.engine import events
from emulator.services.stepfunctions.engine.events import Event, text_of
from emulator.services.stepfunctions.engine.execution import Execution

if TYPE_CHECKING:
    from emulator.services.stepfunctions.engine.engine import Engine

_FATAL = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"})
_ERROR = ("Aborted", "Failed", "TimedOut", "FailStateEntered")
_LONGEST = 248 * 1024
#: Streams that are known to be there; each machine has a new one every minute.
_MOST_STREAMS = 1000


def is_logged(kind: str, level: str) -> bool:
    """Say whether events of a type are logged at a level."""
    if level == "ALL":
        return True
    if level == "ERROR":
        return kind.endswith(_ERROR)
    return level == "FATAL" and kind in _FATAL


class ExecutionLogs:
    """Writes events to log groups, in the order in which they happened.

    Args:
        engine: Whose executions.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        #: By log group: account, region, name, stream.
        self._waiting: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
        self._streams: set[tuple[str, str, str, str]] = set()

    def add(self, execution: Execution, fresh: Sequence[Event], last: int) -> None:
        """Log events of an execution that were kept.

        Args:
            execution: The execution.
            fresh: The events.
            last: The id of the last of them.
        """
        settings = execution.revision.get("loggingConfiguration") or {}
        level = settings.get("level", "OFF")
        if level == "OFF" or not settings.get("destinations") or not fresh:
            return
        arn = settings["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"]
        _, _, _, region, account, *_ = arn.split(":")
        with_data = bool(settings.get("includeExecutionData"))
        first = last - len(fresh) + 1
        lines = [
            {
                "timestamp": each[2],
                "message": text_of(_line(execution, id, each, with_data=with_data)),
            }
            for id, each in enumerate(fresh, first)
            if is_logged(each[1], level)
        ]
        if not lines:
            return
        day = _day(self._engine.clock.now())
        stream = f"states/{execution.machine_name}/{day}/{execution.machine_name[:8]}"
        key = (account, region, configuration.group_of(arn), stream)
        if key in self._waiting:
            self._waiting[key] += lines
        else:
            self._waiting[key] = lines
            self._engine.spawn(self._write(key))

    async def _write(self, key: tuple[str, str, str, str]) -> None:
        call = self._engine.parts.table.call
        account, region, group, stream = key
        where = {"logGroupName": group, "logStreamName": stream}
        try:
            if key not in self._streams:
                if len(self._streams) >= _MOST_STREAMS:
                    self._streams.clear()
                self._streams.add(key)
                # It may be there.
                with suppress(LocalfaasError):
                    await call("logs", "CreateLogStream", where, account=account, region=region)
            while lines := self._waiting.get(key):
                batch, self._waiting[key] = lines[:1000], lines[1000:]
                request = {**where, "logEvents": batch}
                await call("logs", "PutLogEvents", request, account=account, region=region)
        except LocalfaasError as error:
            self._streams.discard(key)
            self._engine.parts.console.warn(f"executions can't log to {group}: {error}")
        finally:
            self._waiting.pop(key, None)


def _line(execution: Execution, id: int, event: Event, *, with_data: bool) -> dict[str, Any]:
    previous, kind, at_ms, details = event
    shown = events.public(details or {})
    if not with_data:
        shown = events.without_data(shown)
    return {
        "id": str(id),
        "type": kind,
        "details": _cut(shown),
        "redrive_count": str(execution.redrives),
        "previous_event_id": str(previous),
        "execution_arn": execution.arn,
        "event_timestamp": str(at_ms),
    }


def _cut(details: dict[str, Any]) -> dict[str, Any]:
    """Return details with texts that are too long for a log left out."""
    cut = dict(details)
    for name in ("input", "output"):
        text = cut.get(name)
        if isinstance(text, str) and len(text) > _LONGEST:
            cut[name] = text[:_LONGEST]
            cut[f"{name}Details"] = {"truncated": True}
    return cut


def _day(now: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d-%H-%M")
