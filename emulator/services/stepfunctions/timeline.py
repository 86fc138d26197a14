"""An execution in time: the states it was in, and the calls that their tasks made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.services.stepfunctions.engine.events import REQUEST, Event

_BEGINS = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled")
_ENDS = ("Succeeded", "Failed", "TimedOut", "StartFailed", "ScheduleFailed", "SubmitFailed")
_CALLS = ("Task", "LambdaFunction", "Activity")


def steps(events: Iterable[tuple[int, Event]], under_way: dict[int, str]) -> list[dict[str, Any]]:
    """Return the states of a history in the order in which they were entered.

    Args:
        events: The events with their ids, from the first on.
        under_way: The ids of requests that are under way, by the last event of their threads.

    Returns:
        Of each state ``state``, ``type``, ``entered``, ``left`` (None: it never was), ``index`` (of
        the iteration it is in, or None) and ``attempts``: what its task called, each with
        ``resource``, ``began``, ``ended``, ``error`` and ``request_id`` (of an invocation).
        Times are seconds since the epoch.
    """
    return _Reading(under_way).read(events)


class _Reading:
    def __init__(self, under_way: dict[int, str]) -> None:
        self._under_way = under_way
        self._found: list[dict[str, Any]] = []
        #: The state that an event belongs to, and the iteration it is in, by the event's id.
        self._state_of: dict[int, dict[str, Any] | None] = {}
        self._index_of: dict[int, int | None] = {}
        self._open: dict[str, list[dict[str, Any]]] = {}

    def read(self, events: Iterable[tuple[int, Event]]) -> list[dict[str, Any]]:
        for id, (previous, kind, at_ms, details) in events:
            self._index_of[id] = self._index_of.get(previous)
            if kind == "MapIterationStarted":
                self._index_of[id] = (details or {}).get("index")
            state = self._state_of.get(previous)
            if kind.endswith("StateEntered"):
                state = self._entered(id, kind, at_ms, details or {})
            elif kind.endswith("StateExited"):
                self._exited(at_ms, (details or {})["name"], state)
            elif state is not None:
                self._called(state, kind, at_ms, details or {})
            self._state_of[id] = state
            if state is not None and state["attempts"] and id in self._under_way:
                state["attempts"][-1]["request_id"] = self._under_way[id]
        return self._found

    def _entered(self, id: int, kind: str, at_ms: int, details: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = {
            "state": details["name"],
            "type": kind.removesuffix("StateEntered"),
            "entered": at_ms / 1000,
            "left": None,
            "index": self._index_of[id],
            "attempts": [],
        }
        self._found.append(state)
        self._open.setdefault(state["state"], []).append(state)
        return state

    def _exited(self, at_ms: int, name: str, last: dict[str, Any] | None) -> None:
        waiting = self._open.get(name)
        if not waiting:
            return
        # A Map or a Parallel is left after a state of one of its children.
        left = last if last in waiting else waiting[0]
        waiting.remove(left)
        left["left"] = at_ms / 1000

    def _called(
        self, state: dict[str, Any], kind: str, at_ms: int, details: dict[str, Any]
    ) -> None:
        attempts = state["attempts"]
        if kind in _BEGINS:
            attempts.append(
                {
                    "resource": _resource(details),
                    "began": at_ms / 1000,
                    "ended": None,
                    "error": None,
                    "request_id": None,
                }
            )
        if not attempts or not kind.startswith(_CALLS):
            return
        if REQUEST in details:
            attempts[-1]["request_id"] = details[REQUEST]
        if kind.endswith(_ENDS):
            attempts[-1]["ended"] = at_ms / 1000
            attempts[-1]["error"] = details.get("error")


def _resource(details: dict[str, Any]) -> str:
    kind, name = details.get("resourceType"), str(details.get("resource"))
    return f"{kind}:{name}" if kind else name
