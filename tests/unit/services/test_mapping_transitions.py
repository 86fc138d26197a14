"""Transitions of event source mappings end, whatever becomes of their polling."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, cast

from emulator.services.context import Context
from emulator.services.lambda_.mappings import crud


async def test_a_transition_ends_where_polling_fails() -> None:
    tasks: list[asyncio.Task[None]] = []
    ended: list[str] = []

    async def apply(key: str, mapping: dict[str, Any] | None) -> None:
        raise RuntimeError(key)

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.create_task(work))

    parts = SimpleNamespace(sources=SimpleNamespace(apply=apply), spawn=spawn)
    ctx = cast(Context, SimpleNamespace(parts=parts))
    crud._after(ctx, "key", None, lambda: ended.append("key"))
    (failure,) = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(failure, RuntimeError)
    assert ended == ["key"]
