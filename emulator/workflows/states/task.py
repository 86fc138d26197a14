"""Task: a call of a function, an activity or a service."""

from dataclasses import dataclass

from .. import errors, quotas
from ..effects import Resource, RunTask
from ..errors import StatesError
from ..frames import Frame, Moment
from ..json_text import Json, size_bytes, write
from ..query.scope import Query
from .base import FlowState, check_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(FlowState):
    """Calls something.

    Args:
        timeout: TimeoutSeconds or its Path form; None: not given.
        heartbeat: HeartbeatSeconds or its Path form; None: not given.
        credentials: Credentials; None: not given.
    """

    timeout: Query | None = None
    heartbeat: Query | None = None
    credentials: Query | None = None

    def enter(self, frame: Frame, moment: Moment) -> RunTask:
        assert self.resource is not None
        scope = self.flow.scope(frame, moment)
        arguments = self.flow.arguments(frame, moment)
        if arguments is not frame.input:
            check_size(self.name, size_bytes(arguments))
        return RunTask(
            self.resource,
            arguments,
            None if self.timeout is None else self.timeout(scope),
            None if self.heartbeat is None else self.heartbeat(scope),
            None if self.credentials is None else self.credentials(scope),
        )


def seconds(query: Query, field: str, language_error: str) -> Query:
    """Return the query of TimeoutSeconds or HeartbeatSeconds that gives a positive whole number.

    Args:
        query: Gives the value.
        field: The field, as in `TimeoutSecondsPath`.
        language_error: The error of a value that does not fit.
    """

    def checked(scope: object) -> Json:
        value = query(scope)  # type: ignore[arg-type]
        if isinstance(value, bool) or not isinstance(value, int):
            cause = f"The {field} field refers to a value that is not an integer: {write(value)}"
        elif not 0 < value <= quotas.MOST_SECONDS:
            most = quotas.MOST_SECONDS
            cause = f"The {field} field refers to a value not between 1 and {most}: {value}"
        else:
            return value
        location = field if language_error == errors.QUERY_EVALUATION_ERROR else None
        raise StatesError(language_error, cause, location)

    return checked


def parse_resource(arn: str) -> Resource | None:
    """Return what a task calls; None: the ARN is not one of a task.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
    """
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or not parts[1].startswith("aws"):
        return None
    if parts[2] == "lambda" and parts[5] == "function" and len(parts) >= 7:
        return Resource(arn, "lambda")
    if parts[2] != "states":
        return None
    if parts[5] == "activity" and len(parts) == 7 and parts[4]:
        return Resource(arn, "activity")
    if parts[3] or parts[4]:
        # A region and an account belong to activities only.
        return None
    service, rest = parts[5], parts[6:]
    if service == "aws-sdk" and len(rest) == 2:
        service, rest = f"aws-sdk:{rest[0]}", rest[1:]
    elif len(rest) == 2 and rest[0].endswith(".sync"):
        rest = [":".join(rest)]
    if len(rest) != 1 or not rest[0]:
        return None
    action, _, pattern = rest[0].partition(".")
    if pattern not in ("", "sync", "sync:2", "waitForTaskToken") or not action:
        return None
    return Resource(arn, "service", service, action, pattern)
