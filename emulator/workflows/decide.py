"""Everything an execution decides, as functions of its data.

An engine does, for each state: `enter`; carries out the effect; `leave` with the result, or
`failed`. An effect `Fail` of `enter` or `leave` goes to `failed`, too (it knows what may be
caught):

    effect = enter(state, frame, moment)
    if isinstance(effect, Fail):
        effect = failed(state, frame, effect, attempts, moment)
"""

from typing import cast

from . import errors
from .effects import Effect, Fail, GoOn, Retry, Succeed
from .errors import StatesError
from .frames import Frame, Moment
from .item_reader import items_of
from .json_text import Document, Json
from .machine import Retrier, State
from .states.base import matches
from .states.containers import Map


def enter(state: State, frame: Frame, moment: Moment) -> Effect:
    """Decide what a state does first.

    Returns:
        GoOn, Succeed, Fail, Wait, RunTask, Fork or Iterate.
    """
    try:
        return state.enter(frame, moment)
    except StatesError as error:
        return failure(state, frame, error)
    except RecursionError:
        return failure(state, frame, _too_deep())


def leave(state: State, frame: Frame, result: Json, moment: Moment) -> GoOn | Succeed | Fail:
    """Decide what follows when a state's work is done.

    Args:
        state: The state.
        frame: As it was given to `enter`.
        result: Of a Task: the parsed result; of Fork and Iterate: the list of outputs; of Wait:
            None.
        moment: The time now, and chance.
    """
    try:
        return cast("GoOn | Succeed | Fail", state.leave(frame, result, moment))
    except StatesError as error:
        return failure(state, frame, error)
    except RecursionError:
        return failure(state, frame, _too_deep())


def failed(
    state: State, frame: Frame, failure: Fail, attempts: tuple[int, ...], moment: Moment
) -> Retry | GoOn | Fail:
    """Decide what follows when a state failed.

    Args:
        state: The state.
        frame: As it was given to `enter`.
        failure: The error: of the task, the branch, the iteration, or of `enter` and `leave`.
        attempts: `attempts` of the last Retry of this state; () at the first failure.
        moment: The time now, and chance.

    Returns:
        Retry, GoOn (a catcher took it) or the failure.
    """
    error = failure.error or ""
    position = retrier_of(state, error)
    if position is not None:
        retrier = state.retriers[position]
        counts = [*attempts, *([0] * (len(state.retriers) - len(attempts)))]
        made = counts[position]
        if made < retrier.max_attempts:
            counts[position] = made + 1
            return Retry(delay_s(retrier, made, moment), position, tuple(counts))
    try:
        caught = state.catch(frame, error, failure.cause or "", moment)
        return failure if caught is None else cast("GoOn", caught)
    except StatesError as problem:
        return _failure(state, frame, problem)


def retrier_of(state: State, error: str) -> int | None:
    """Return the index of the retrier that takes an error; None: none does."""
    for position, retrier in enumerate(state.retriers):
        if matches(retrier.errors, error):
            return position
    return None


def delay_s(retrier: Retrier, made: int, moment: Moment) -> float:
    """Return the seconds before the next attempt.

    Args:
        retrier: The entry of Retry.
        made: How often it has retried before.
        moment: Chance, for the jitter.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    longest = errors.LONGEST_DELAY_S if retrier.max_delay_s is None else retrier.max_delay_s
    try:
        seconds = min(float(longest), retrier.interval_s * retrier.backoff_rate**made)
    except OverflowError:
        seconds = float(longest)
    return moment.chance.uniform(0, seconds) if retrier.has_jitter else seconds


def failure(state: State, frame: Frame, error: StatesError) -> Fail:
    """Return the failure of a state whose data could not be worked out."""
    cause = error.cause
    # A state on trial was entered by no event.
    if not error.is_bare and frame.entered_event_id:
        entered = f"(entered at the event id #{frame.entered_event_id})"
        cause = f"An error occurred while executing the state '{state.name}' {entered}. {cause}"
    return Fail(error.error, cause, error.location, error.length)


_failure = failure


def _too_deep() -> StatesError:
    return StatesError(errors.RUNTIME, "The data is nested too deeply.")


def item_inputs(
    state: State,
    frame: Frame,
    items: list[Json],
    first: int,
    moment: Moment,
    keys: list[str] | None = None,
) -> list[Json]:
    """Return the inputs of iterations of a Map (ItemSelector, ItemBatcher).

    Args:
        state: The Map.
        frame: As it was given to `enter`.
        items: Some of the items, in their order.
        first: The index of the first of them.
        moment: The time now, and chance.
        keys: Their names, if they are the members of an object.

    Returns:
        One input for each item, or for each batch.

    Raises:
        StatesError: A field can't be worked out; `failure` makes it into an effect.
    """
    assert isinstance(state, Map)
    return state.inputs(frame, items, first, keys, moment)


def read_items(state: State, config: Document, content: bytes | list[Json]) -> list[Json]:
    """Return the items of what a distributed Map's reader got.

    Args:
        state: The Map.
        config: `reader.config` of its Iterate.
        content: The bytes of an object (CSV, JSON, JSONL), or the objects a listing has.

    Raises:
        StatesError: States.ItemReaderFailed; `failure` makes it into an effect.
    """
    return items_of(config, content)


def tolerates(
    failed_items: int, all_items: int, count: int | None, percentage: float | None
) -> bool:
    """Return whether a Map goes on with this many failed items.

    Args:
        failed_items: How many have failed.
        all_items: How many there are.
        count: ToleratedFailureCount; None: not given.
        percentage: ToleratedFailurePercentage; None: not given.
    """
    if not failed_items:
        return True
    if count is None and percentage is None:
        return False
    if count is not None and failed_items > count:
        return False
    return percentage is None or failed_items * 100 <= percentage * all_items
