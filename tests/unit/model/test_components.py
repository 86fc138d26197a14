"""The life of components: the order they open and close in, and how a drain is cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from emulator.model.components import Component, closing, drain_all, open_all


class Diary:
    """Components that write down their steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def component(self, name: str, **steps: Callable[[], Awaitable[None]]) -> Component:
        def write(step: str) -> Callable[[], Awaitable[None]]:
            async def written() -> None:
                self.steps.append(f"{step} {name}")
                if step in steps:
                    await steps[step]()

            return written

        return Component(
            name=name,
            open=write("open"),
            drain=write("drain"),
            abort=write("abort"),
            close=write("close"),
        )


async def _fail() -> None:
    raise RuntimeError("it does not work")


async def _endless() -> None:
    await asyncio.Event().wait()


async def test_they_open_in_order_and_close_in_reverse() -> None:
    diary = Diary()
    components = [diary.component("store"), diary.component("server")]
    async with closing(components):
        await open_all(components)
    assert diary.steps == ["open store", "open server", "close server", "close store"]


async def test_one_that_does_not_open_is_named_and_all_are_closed() -> None:
    diary = Diary()
    components = [
        diary.component("store"),
        diary.component("server", open=_fail),
        diary.component("last"),
    ]
    with pytest.raises(RuntimeError) as failed:
        async with closing(components):
            await open_all(components)
    assert failed.value.__notes__ == ["(opening server)"]
    assert diary.steps == ["open store", "open server", "close last", "close server", "close store"]


async def test_one_that_does_not_close_does_not_keep_the_others_open() -> None:
    diary = Diary()
    components = [diary.component("store"), diary.component("server", close=_fail)]
    with pytest.raises(RuntimeError) as failed:
        async with closing(components):
            pass
    assert failed.value.__notes__ == ["(closing server)"]
    assert diary.steps == ["close server", "close store"]


async def test_all_drain_at_once_and_are_then_aborted() -> None:
    diary = Diary()
    served = asyncio.Event()

    async def wait() -> None:
        await served.wait()

    async def serve() -> None:
        served.set()

    components = [diary.component("first", drain=wait), diary.component("second", drain=serve)]
    await drain_all(components, seconds=60, at_once=asyncio.Event())
    assert diary.steps == ["drain first", "drain second", "abort first", "abort second"]


async def test_a_drain_ends_at_once_when_it_is_asked_to() -> None:
    diary = Diary()
    begun, at_once = asyncio.Event(), asyncio.Event()

    async def drain() -> None:
        begun.set()
        await _endless()

    components = [diary.component("busy", drain=drain)]
    draining = asyncio.create_task(drain_all(components, seconds=3600, at_once=at_once))
    await begun.wait()
    assert not draining.done()
    at_once.set()
    await draining
    assert diary.steps == ["drain busy", "abort busy"]


async def test_a_drain_ends_after_its_seconds() -> None:
    diary = Diary()
    components = [diary.component("busy", drain=_endless)]
    await drain_all(components, seconds=0, at_once=asyncio.Event())
    assert diary.steps == ["drain busy", "abort busy"]


async def test_what_fails_to_drain_is_aborted_all_the_same() -> None:
    diary = Diary()
    components = [diary.component("broken", drain=_fail), diary.component("whole")]
    with pytest.raises(RuntimeError):
        await drain_all(components, seconds=60, at_once=asyncio.Event())
    assert diary.steps[-2:] == ["abort broken", "abort whole"]
