"""The Python runtime at its snapshot, as AWS's own client behaves there."""

from __future__ import annotations

import importlib
import json
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import snapshot_restore_py

_RUNTIME = Path(__file__).parents[3] / "runtimes" / "python"


class Channel:
    """Keeps what the runtime sends."""

    def __init__(self, ran: list[str] | None = None) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self._ran = [] if ran is None else ran

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[Any, ...]:
        return ("GET", path)

    def post(self, path: str, body: bytes, **fields: Any) -> tuple[Any, ...]:
        return ("POST", path, json.loads(body), fields)

    def send(self, *what: Any) -> None:
        self._ran.append("sends")
        # A GET is handed as one value, a POST as its parts.
        self.sent.append(what[0] if len(what) == 1 else what)

    def receive(self) -> None: ...


@pytest.fixture
def snapshot(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Yield the runtime's module; nothing is registered, and who waits goes on at once."""
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.12")
    monkeypatch.syspath_prepend(str(_RUNTIME))
    for name in [name for name in sys.modules if name.startswith("localfaas_runtime")]:
        monkeypatch.delitem(sys.modules, name)
    found = importlib.import_module("localfaas_runtime.snapshot")
    monkeypatch.setattr(found, "_said", lambda: "{}")
    monkeypatch.setattr(found.copying, "serve", lambda channel: channel)
    monkeypatch.setattr(found.gc, "freeze", lambda: None)
    yield found
    snapshot_restore_py.get_before_snapshot().clear()
    snapshot_restore_py.get_after_restore().clear()


def _fails() -> None:
    raise ValueError("not today")


def test_hooks_run_around_restore_next_and_those_before_are_gone(
    snapshot: types.ModuleType,
) -> None:
    ran: list[str] = []
    channel = Channel(ran)
    for name in ("1", "2"):
        snapshot_restore_py.register_before_snapshot(ran.append, f"before {name}")
        snapshot_restore_py.register_after_restore(ran.append, f"after {name}")
    assert snapshot.pass_through(channel) is channel
    assert ran == ["before 2", "before 1", "sends", "after 1", "after 2"]
    assert channel.sent == [("GET", "restore/next")]
    assert snapshot_restore_py.get_before_snapshot() == []


@pytest.mark.parametrize(
    ("register", "path", "kind", "status"),
    [
        (
            snapshot_restore_py.register_before_snapshot,
            "init/error",
            "Runtime.BeforeSnapshotError",
            64,
        ),
        (
            snapshot_restore_py.register_after_restore,
            "restore/error",
            "Runtime.AfterRestoreError",
            65,
        ),
    ],
)
def test_a_hook_that_fails_is_told_and_ends_the_runtime(
    snapshot: types.ModuleType, register: Callable[..., Any], path: str, kind: str, status: int
) -> None:
    register(_fails)
    channel = Channel()
    with pytest.raises(SystemExit) as caught:
        snapshot.pass_through(channel)
    assert caught.value.code == status
    method, sent_to, body, fields = channel.sent[-1]
    assert (method, sent_to) == ("POST", path)
    assert (body["errorType"], body["errorMessage"]) == ("ValueError", "not today")
    assert fields["error_type"] == kind
