"""Everything an execution decides, as functions of its data.

An engine does, for each state: `enter`; carries out the effect; `leave` with the result, or
`failed`. An effect `Fail` of `enter` or `leave` goes to `failed`, too (it knows what may be
caught):

    effect = enter(state, frame, moment)
    if isinstance(effect, Fail):
        effect = failed(state, frame, effect, attempts, moment)
"""

from .effects import Effect, Fail, GoOn, Retry, Succeed
from .frames import Frame, Moment
from .json_text import Json
from .program import State


def enter(state: State, frame: Frame, moment: Moment) -> Effect:
    """Decide what a state does first.

    Returns:
        GoOn, Succeed, Fail, Wait, RunTask, Fork or Iterate.
    """
    raise NotImplementedError


def leave(state: State, frame: Frame, result: Json, moment: Moment) -> GoOn | Succeed | Fail:
    """Decide what follows when a state's work is done.

    Args:
        state: The state.
        frame: As it was given to `enter`.
        result: Of a Task: the parsed result; of Fork and Iterate: the list of outputs; of Wait:
            None.
        moment: The time now, and chance.
    """
    raise NotImplementedError


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
    raise NotImplementedError


def item_inputs(
    state: State, frame: Frame, items: list[Json], first: int, moment: Moment
) -> list[Json]:
    """Return the inputs of iterations of a Map (ItemSelector, ItemBatcher).

    Args:
        state: The Map.
        frame: As it was given to `enter`.
        items: Some of the items, in their order.
        first: The index of the first of them.
        moment: The time now, and chance.

    Returns:
        One input for each item, or for each batch.

    Raises:
        StatesError: ItemSelector can't be worked out.
    """
    raise NotImplementedError


def read_items(state: State, frame: Frame, content: bytes | Json, moment: Moment) -> list[Json]:
    """Return the items of what a distributed Map's reader got.

    Args:
        state: The Map.
        frame: As it was given to `enter`.
        content: The bytes of an object (CSV, JSON, JSONL, manifest), or the objects a listing has.
        moment: The time now, and chance.

    Raises:
        StatesError: States.ItemReaderFailed.
    """
    raise NotImplementedError


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
