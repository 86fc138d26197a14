"""What an engine has to do next: plain data, which a journal keeps as JSON.

History events are made of it: a state's `output` and `assigned` are in `…StateExited`, a task's
`arguments` in `TaskScheduled` (parameters), a failure's `error` and `cause` in `…Failed`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .errors import QUERY_EVALUATION_ERROR
from .json_text import Document, Json


# Not frozen, which would double what it costs: each state that is left makes one.
@dataclass(slots=True)
class GoOn:
    """The state ends, and another one begins.

    Args:
        next: The name of the state to enter, in the same program.
        output: The state's output: the input of the next one. If it is the state's input itself
            (`output is frame.input`), so is its text.
        assigned: The variables the state sets.
        text: The JSON text of the output, if it was written already.
        caught: The index of the catcher that took an error, if one did.
    """

    next: str
    output: Json
    assigned: Document = field(default_factory=dict)
    caught: int | None = None
    text: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Succeed:
    """The state ends, and with it its program (the execution, the branch, the iteration)."""

    output: Json
    assigned: Document = field(default_factory=dict)
    text: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Fail:
    """The state fails. Unless `failed` catches it, its program fails.

    Args:
        error: The error's name; None if a Fail state names none.
        location: Of an evaluation that failed: the field, as in `EvaluationFailed`.
        length: How many items a Map had when it failed: `MapStateStarted` comes first. None: no
            Map, or it failed before.
    """

    error: str | None
    cause: str | None
    location: str | None = None
    length: int | None = None

    @property
    def is_evaluation(self) -> bool:
        """Whether the history has an `EvaluationFailed` event of it."""
        return self.error == QUERY_EVALUATION_ERROR


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait, then `leave` the state with the result None.

    Args:
        until_ms: The time to wait for, in milliseconds of the Unix epoch.
    """

    until_ms: int


@dataclass(frozen=True, slots=True)
class Resource:
    """What a task calls.

    Args:
        arn: As the definition says.
        kind: `lambda`, `activity` or `service`.
        service: Of an integration: `sqs`, `aws-sdk:s3` (`resourceType` of events).
        action: Of an integration: `sendMessage` (without the pattern).
        pattern: `""`, `sync`, `sync:2` or `waitForTaskToken`.
    """

    arn: str
    kind: str
    service: str = ""
    action: str = ""
    pattern: str = ""

    @property
    def name(self) -> str:
        """`resource` of events: `sendMessage.waitForTaskToken`."""
        return f"{self.action}.{self.pattern}" if self.pattern else self.action


@dataclass(frozen=True, slots=True)
class RunTask:
    """Do a task, then `leave` the state with its result, or `failed`.

    Args:
        arguments: What the task is called with (`parameters` of TaskScheduled, `input` of
            LambdaFunctionScheduled).
        timeout_s: Seconds after which it fails with States.Timeout; None: never.
        heartbeat_s: Seconds without a heartbeat after which it fails with States.HeartbeatTimeout.
        credentials: `{"RoleArn": …}` of a task that names a role.
    """

    resource: Resource
    arguments: Json
    timeout_s: int | None = None
    heartbeat_s: int | None = None
    credentials: Document | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """Run all branches of a Parallel, each with this input; `leave` with the list of their outputs.

    A branch sees the variables of the frame; what it sets is gone with it. The first failure of a
    branch stops the others and goes to `failed`.

    Args:
        branches: How many: `state.branches` has the programs.
    """

    branches: int
    input: Json


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a distributed Map makes for its items or results.

    Args:
        resource: Such as `arn:aws:states:::s3:getObject`.
        config: `ReaderConfig` or `WriterConfig`, worked out.
    """

    resource: Resource
    arguments: Json
    config: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Iterate:
    """Run a Map's processor for each item; `leave` with their outputs in the order of the items.

    `item_inputs` (decide.py) makes the inputs of iterations from items; with a reader,
    `read_items` makes items from what was read.

    Args:
        items: The items; None if a reader gets them.
        keys: The names of the items, if they are the members of an object.
        inputs: What the iterations are given, if that was worked out already.
        max_concurrency: How many at a time; 0: as many as the quota allows.
        tolerated_failure_count: How many items may fail.
        tolerated_failure_percentage: Which share of them may; the Map fails if either is exceeded.
            None: not given.
        is_distributed: Iterations are executions of their own, under a map run.
        label: Of a distributed Map: part of the names of its executions' machine.
        execution_type: `STANDARD` or `EXPRESS`.
    """

    items: list[Json] | None
    max_concurrency: int = 0
    tolerated_failure_count: int | None = None
    tolerated_failure_percentage: float | None = None
    is_distributed: bool = False
    label: str | None = None
    execution_type: str = "STANDARD"
    reader: Call | None = None
    writer: Call | None = None
    keys: list[str] | None = None
    inputs: list[Json] | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Wait, then `enter` the state again, with the RetryCount of its context raised.

    Args:
        after_s: Seconds to wait.
        retrier: The index of the retrier that decided.
        attempts: How often each retrier has retried by then: give it to `failed` the next time.
    """

    after_s: float
    retrier: int
    attempts: tuple[int, ...]


Effect = GoOn | Succeed | Fail | Wait | RunTask | Fork | Iterate | Retry

_KINDS: Mapping[str, type[Any]] = {
    kind.__name__: kind for kind in (GoOn, Succeed, Fail, Wait, RunTask, Fork, Iterate, Retry)
}
_FIELDS: Mapping[type[Any], tuple[str, ...]] = {
    kind: tuple(each.name for each in fields(kind) if each.name != "text")
    for kind in _KINDS.values()
}


def to_json(effect: Effect) -> dict[str, Json]:
    """Return an effect as a JSON object."""
    document: dict[str, Json] = {"effect": type(effect).__name__}
    for name in _FIELDS[type(effect)]:
        value = getattr(effect, name)
        document[name] = asdict(value) if isinstance(value, Resource | Call) else value
    return document


def from_json(document: Document) -> Effect:
    """Return the effect that `to_json` wrote."""
    given = dict(document)
    kind = _KINDS[given.pop("effect")]
    if kind is RunTask:
        given["resource"] = Resource(**given["resource"])
    if kind is Retry:
        given["attempts"] = tuple(given["attempts"])
    if kind is Iterate:
        given["reader"], given["writer"] = _call(given["reader"]), _call(given["writer"])
    effect: Effect = kind(**given)
    return effect


def _call(document: Document | None) -> Call | None:
    if document is None:
        return None
    return Call(Resource(**document["resource"]), document["arguments"], document["config"])
