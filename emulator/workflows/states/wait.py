"""Wait: for some seconds, or until a time."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import errors, quotas
from ..effects import Fail, GoOn, Succeed, Wait
from ..errors import StatesError
from ..frames import Frame, Moment
from ..json_text import Json, write
from ..machine import JSONPATH
from ..query.jsonpath import Path, PathMissing, evaluate
from ..query.scope import Query, Scope
from .base import FlowState

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)"
)


def parse_timestamp(text: Json) -> int | None:
    """Return the milliseconds of the Unix epoch of an RFC 3339 timestamp; None: it is none."""
    found = _TIMESTAMP.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    year, month, day, hour, minute = (int(found.group(at)) for at in range(1, 6))
    zone = found.group(8)
    offset_s = 0
    if zone != "Z":
        offset_s = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60 * (-1 if zone[0] == "-" else 1)
    try:
        second = int(found.group(6) or 0)
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    fraction_ms = int(float(found.group(7) or 0) * 1000)
    return (int(moment.timestamp()) - offset_s) * 1000 + fraction_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState(FlowState):
    """Waits. One of its four fields is given.

    Args:
        seconds: Seconds: a number, or an expression.
        seconds_path: SecondsPath.
        until: Timestamp: a time, or an expression.
        until_path: TimestampPath.
    """

    seconds: Query | None = None
    seconds_path: Path | None = None
    until: Query | None = None
    until_path: Path | None = None

    def enter(self, frame: Frame, moment: Moment) -> Wait:
        scope = self.flow.scope(frame, moment)
        if self.seconds is not None:
            return Wait(moment.now_ms + self._whole(self.seconds(scope)) * 1000)
        if self.seconds_path is not None:
            return Wait(moment.now_ms + _seconds_at(self.seconds_path, scope) * 1000)
        if self.until_path is not None:
            return Wait(_time_at(self.until_path, scope))
        assert self.until is not None
        return Wait(self._time(self.until(scope)))

    def leave(self, frame: Frame, result: Json, moment: Moment) -> GoOn | Succeed | Fail:
        return self.end(frame, *self.flow.pass_on(frame, moment))

    def _whole(self, value: Json) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            cause = f"The Seconds field cannot be parsed as a long value: {_shown(value)}"
        elif value < 0:
            cause = f"The Seconds field has a negative value: {value}"
        elif value > quotas.MOST_SECONDS:
            cause = f"The Seconds field has a value larger than {quotas.MOST_SECONDS}: {value}"
        else:
            return value
        raise self._error(cause, "Seconds")

    def _time(self, value: Json) -> int:
        if (time_ms := parse_timestamp(value)) is not None:
            return time_ms
        cause = (
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format"
            f" string: {_shown(value)}"
        )
        raise self._error(cause, "Timestamp")

    def _error(self, cause: str, field: str) -> StatesError:
        if self.language == JSONPATH:
            return StatesError(errors.RUNTIME, cause)
        return StatesError(errors.QUERY_EVALUATION_ERROR, cause, field)


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else write(value)


def _at(path: Path, field: str, scope: Scope) -> Json:
    try:
        return evaluate(path, scope)
    except PathMissing:
        cause = f"The {field} parameter does not reference an input value: {path.text}"
        raise StatesError(errors.RUNTIME, cause) from None


def _seconds_at(path: Path, scope: Scope) -> int:
    value = _at(path, "SecondsPath", scope)
    about = f"{path.text} == {_shown(value)}"
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d+", _shown(value)):
        cause = f"The SecondsPath parameter cannot be parsed as a long value: {about}"
        raise StatesError(errors.RUNTIME, cause)
    seconds = int(value)
    if seconds < 0:
        cause = f"The SecondsPath parameter references a negative value: {about}"
        raise StatesError(errors.RUNTIME, cause)
    if seconds > quotas.MOST_SECONDS:
        cause = f"The SecondsPath parameter references a value that is too large: {about}"
        raise StatesError(errors.RUNTIME, cause)
    return seconds


def _time_at(path: Path, scope: Scope) -> int:
    value = _at(path, "TimestampPath", scope)
    if (time_ms := parse_timestamp(value)) is not None:
        return time_ms
    cause = (
        "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time"
        f" format string: {path.text} == {_shown(value)}"
    )
    raise StatesError(errors.RUNTIME, cause)
