"""The process of an engine, when there is no room to start it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from emulator.engines.base import EngineRequest, EngineUnavailable
from emulator.engines.child import Child
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
