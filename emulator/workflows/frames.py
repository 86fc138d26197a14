"""What a state is decided from: input, context object, variables; and time and chance."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache

from .json_text import Document, Json


@dataclass(frozen=True, slots=True)
class Moment:
    """What is not in the data: the time, and where chance comes from.

    Args:
        now_ms: Milliseconds of the Unix epoch.
        chance: Decides UUIDs, random numbers and jitter.
        trace: Where the steps between input and output are written down, by their names in
            TestState (`afterInputPath` …); None: nowhere.
        is_patient: Expressions may take as long as AWS allows. False: they raise `TakesLong`
            after some milliseconds.
    """

    now_ms: int
    chance: random.Random = field(default_factory=random.SystemRandom)
    trace: dict[str, Json] | None = None
    is_patient: bool = True

    def note(self, step: str, value: Json) -> Json:
        """Write down a step, if anybody wants to know, and return its value."""
        if self.trace is not None:
            self.trace[step] = value
        return value


# Not frozen, which would double what it costs: each state that is entered makes one.
@dataclass(slots=True)
class Frame:
    """What a state sees.

    Args:
        input: The state's input, before InputPath.
        context: The context object (`$$`, `$states.context`), with the entry of this state.
        variables: All variables the state sees: those of its own scope and of the scopes around it.
        entered_event_id: The id of the history event with which the state was entered; error texts
            have it.
    """

    input: Json
    context: Document
    variables: Document = field(default_factory=dict)
    entered_event_id: int = 0

    def to_json(self) -> dict[str, Json]:
        """Return the frame as a JSON object."""
        return {
            "input": self.input,
            "context": self.context,
            "variables": self.variables,
            "entered_event_id": self.entered_event_id,
        }

    @staticmethod
    def from_json(document: Document) -> "Frame":
        """Return the frame that `to_json` wrote."""
        return Frame(**document)

    def retried(self, count: int) -> "Frame":
        """Return the frame of the next attempt, `count` retries after the first."""
        state = {**self.context.get("State", {}), "RetryCount": count}
        return replace(self, context={**self.context, "State": state})


def assign(variables: Document, assigned: Document) -> Document:
    """Return the variables after a state has set some."""
    return {**variables, **assigned} if assigned else variables


@lru_cache(64)
def timestamp(time_ms: int) -> str:
    """Return a time as the context object has it: `2026-01-31T12:34:56.789Z`."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def execution_context(
    *, arn: str, name: str, input: Json, role_arn: str, started_ms: int, machine_arn: str,
    machine_name: str,
    redrives: int = 0, redriven_ms: int | None = None,
) -> Document:  # fmt: skip
    """Return the part of the context object that all states of an execution share.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    execution: dict[str, Json] = {
        "Id": arn,
        "Input": input,
        "StartTime": timestamp(started_ms),
        "Name": name,
        "RoleArn": role_arn,
        "RedriveCount": redrives,
    }
    if redriven_ms is not None:
        execution["RedriveTime"] = timestamp(redriven_ms)
    return {"Execution": execution, "StateMachine": {"Id": machine_arn, "Name": machine_name}}


def state_context(
    base: Document,
    state: str,
    entered_ms: int,
    retries: int | None = None,
    task_token: str | None = None,
) -> Document:
    """Return the context object of a state that was just entered.

    Args:
        base: `execution_context`, or `item_context` of it.
        state: The state's name.
        entered_ms: When it was entered, in milliseconds of the Unix epoch.
        retries: How often it was tried before; None: a state that is never tried again (all but
            Task, Parallel and Map).
        task_token: The token of a `.waitForTaskToken` task.
    """
    entry: dict[str, Json] = {"EnteredTime": timestamp(entered_ms), "Name": state}
    if retries is not None:
        entry["RetryCount"] = retries
    context = {**base, "State": entry}
    if task_token is not None:
        context["Task"] = {"Token": task_token}
    return context


def item_context(
    base: Document, index: int, value: Json, key: str | None = None, source: str | None = None
) -> Document:
    """Return the context object of an iteration of a Map.

    Args:
        base: `execution_context`.
        index: From 0.
        value: The item.
        key: The name of the member, if the items are an object's members.
        source: Of a distributed Map: where the items come from (`STATE_DATA` or the S3 URI).
    """
    item: dict[str, Json] = {"Index": index, "Value": value}
    if key is not None:
        item["Key"] = key
    if source is not None:
        item["Source"] = source
    return {**base, "Map": {"Item": item}}
