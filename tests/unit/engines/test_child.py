"""The process of an engine, when there is no room to start it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from emulator.engines import frames
from emulator.engines.base import EngineRequest, EngineUnavailable
from emulator.engines.child import Child
from emulator.model.clock import Watchdog
from emulator.model.jumping_clock import JumpingClock

_NONE = EngineRequest(
    method="GET",
    target="/",
    headers={},
    body=b"",
    service="none",
    account="000000000000",
    region="us-east-1",
)


def _child(clock: JumpingClock) -> Child:
    return Child("json.tool", ("--help",), clock)


_ENGINE = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
connection, _ = listener.accept()
while connection.recv(65536):
    connection.sendall({answer!r})
"""


def _engine(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> Child:
    """Return an engine that answers everything so."""
    (folder / "some_engine.py").write_text(_ENGINE.format(answer=answer))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return Child("some_engine", (), JumpingClock())


async def test_one_that_does_not_answer_is_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = frames.pack({"status": 200, "headers": []}, b"here")
    child = _engine(tmp_path, monkeypatch, good)
    answer = await child.request(_NONE)
    assert answer is not None
    assert answer.body == b"here"
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)
    child._watchdog = Watchdog(0.01, child._kill)
    with pytest.raises(EngineUnavailable, match="has ended"):
        await child.request(_NONE)
    child._watchdog = Watchdog(60, child._kill)
    answer = await child.request(_NONE)
    assert answer is not None
    assert answer.body == b"here"
    await child.close()


@pytest.mark.parametrize("answer", [b"\0\0\0\1\0\0\0\0{", b"\0\0\0\2\0\0\0\0{}" * 2])
async def test_one_that_sends_what_is_no_answer_is_ended(
    answer: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    child = _engine(tmp_path, monkeypatch, answer)
    with suppress(EngineUnavailable):  # the first of two may be taken for an answer
        await child.ask({})
    assert child._reading is not None
    await child._reading
    assert child.pid is None
    assert "some_engine sends what is no answer" in caplog.text
    await child.close()


async def test_what_the_system_refuses_at_the_start_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*arguments: Any, **options: Any) -> Any:
        raise OSError(24, "Too many open files")

    child = _child(JumpingClock())
    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    with pytest.raises(EngineUnavailable, match="Too many open files"):
        await child.request(_NONE)
    await child.close()


async def test_a_folder_that_was_swept_away_is_made_again() -> None:
    clock = JumpingClock()
    child = _child(clock)
    # The module is no engine: it ends, and what it said is told.
    with pytest.raises(EngineUnavailable, match=r"json\.tool"):
        await child.request(_NONE)
    assert child._folder is not None
    first = Path(child._folder.name)
    shutil.rmtree(first)
    clock.jump(60)
    with pytest.raises(EngineUnavailable, match=r"json\.tool"):
        await child.request(_NONE)
    assert child._folder is not None
    assert Path(child._folder.name).is_dir()
    await child.close()
    assert not first.exists()
