"""Whether a function's calls know of each other: what leaks from one to the next, by name.

A function may keep what is dear to make (a client, a connection, a table) from call to call. What
it must not do is answer differently for it, or let something grow with each call. Pure functions
over what a probe has observed; :func:`check` decides which calls are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Protocol

from emulator.invoke.probing import Observed
from emulator.invoke.twice import Delivered

#: How often each event is called in the environment that is reused.
_ROUNDS = 3
#: The answer of a call that took too long, which a busy machine may cause.
_TIMED_OUT = ["error", "Sandbox.Timedout", ""]
#: Operations that change something begin with none of these.
_READS = (
    "Get",
    "List",
    "Describe",
    "Head",
    "Receive",
    "Query",
    "Scan",
    "Lookup",
    "Filter",
    "Batch",
)
#: Operations that leave the same when they are done twice.
_IDEMPOTENT = ("Put", "Delete", "Set", "Tag", "Untag", "Change", "Enable", "Disable", "Purge")
#: ...but for these.
_NOT_IDEMPOTENT = ("PutEvents", "PutLogEvents", "PutRecord", "PutRecords", "PutMetricData")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a call leaves to the next.

    Attributes:
        severity: A "leak" is a defect; a "note" is worth knowing.
        what: In one sentence.
    """

    severity: Literal["leak", "note"]
    what: str


class Runs(Protocol):
    """Makes calls; :class:`emulator.invoke.probing.Probe` does."""

    events: Sequence[bytes]

    async def run(self, order: Sequence[int], *, poisoned: bool = False) -> list[Observed]:
        """Make calls in one fresh environment, one after the other."""
        ...


class DeliversTwice(Protocol):
    """Delivers each event twice; :class:`emulator.invoke.twice.Twice` does."""

    @property
    def missing(self) -> Sequence[int]:
        """The numbers of the events that did not come twice."""
        ...

    async def run(self) -> list[Delivered]:
        """Deliver all of them."""
        ...


async def check(probe: Runs, twice: DeliversTwice | None = None) -> list[Finding]:
    """Return what leaks from call to call.

    Args:
        probe: Makes the calls.
        twice: Delivers each event twice, too, so that the effects can be compared.

    Raises:
        DriverFault, AwsError: No environment can be had.
    """
    numbers = list(range(len(probe.events)))
    fresh = [[(await probe.run([number]))[0] for number in numbers] for _ in range(2)]
    varying = [_differences(one.answer, two.answer) for one, two in zip(*fresh, strict=True)]
    reused = await probe.run(numbers * _ROUNDS)
    poisoned = await probe.run([*reversed(numbers), *numbers], poisoned=True)
    found = [
        *_answers(fresh[0], reused, varying, "in an environment that was used before"),
        *_answers(
            fresh[0],
            poisoned,
            varying,
            "when what earlier calls have left was spoiled: it trusts what it finds",
        ),
        *_states(reused),
    ]
    if twice is not None:
        found += _effects(await twice.run(), fresh[0], varying)
        found += [_not_delivered(number) for number in twice.missing]
    return list(dict.fromkeys(found))


# --- answers --------------------------------------------------------------------------------------


def _answers(
    fresh: Sequence[Observed],
    others: Sequence[Observed],
    varying: Sequence[set[str]],
    when: str,
) -> Iterator[Finding]:
    told: set[int] = set()
    for one in others:
        differing = _differences(fresh[one.event].answer, one.answer) - varying[one.event]
        if not differing or one.event in told:
            continue
        told.add(one.event)
        if one.answer == _TIMED_OUT:
            yield Finding(severity="note", what=f"event {one.event + 1}: it timed out {when}")
            continue
        at = sorted(differing)[0]
        before, after = (_shown(_at(each, at)) for each in (fresh[one.event].answer, one.answer))
        place = f"{at} of its answer" if at else "its answer"
        yield Finding(
            severity="leak",
            what=f"event {one.event + 1}: {place} is {after} instead of {before} {when}",
        )


def _differences(one: Any, two: Any, path: str = "") -> set[str]:
    """Return the places at which two JSON values differ: "" for the whole, ".a[0]" within."""
    if isinstance(one, dict) and isinstance(two, dict):
        found: set[str] = set()
        for key in one.keys() | two.keys():
            if key in one and key in two:
                found |= _differences(one[key], two[key], f"{path}.{key}")
            else:
                found.add(f"{path}.{key}")
        return found
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        return {
            place
            for index, (a, b) in enumerate(zip(one, two, strict=True))
            for place in _differences(a, b, f"{path}[{index}]")
        }
    return set() if one == two else {path}


def _at(value: Any, path: str) -> Any:
    for step in path.replace("[", ".[").split(".")[1:]:
        try:
            value = value[int(step[1:-1])] if step.startswith("[") else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return "nothing"
    return value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


# --- state ----------------------------------------------------------------------------------------


def _states(calls: Sequence[Observed]) -> Iterator[Finding]:
    """Yield what a row of calls in one environment changes."""
    looked = [call for call in calls if call.before is not None and call.after is not None]
    names = {name for call in looked for name in (*(call.before or {}), *(call.after or {}))}
    occurrences = _occurrences(looked)
    for name in sorted(names):
        changing = [
            at
            for at, call in enumerate(looked)
            if (call.before or {}).get(name) != (call.after or {}).get(name)
        ]
        between = [
            at
            for at, (one, two) in enumerate(pairwise(looked))
            if (one.after or {}).get(name) != (two.before or {}).get(name)
        ]
        first = (looked[0].before or {}).get(name)
        last = (looked[-1].after or {}).get(name)
        if between and not name.startswith("open descriptor"):
            yield Finding(
                severity="leak",
                what=f"{name} changes between two calls: the function works on after its answer",
            )
        elif len({occurrences[at] for at in changing} - {0}) > 1:
            yield Finding(
                severity="leak",
                what=f"{name} changes with each call: {_from(first)} → {_from(last)}",
            )
        elif changing and first != last:
            yield Finding(
                severity="note",
                what=f"{name} stays after a call: {_from(first)} → {_from(last)}",
            )
    yield from _growing(looked)


def _occurrences(calls: Sequence[Observed]) -> list[int]:
    """Return of each call how often its event was called before."""
    counts: dict[int, int] = {}
    found = []
    for call in calls:
        found.append(counts.get(call.event, 0))
        counts[call.event] = found[-1] + 1
    return found


def _growing(calls: Sequence[Observed]) -> Iterator[Finding]:
    """Yield the kinds of things of which each call leaves one more."""
    kinds = {"thread ": "threads", "open descriptor ": "open descriptors", "file ": "files"}
    for prefix, plural in kinds.items():
        counts = [sum(name.startswith(prefix) for name in call.after or {}) for call in calls]
        later = counts[len(counts) // 2 :]
        if len(later) > 1 and all(a < b for a, b in pairwise(later)):
            yield Finding(
                severity="leak",
                what=f"each call leaves {plural}: {counts[0]} after the first, "
                f"{counts[-1]} after the last",
            )


def _from(value: str | None) -> str:
    return "nothing" if value is None else _shown(value)


# --- effects --------------------------------------------------------------------------------------


def _effects(
    deliveries: Sequence[Delivered], fresh: Sequence[Observed], varying: Sequence[set[str]]
) -> Iterator[Finding]:
    """Yield what second deliveries do again."""
    first: dict[int, set[tuple[str, str]]] = {}
    for each in deliveries:
        if not each.second:
            for number in each.events:
                done = {(service, operation) for service, operation, _ in each.observed.calls}
                first.setdefault(number, set()).update(done)
    for each in deliveries:
        if not each.second:
            continue
        before = set().union(*(first.get(number, set()) for number in each.events))
        for service, operation, _ in each.observed.calls:
            if not is_repeated_effect(operation):
                continue
            is_again = (service, operation) in before
            yield Finding(
                severity="leak" if is_again else "note",
                what=f"{_named(each.events)} delivered twice: {service}.{operation} is done "
                + ("twice" if is_again else "the second time only"),
            )
        number = each.events[0]
        if each.whole and (
            _differences(fresh[number].answer, each.observed.answer) - varying[number]
        ):
            yield Finding(
                severity="note",
                what=f"{_named(each.events)} delivered twice: the second answer differs",
            )


def _named(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"event {numbers[0] + 1}"
    *most, last = [str(number + 1) for number in numbers]
    return f"events {', '.join(most)} and {last} (in a batch)"


def _not_delivered(number: int) -> Finding:
    return Finding(
        severity="note",
        what=f"event {number + 1} was not delivered twice: a filter drops it, its queue or stream "
        "is read elsewhere, or the call took too long",
    )


def is_repeated_effect(operation: str) -> bool:
    """Say whether an operation of an API does more when it is done twice."""
    if operation in _NOT_IDEMPOTENT or operation.startswith("BatchWrite"):
        return operation in _NOT_IDEMPOTENT
    return not operation.startswith((*_READS, *_IDEMPOTENT))
