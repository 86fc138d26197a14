"""Workflows: state machines, their latest executions, and one execution as a graph and in time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.edge.dashboard.graph import layout
from emulator.edge.dashboard.http import PageError, PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.model.errors import AwsError
from emulator.services.context import Parts

_SERVICE = "stepfunctions"
#: Executions of each machine that the list has.
_LATEST = 5
#: Pixels of the bars.
_WIDTH, _ROW = 640, 24
#: States in time that are drawn.
_MOST_BARS = 300


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
        machine = await parts.table.call(
            _SERVICE, "DescribeStateMachineForExecution", {"executionArn": arn}
        )
        from emulator.edge.admin.workflows import execution_timeline  # it loads FastAPI

        document = await execution_timeline(parts, arn)
    except AwsError as error:
        raise PageError(404, error.message) from error
    found, seen = document["execution"], document["states"]
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
            bars=_bars(seen, found["startDate"], end_s),
            row=_ROW,
            width=_WIDTH,
        )
    )


def _bars(
    steps: Sequence[Mapping[str, Any]], start_s: float, end_s: float
) -> list[tuple[Mapping[str, Any], list[dict[str, Any]]]]:
    """Return each state with what is drawn of it: itself, then its invocations."""
    return [
        (
            each,
            [
                _bar("bar", each["entered"], each["left"], start_s, end_s),
                *(
                    bar
                    for attempt in each["attempts"]
                    for bar in _invocation_bars(attempt["invocation"] or {}, start_s, end_s)
                ),
            ],
        )
        for each in steps[:_MOST_BARS]
    ]


def _invocation_bars(
    invocation: Mapping[str, Any], start_s: float, end_s: float
) -> Iterator[dict[str, Any]]:
    """Yield an invocation's phases, or the whole of it where there are none."""
    phases = invocation.get("phases") or []
    for phase in phases:
        if phase["start"] >= start_s:
            kind = f"under {phase['name']}"
            yield _bar(kind, phase["start"], phase["end"], start_s, end_s)
    if invocation.get("started") and not phases:
        yield _bar("under warm", invocation["started"], invocation["ended"], start_s, end_s)


def _bar(
    kind: str, first_s: float, last_s: float | None, start_s: float, end_s: float
) -> dict[str, Any]:
    whole_s = max(end_s - start_s, 0.001)
    first = int((first_s - start_s) / whole_s * _WIDTH)
    last = int(((last_s or end_s) - start_s) / whole_s * _WIDTH)
    return {"kind": kind, "x": min(first, _WIDTH - 2), "width": max(2, last - first)}


def drawn(
    definition: Mapping[str, Any], seen: Sequence[Mapping[str, Any]], status: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a definition's states and transitions, with how far an execution is.

    Args:
        definition: The definition.
        seen: The states that the execution has entered.
        status: The execution's status.
    """
    open_ = [e["state"] for e in seen if e["left"] is None and e["type"] != "Fail"]
    failed = {each["state"] for each in seen if each["type"] == "Fail"}
    if status != "RUNNING":
        failed |= set(open_)
    entered = [each["state"] for each in seen]
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
