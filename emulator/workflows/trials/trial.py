"""One state on trial: what it is given, and what TestState answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import decide, errors
from ..effects import Effect, Fail, Fork, GoOn, Iterate, Retry, RunTask, Succeed, Wait
from ..errors import StatesError
from ..frames import Frame, Moment, state_context, timestamp
from ..json_text import Document, Json, read, write
from ..machine import State
from ..program import JSONATA, compile_definition
from ..states.containers import Map
from .contexts import check_context
from .errors import InvalidTrial
from .mocks import Mock, check_mock, mock_of

UNNAMED = "StateName"
"""The name of a state that is given without a machine."""

_RETRIED = ("Task", "Parallel", "Map")


@dataclass(frozen=True, slots=True)
class Trial:
    """A state on trial.

    Args:
        state: The state.
        frame: What it sees.
        moment: Time and chance; its `trace` takes the steps.
        input_text: The input as it was given.
        level: `INFO`, `DEBUG` or `TRACE`.
        mock: What its work gives; None: the work is done.
        retries: How often each retrier has retried.
        failed_items: How many iterations of a Map failed; None: not given.
        reader_data: What a Map's ItemReader got; None: not given.
    """

    state: State
    frame: Frame
    moment: Moment
    input_text: str
    level: str
    mock: Mock | None
    retries: int | None
    failed_items: int | None
    reader_data: str | None


def prepare(
    request: Mapping[str, Any], moment: Moment, arns: Document, *, kind: str = "STANDARD"
) -> Trial:
    """Return the trial that a TestState request asks for.

    Args:
        request: The request, by the names of the model.
        moment: The time now, and chance.
        arns: The context object's names: `execution`, `name`, `role`, `machine`, `machineName`.
        kind: `STANDARD` or `EXPRESS`.

    Raises:
        InvalidTrial: The request is wrong.
        InvalidDefinition: The definition is wrong.
    """
    mock = mock_of(request.get("mock"))
    state = _state(request, kind)
    settings = request.get("stateConfiguration") or {}
    check_mock(state, mock, settings)
    text = request.get("input") or "{}"
    value = _json(text, "Invalid State Machine Execution Input: 'Invalid execution input.'")
    variables = _json(request.get("variables") or "{}", "Variables must be a JSON object")
    if not isinstance(variables, dict):
        raise InvalidTrial("Variables must be a JSON object")
    if request.get("context") is not None:
        context = check_context(request["context"], state)
    else:
        context = _context(state, value, moment, arns)
    traced = Moment(moment.now_ms, moment.chance, {})
    return Trial(
        state,
        Frame(value, context, variables),
        traced,
        text,
        request.get("inspectionLevel") or "INFO",
        mock,
        settings.get("retrierRetryCount"),
        settings.get("mapIterationFailureCount"),
        settings.get("mapItemReaderData"),
    )


def begin(trial: Trial) -> Effect:
    """Return what the state does first; a `RunTask` without a mock is the service's work."""
    return decide.enter(trial.state, trial.frame, trial.moment)


def conclude(trial: Trial, effect: Effect, outcome: Json | Fail = None) -> dict[str, Any]:
    """Return the answer of TestState.

    Args:
        trial: The trial.
        effect: What `begin` returned.
        outcome: Of a task without a mock: its result, or how it failed.
    """
    state = trial.state
    if isinstance(effect, RunTask | Fork | Iterate):
        effect = _worked(trial, effect, outcome)
    elif isinstance(effect, Wait):
        effect = decide.leave(state, trial.frame, None, trial.moment)
    answer: dict[str, Any] = {}
    details: dict[str, Any] = {}
    if isinstance(effect, Fail) and state.type != "Fail":
        failure = effect
        effect = _handled(trial, failure, details)
        answer["error"], answer["cause"] = failure.error, failure.cause
        if isinstance(effect, Retry):
            return _inspected(trial, {**answer, "status": "RETRIABLE"}, details)
    if isinstance(effect, GoOn | Succeed):
        is_caught = isinstance(effect, GoOn) and effect.caught is not None
        if isinstance(effect, GoOn):
            answer["nextState"] = effect.next
        answer["output"] = _shown(trial, effect.output)
        answer["status"] = "CAUGHT_ERROR" if is_caught else "SUCCEEDED"
        return _inspected(trial, answer, details, effect.assigned)
    assert isinstance(effect, Fail)
    answer |= {"error": effect.error, "cause": effect.cause, "status": "FAILED"}
    answer = {name: value for name, value in answer.items() if value is not None}
    return _inspected(trial, answer, details)


def _state(request: Mapping[str, Any], kind: str) -> State:
    """Return the state on trial: the one that is given, or one of the machine that is given."""
    try:
        definition = read(request["definition"])
    except ValueError:
        definition = None
    if isinstance(definition, dict) and "States" not in definition and "Type" in definition:
        if request.get("stateName"):
            raise InvalidTrial("State not found in definition")
        return compile_definition(_alone(definition), kind=kind).first
    program = compile_definition(request["definition"], kind=kind)
    name = request.get("stateName")
    if name is None:
        raise InvalidTrial("State name is required when the definition is a state machine")
    found = program.find(name)
    if found is None:
        raise InvalidTrial("State not found in definition")
    return found[1]


def _alone(definition: Document) -> str:
    """Return a machine around one state, in which all it leads to exists."""
    states: dict[str, Json] = {UNNAMED: definition}
    entries = [definition]
    for field in ("Choices", "Catch"):
        value = definition.get(field)
        entries += (
            [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
        )
    for entry in entries:
        for field in ("Next", "Default"):
            target = entry.get(field)
            if isinstance(target, str) and target not in states:
                states[target] = {"Type": "Succeed"}
    # What is in the state has the language of its program, which is the state alone.
    named = {"QueryLanguage": JSONATA} if definition.get("QueryLanguage") == JSONATA else {}
    return write({"StartAt": UNNAMED, "States": states, **named})


def _json(text: str, message: str) -> Json:
    try:
        return read(text)
    except ValueError:
        raise InvalidTrial(message) from None


def _context(state: State, value: Json, moment: Moment, arns: Document) -> Document:
    base = {
        "Execution": {
            "Id": arns["execution"],
            "Input": value,
            "StartTime": timestamp(moment.now_ms),
            "Name": arns["name"],
            "RoleArn": arns["role"],
        },
        "StateMachine": {"Id": arns["machine"], "Name": arns["machineName"]},
    }
    retries = 0 if state.type in _RETRIED else None
    return state_context(base, state.name, moment.now_ms, retries)


def _worked(trial: Trial, effect: RunTask | Fork | Iterate, outcome: Json | Fail) -> Effect:
    """Return what follows when the work is done, as a mock says or as it was."""
    state, frame, moment = trial.state, trial.frame, trial.moment
    try:
        failure = _iterated(trial, effect) if isinstance(effect, Iterate) else None
        if failure is not None:
            return failure
    except StatesError as error:
        return decide.failure(state, frame, error)
    if trial.mock is not None:
        outcome = trial.mock.outcome
    if isinstance(outcome, Fail):
        return outcome
    return decide.leave(state, frame, outcome, moment)


def _iterated(trial: Trial, effect: Iterate) -> Fail | None:
    """Return why a Map fails, if too many iterations are said to."""
    state, moment = trial.state, trial.moment
    assert isinstance(state, Map)
    items = effect.items
    if effect.reader is not None and trial.reader_data is not None:
        items = decide.read_items(state, effect.reader.config, trial.reader_data.encode())
        moment.note("afterItemsPointer", items)
    if items is not None:
        inputs = decide.item_inputs(state, trial.frame, items, 0, moment, effect.keys)
        if state.batcher is not None:
            moment.note("afterItemBatcher", inputs)
        elif state.selector is not None:
            moment.note("afterItemSelector", inputs)
    if trial.failed_items is None:
        return None
    count = len(items) if items is not None else trial.failed_items
    if decide.tolerates(
        trial.failed_items,
        count,
        effect.tolerated_failure_count,
        effect.tolerated_failure_percentage,
    ):
        return None
    cause = "The specified tolerated failure threshold was exceeded"
    return Fail(errors.EXCEED_TOLERATED_FAILURES, cause)


def _handled(trial: Trial, failure: Fail, details: dict[str, Any]) -> Effect:
    """Return what follows a failure, and note which retrier or catcher took it."""
    count = trial.retries or 0
    attempts = (count,) * len(trial.state.retriers)
    retrier = decide.retrier_of(trial.state, failure.error or "")
    effect = decide.failed(trial.state, trial.frame, failure, attempts, trial.moment)
    if isinstance(effect, GoOn):
        details["catchIndex"] = effect.caught
    elif retrier is not None:
        details["retryIndex"] = retrier
    if isinstance(effect, Retry):
        details["retryBackoffIntervalSeconds"] = math.floor(effect.after_s)
    return effect


def _shown(trial: Trial, value: Json) -> str:
    """Return the text of a value; what was only passed on keeps its text."""
    if value is trial.frame.input:
        return trial.input_text
    if trial.mock is not None and value is trial.mock.outcome:
        return trial.mock.text
    return write(value)


_HIDDEN = {"Parallel": {"afterInputPath", "afterParameters"}}
"""Steps that are not shown of kinds of states."""

_SHOWN_ONLY_FOR_TASKS = {"result"}
_NUMBERS = {"maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"}


def _inspected(
    trial: Trial, answer: dict[str, Any], details: dict[str, Any], assigned: Document | None = None
) -> dict[str, Any]:
    """Return the answer with the inspection data of its level."""
    if trial.level == "INFO":
        return answer
    data: dict[str, Any] = {"input": trial.input_text}
    for step, value in (trial.moment.trace or {}).items():
        if step in _HIDDEN.get(trial.state.type, ()):
            continue
        if step in _SHOWN_ONLY_FOR_TASKS and trial.state.type != "Task":
            continue
        data[step] = value if step in _NUMBERS else _shown(trial, value)
    if trial.state.language == JSONATA:
        for step in ("afterResultSelector", "afterResultPath"):
            data.pop(step, None)
    if assigned:
        data["variables"] = write({**trial.frame.variables, **assigned})
    if details:
        data["errorDetails"] = details
    return {**answer, "inspectionData": data}
