"""What is known of pods while the API breaks off, forgets, or does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from emulator.driver.kubernetes.cluster import ClusterFault
from emulator.driver.kubernetes.watch import PodWatch
from emulator.testing import FakeClock

GONE = ClusterFault("too old resource version: 3 (90)", 410, "Gone")
SILENT = ClusterFault("the cluster does not answer")


def pod(name: str, phase: str, version: int = 1) -> dict[str, Any]:
    metadata = {"name": name, "resourceVersion": str(version)}
    return {"metadata": metadata, "status": {"phase": phase}}


class Api:
    """Its lists and watches are a queue of what they tell; a fault is raised."""

    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = []
        self.version = 1
        self.lists: list[float] = []
        self.watched_from: list[str] = []
        self.events: asyncio.Queue[tuple[str, dict[str, Any]] | Exception | None] = asyncio.Queue()
        self.silent = False
        self.clock = FakeClock()

    async def ask(self, method: str, path: str, *, query: Mapping[str, str]) -> Any:
        self.lists.append(self.clock.monotonic())
        if self.silent:
            raise SILENT
        return {"items": list(self.pods), "metadata": {"resourceVersion": str(self.version)}}

    async def watch(
        self, path: str, labels: str, version: str
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        self.watched_from.append(version)
        while (event := await self.events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
async def watch(api: Api) -> AsyncIterator[PodWatch]:
    watch = PodWatch(api, "a=b", api.clock)  # type: ignore[arg-type]
    await watch.open()
    yield watch
    await watch.close()


def heard_of(watch: PodWatch, name: str) -> list[str]:
    """Return a list that grows with what is told of a pod."""
    heard: list[str] = []
    watch.listen(name, lambda pod: heard.append(pod["status"]["phase"] if pod else "gone"))
    return heard


async def test_changes_are_told_to_whom_they_concern(api: Api, watch: PodWatch) -> None:
    heard = heard_of(watch, "one")
    for event in (
        ("ADDED", pod("one", "Pending", 2)),
        ("ADDED", pod("other", "Pending", 3)),
        ("MODIFIED", pod("one", "Running", 4)),
        ("DELETED", pod("one", "Running", 5)),
    ):
        api.events.put_nowait(event)
    await api.clock.advance(0)
    assert heard == ["Pending", "Running", "gone"]
    assert watch.of("other") == {}


async def test_a_watch_that_ends_goes_on_where_it_was(api: Api, watch: PodWatch) -> None:
    heard = heard_of(watch, "one")
    api.events.put_nowait(("ADDED", pod("one", "Pending", 7)))
    api.events.put_nowait(None)  # the API ends each after some minutes
    api.events.put_nowait(("MODIFIED", pod("one", "Running", 8)))
    await api.clock.advance(0)
    assert heard == ["Pending", "Running"]
    assert api.watched_from == ["1", "7"]


async def test_what_was_missed_is_told_from_a_new_list(api: Api, watch: PodWatch) -> None:
    stays, goes = heard_of(watch, "stays"), heard_of(watch, "goes")
    for name in ("stays", "goes"):
        api.events.put_nowait(("ADDED", pod(name, "Pending", 2)))
    await api.clock.advance(0)
    api.pods, api.version = [pod("stays", "Failed", 80)], 90
    api.events.put_nowait(GONE)
    await api.clock.advance(1)
    assert (stays, goes) == (["Pending", "Failed"], ["Pending", "gone"])
    assert api.watched_from == ["1", "90"]


async def test_an_api_that_is_away_is_asked_less_and_less_often(api: Api, watch: PodWatch) -> None:
    heard = heard_of(watch, "one")
    api.silent = True
    for _ in range(40):
        api.events.put_nowait(SILENT)
    await api.clock.advance(30)
    pauses = [after - before for before, after in zip(api.lists[1:], api.lists[2:], strict=False)]
    assert pauses == sorted(pauses)
    assert 4 <= pauses[-1] <= 6
    assert len(api.lists) < 15
    while not api.events.empty():
        api.events.get_nowait()
    api.silent, api.pods = False, [pod("one", "Running", 5)]
    api.events.put_nowait(SILENT)
    await api.clock.advance(10)
    assert set(heard) == {"Running"}
