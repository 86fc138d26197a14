"""Records of the timeline, made up in the shape of docs/timeline.md."""

from __future__ import annotations

import random
from typing import Any

ACCOUNT = "000000000000"
REGION = "us-east-1"
#: When records begin, seconds since the epoch.
START = 1_764_342_000.0


class Recording:
    """A document that grows call by call.

    Args:
        seed: The same seed makes the same record.
    """

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.environments: list[dict[str, Any]] = []
        self.invocations: list[dict[str, Any]] = []
        self.running: list[dict[str, Any]] = []
        self.now = START

    def hex(self, digits: int = 32) -> str:
        return "".join(self.random.choice("0123456789abcdef") for _ in range(digits))

    def request_id(self) -> str:
        text = self.hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def environment(
        self,
        function: str,
        at: float,
        *,
        version: str = "$LATEST",
        cause: str = "first call",
        sentence: str = "it is the first call",
        init: float = 0.18,
        simulated: bool = False,
        restore: bool = False,
    ) -> dict[str, Any]:
        """Start an environment; its ``ready`` says when it takes calls."""
        phases = []
        moment = at
        steps = [("code", 0.012), ("boot", 0.055), ("extensions", 0.02)]
        steps.append(("restore", 0.05) if restore else ("init", init))
        for name, lasts in steps:
            lasts *= 0.7 + 0.6 * self.random.random()
            phases.append(
                {
                    "name": name,
                    "start": moment,
                    "end": moment + lasts,
                    "simulated": simulated and name == "init",
                    "detail": "",
                }
            )
            moment += lasts
        made = {
            "id": self.hex(),
            "revision": len(self.environments) + 1,
            "function": function,
            "version": version,
            "account": ACCOUNT,
            "region": REGION,
            "function_arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}",
            "runtime": "python3.13",
            "memory_mb": 128,
            "architecture": "x86_64",
            "tenant_id": "",
            "requested": at,
            "requested_by": None,
            "why": {"cause": cause, "sentence": sentence},
            "initialization_type": "snap-start" if restore else "on-demand",
            "state": "idle",
            "phases": phases,
            "imports": None,
            "init_ms": init * 1000,
            "restore_ms": None,
            "invokes": 0,
            "ended": None,
            "ended_cause": None,
            "ended_reason": None,
        }
        self.environments.append(made)
        self.now = max(self.now, moment)
        return made

    def call(
        self,
        environment: dict[str, Any],
        at: float,
        lasts: float,
        *,
        status: str = "success",
        error_type: str = "",
        requested: float | None = None,
    ) -> dict[str, Any]:
        """Run a call in an environment; the first one is cold."""
        cold = environment["invokes"] == 0
        ready = environment["phases"][-1]["end"]
        started = max(at, ready) if cold else at
        asked = environment["requested"] if cold and requested is None else requested or at
        ended = started + lasts
        made = {
            "id": len(self.invocations) + 1,
            "request_id": self.request_id(),
            **{
                key: environment[key]
                for key in (
                    "function",
                    "version",
                    "account",
                    "region",
                    "function_arn",
                    "memory_mb",
                    "tenant_id",
                    "initialization_type",
                )
            },
            "environment": environment["id"],
            "requested": asked,
            "started": started,
            "ended": ended,
            "status": status,
            "error_type": error_type,
            "reason": "",
            "cold": cold,
            "why": environment["why"] if cold else None,
            "duration_ms": lasts * 1000,
            "billed_ms": int(lasts * 1000) + 1,
            "init_ms": environment["init_ms"] if cold else None,
            "restore_ms": None,
            "simulated_ms": 0.0,
            "waited_ms": (started - asked) * 1000,
            "total_ms": (ended - asked) * 1000,
            "used_mb": 42,
            "event_bytes": 17,
            "answer_bytes": 44,
            "cost_usd": 3.9e-7,
            "phases": [
                *([*environment["phases"]] if cold else []),
                {
                    "name": "invoke",
                    "start": started,
                    "end": ended,
                    "simulated": False,
                    "detail": "",
                },
            ],
        }
        environment["invokes"] += 1
        self.invocations.append(made)
        self.now = max(self.now, ended)
        return made

    def throttle(self, function: str, at: float, version: str = "$LATEST") -> None:
        """Refuse a call."""
        made = {
            **self.invocations[-1],
            "id": len(self.invocations) + 1,
            "request_id": self.request_id(),
            "function": function,
            "version": version,
            "environment": None,
            "requested": at,
            "started": None,
            "ended": at,
            "status": "throttled",
            "error_type": "TooManyRequestsException",
            "reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
            "cold": False,
            "why": None,
            "duration_ms": None,
            "billed_ms": None,
            "phases": [],
            "waited_ms": None,
            "total_ms": 0.1,
        }
        self.invocations.append(made)

    def end(
        self, environment: dict[str, Any], at: float, cause: str = "idle", reason: str = ""
    ) -> None:
        environment.update(ended=at, ended_cause=cause, ended_reason=reason, state="stopped")
        self.now = max(self.now, at)

    def freeze(self, environment: dict[str, Any], start: float, end: float | None) -> None:
        environment["phases"].append(
            {"name": "frozen", "start": start, "end": end, "simulated": False, "detail": ""}
        )

    def document(self) -> dict[str, Any]:
        return {
            "format": "localfaas-timeline/1",
            "cursor": f"fixture-{len(self.invocations)}",
            "now": self.now,
            "known_from": START,
            "dropped": 0,
            "environments": self.environments,
            "invocations": self.invocations,
            "running": self.running,
            "next": None,
        }


def small(seed: int = 1, at: float = START) -> Recording:
    """A quarter of an hour of three functions with everything that a page has to show."""
    recording = Recording(seed)
    draw = recording.random.random
    hello = recording.environment("hello", at)
    moment = at + 0.4
    recording.call(hello, at, 0.042)
    for _ in range(9):
        moment += 0.06 + 0.2 * draw()
        recording.call(hello, moment, 0.012 + 0.03 * draw())
    recording.freeze(hello, moment + 1, moment + 301)
    recording.end(hello, moment + 301, "idle", "idle for 300 s")
    at = moment + 330
    first = recording.environment(
        "hello",
        at,
        cause="idle",
        sentence="the last environment was removed after 300 s without a call",
    )
    recording.call(first, at, 0.05)
    others = []
    for number in range(3):
        begun = at + 0.02 + 0.04 * number
        other = recording.environment(
            "hello",
            begun,
            cause="all busy",
            sentence=f"{number + 1} environment{'' if number == 0 else 's'} busy",
            simulated=number == 2,
        )
        recording.call(other, begun, 0.08 + 0.1 * draw())
        others.append(other)
    for each in (first, *others):
        moment = at + 0.7 + 0.1 * draw()
        for _ in range(8):
            moment += 0.02 + 0.12 * draw()
            asked = moment - (0.03 * draw() if draw() < 0.3 else 0)
            lasts = 0.01 + 0.06 * draw()
            recording.call(each, moment, lasts, requested=asked)
            moment += lasts
    orders = recording.environment("orders", at + 0.9, version="3", init=0.46)
    recording.call(orders, at + 0.9, 0.21)
    moment = at + 2
    for number in range(7):
        moment += 0.1 * draw()
        failed = number in (2, 5)
        recording.call(
            orders,
            moment,
            0.1 + 0.1 * draw(),
            status="error" if failed else "success",
            error_type="ValueError" if failed else "",
        )
        moment += 0.2
    for number in range(4):
        recording.throttle("orders", at + 2.2 + number * 0.08, "3")
    recording.end(orders, moment + 0.2, "crashed", "the runtime ended: exit status 1")
    again = recording.environment(
        "orders",
        moment + 0.9,
        version="3",
        cause="crashed",
        sentence="the last environment crashed",
    )
    recording.call(again, moment + 0.9, 0.3)
    snap = recording.environment(
        "thumbnails", moment + 1.2, restore=True, cause="new version", sentence="the version is new"
    )
    recording.call(snap, moment + 1.2, 0.12)
    recording.call(snap, moment + 1.9, 0.6, status="timeout", error_type="Sandbox.Timedout")
    recording.now = moment + 3.4
    return recording


def large(lanes: int = 500, calls: int = 10_000, seed: int = 1) -> Recording:
    """Many lanes with many calls, over ten minutes."""
    recording = Recording(seed)
    draw = recording.random.random
    for number in range(lanes):
        function = f"function-{number % 10}"
        begun = START + 300 * draw()
        environment = recording.environment(function, begun, cause="all busy", sentence="busy")
        moment = environment["phases"][-1]["end"]
        for _ in range(calls // lanes):
            lasts = 0.02 + 0.4 * draw()
            recording.call(environment, moment, lasts)
            moment += lasts + 0.6 * draw()
    return recording
