"""What ``ps --watch`` shows of the timeline's documents."""

from __future__ import annotations

from typing import Any

from emulator.cli.watching import Watched

NOW = 1_700_000_000.0


def environment(id: str, state: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": id * 32,
        "revision": 1,
        "function": "hello",
        "version": "$LATEST",
        "requested": NOW - 10,
        "why": {"cause": "first call", "sentence": "it is the first call"},
        "state": state,
        "phases": [{"name": "init", "start": NOW - 10, "end": NOW - 9.9, "detail": ""}],
        "init_ms": 100.0,
        "restore_ms": None,
        "invokes": 1,
        "ended": None,
        "ended_cause": None,
        "ended_reason": None,
        **fields,
    }


def invocation(id: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": id,
        "request_id": f"request-{id}",
        "function": "hello",
        "version": "$LATEST",
        "environment": "a" * 32,
        "requested": NOW - 5,
        "started": NOW - 5,
        "ended": NOW - 4,
        "status": "success",
        "error_type": "",
        "reason": "",
        "cold": False,
        "why": None,
        "duration_ms": 12.5,
        "billed_ms": 13,
        "init_ms": None,
        "restore_ms": None,
        "simulated_ms": 0,
        "memory_mb": 128,
        "used_mb": 42,
        **fields,
    }


def document(*environments: Any, invocations: Any = (), running: Any = ()) -> dict[str, Any]:
    return {"environments": environments, "invocations": invocations, "running": running}


def lines(watched: Watched, changes: dict[str, Any]) -> list[str]:
    """Return the lines of changes without their times."""
    return [line.partition(" ")[2] for line in watched.merge(changes)]


def test_a_life_in_lines() -> None:
    watched = Watched()
    watched.start(document())
    new = environment("a", "starting", phases=[])
    assert lines(watched, document(new)) == [
        "hello aaaaaaaaaaaa starts: it is the first call",
    ]
    cold = invocation(1, cold=True, why=new["why"])
    assert lines(watched, document(environment("a", "busy"), invocations=[cold])) == [
        "hello aaaaaaaaaaaa is ready: INIT 100 ms",
        "hello request-1 success in 12.50 ms, billed 13 ms, cold: it is the first call",
    ]
    assert lines(watched, document(environment("a", "idle"))) == []
    assert lines(watched, document(environment("a", "frozen"))) == ["hello aaaaaaaaaaaa frozen"]
    reset = environment("a", "reset", phases=[{"start": NOW, "end": None, "detail": "timeout"}])
    assert lines(watched, document(reset)) == ["hello aaaaaaaaaaaa reset: timeout"]
    for cause, reason, told in (
        ("evicted", "by hand", "evicted, by hand"),
        ("idle", "idle for 300 s", "idle for 300 s"),
        ("lost", None, "lost"),
    ):
        gone = environment("a", "stopped", ended=NOW, ended_cause=cause, ended_reason=reason)
        assert lines(watched, document(gone))[-1] == f"hello aaaaaaaaaaaa ended: {told}"


def test_what_was_there_before_is_no_change() -> None:
    watched = Watched()
    watched.start(document(environment("a", "idle"), invocations=[invocation(7)]))
    assert watched.merge(document(environment("a", "idle"), invocations=[invocation(7)])) == []
    refused = invocation(8, started=None, status="throttled", reason="no more", duration_ms=0)
    assert lines(watched, document(invocations=[refused])) == ["hello request-8 throttled: no more"]


def test_no_line_controls_the_terminal() -> None:
    watched = Watched()
    watched.start(document())
    nasty = invocation(1, started=None, status="refused", reason="\x1b[2Jgone\n")
    (line,) = watched.merge(document(invocations=[nasty]))
    assert "\x1b" not in line
    screen = watched.screen(NOW, 80, 24)
    assert not any("\x1b" in each for each in screen)


def test_a_screen() -> None:
    watched = Watched()
    watched.start(
        document(environment("a", "idle"), environment("b", "busy"), invocations=[invocation(7)])
    )
    waits = {**invocation(9), "started": None, "environment": None}
    runs = {**invocation(8), "environment": "b" * 32}
    cold = invocation(10, cold=True, why={"cause": "idle", "sentence": "it was idle"})
    watched.merge(document(invocations=[cold], running=[waits, runs]))
    screen = watched.screen(NOW, 120, 24)
    assert "2 environments, 1 busy · 1 waiting · 1 calls since this began, 1 cold" in screen[0]
    assert screen[2].split()[:4] == ["ENVIRONMENT", "FUNCTION", "STATE", "AGE"]
    assert screen[3].split()[:6] == ["aaaaaaaaaaaa", "hello", "idle", "10s", "1", "100"]
    assert screen[4].split()[2] == "busy"
    assert any("it was idle" in each for each in screen)
    assert all(len(each) <= 120 for each in screen)
    short = watched.screen(NOW, 120, 5)
    assert len(short) == 5
    assert "more lines" in short[-1]
    assert all(len(each) <= 80 for each in watched.screen(NOW, 80, 40))
