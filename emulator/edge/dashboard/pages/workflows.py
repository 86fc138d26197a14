"""Workflows: state machines, their latest executions, and one execution as a graph and in time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.edge.dashboard.graph import layout
from emulator.edge.dashboard.http import PageError, PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.model.errors import AwsError
from emulator.services.context import Parts

_SERVICE = "stepfunctions"
#: Executions of each machine that the list has.
_LATEST = 5
#: Pages of 1,000 events that are looked at.
_MOST_PAGES = 5
#: Pixels of the bars.
_WIDTH, _ROW = 640, 22
#: States in time that are drawn.
_MOST_BARS = 300


@dataclass(slots=True)
class Visit:
    """A state from its entry to its end."""

    name: str
    kind: str
    entered_s: float
    left_s: float | None = None

    def bar(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Return where its bar begins, and how long it is, in pixels."""
        whole_s = max(end_s - start_s, 0.001)
        first = int((self.entered_s - start_s) / whole_s * _WIDTH)
        last = int(((self.left_s or end_s) - start_s) / whole_s * _WIDTH)
        return min(first, _WIDTH - 2), max(2, last - first)


async def workflows(parts: Parts, request: PageRequest) -> PageResponse:
    """Show all state machines, or one execution."""
    if request.query.get("execution"):
        return await _execution(parts, request)
    table = parts.table
    made = await _machines(parts)
    state = await table.state(_SERVICE)
    latest = await state.latest([each["stateMachineArn"] for each in made], _LATEST)
    machines = [{**each, "executions": latest[each["stateMachineArn"]]} for each in made]
    name = "parts/workflows.html" if request.wants_part else "workflows.html"
    return PageResponse(render(name, page="workflows", machines=machines))


async def _machines(parts: Parts) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"maxResults": 1000}
    while True:
        page = await parts.table.call(_SERVICE, "ListStateMachines", asked)
        found += page["stateMachines"]
        if not page.get("nextToken"):
            return found
        asked["nextToken"] = page["nextToken"]


async def _execution(parts: Parts, request: PageRequest) -> PageResponse:
    arn = request.query["execution"]
    try:
        found = await parts.table.call(_SERVICE, "DescribeExecution", {"executionArn": arn})
        machine = await parts.table.call(
            _SERVICE, "DescribeStateMachineForExecution", {"executionArn": arn}
        )
        events = await _history(parts, arn)
    except AwsError as error:
        raise PageError(404, error.message) from error
    seen = visits(events)
    end_s = found.get("stopDate") or parts.clock.now()
    nodes, wires = drawn(json.loads(machine["definition"]), seen, found["status"])
    name = "parts/execution.html" if request.wants_part else "execution.html"
    return PageResponse(
        render(
            name,
            page="workflows",
            execution={"output": None, "error": None, "cause": None, **found},
            took=end_s - found["startDate"],
            graph=layout(nodes, wires),
            bars=[(each, each.bar(found["startDate"], end_s)) for each in seen[:_MOST_BARS]],
            row=_ROW,
            width=_WIDTH,
            events=len(events),
        )
    )


async def _history(parts: Parts, arn: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"executionArn": arn, "maxResults": 1000}
    for _ in range(_MOST_PAGES):
        page = await parts.table.call(_SERVICE, "GetExecutionHistory", asked)
        events += page["events"]
        if not page.get("nextToken"):
            break
        asked["nextToken"] = page["nextToken"]
    return events


def visits(events: Sequence[Mapping[str, Any]]) -> list[Visit]:
    """Return the states of a history in the order in which they were entered."""
    found: list[Visit] = []
    under_way: dict[str, list[Visit]] = {}
    for event in events:
        kind, _, what = event["type"].partition("State")
        if what == "Entered":
            visit = Visit(event["stateEnteredEventDetails"]["name"], kind, event["timestamp"])
            found.append(visit)
            under_way.setdefault(visit.name, []).append(visit)
        elif what == "Exited":
            waiting = under_way.get(event["stateExitedEventDetails"]["name"])
            if waiting:
                waiting.pop(0).left_s = event["timestamp"]
    return found


def drawn(
    definition: Mapping[str, Any], seen: Sequence[Visit], status: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a definition's states and transitions, with how far an execution is.

    Args:
        definition: The definition.
        seen: The states that the execution has entered.
        status: The execution's status.
    """
    open_ = [each.name for each in seen if each.left_s is None and each.kind != "Fail"]
    failed = {each.name for each in seen if each.kind == "Fail"}
    if status != "RUNNING":
        failed |= set(open_)
    entered = [each.name for each in seen]
    nodes = [
        {
            "arn": name,
            "name": name,
            "kind": state.get("Type", ""),
            "entered": entered.count(name),
            "running": open_.count(name) if status == "RUNNING" else 0,
            "failed": name in failed,
        }
        for name, state in _states(definition)
    ]
    known = {each["arn"] for each in nodes}
    wires = [
        {"source": source, "target": target, "name": name, "was_taken": target in entered}
        for source, target, name in _transitions(definition)
        if target in known
    ]
    return nodes, wires


def _states(program: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in (program.get("States") or {}).items():
        yield name, state
        for inner in _inner(state):
            yield from _states(inner)


def _inner(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    own = [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
    return [*(state.get("Branches") or ()), *own]


def _transitions(program: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Return from which state to which a program may go, and why."""
    for name, state in (program.get("States") or {}).items():
        for inner in _inner(state):
            yield name, inner.get("StartAt", ""), "each" if state["Type"] == "Map" else "branch"
            yield from _transitions(inner)
        if "Next" in state:
            yield name, state["Next"], ""
        if "Default" in state:
            yield name, state["Default"], "otherwise"
        for number, choice in enumerate(state.get("Choices") or (), 1):
            yield name, choice.get("Next", ""), f"choice {number}"
        for catcher in state.get("Catch") or ():
            yield name, catcher.get("Next", ""), ", ".join(catcher.get("ErrorEquals") or ())
