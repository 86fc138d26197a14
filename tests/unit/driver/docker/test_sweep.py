"""What an earlier emulator left is removed, and an engine that does not do it holds nobody up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.docker import labels, sweep
from emulator.driver.docker.responses import EngineFault, ListedContainer
from emulator.driver.docker.sweep import Sweep
from emulator.driver.instance import Instance


class FakeEngine:
    """Has one container of a dead instance, one of ours and one of nobody's."""

    def __init__(self, me: str) -> None:
        self.removed: list[str] = []
        self.hangs = False
        self.fault: EngineFault | None = None
        self._listed = [
            ListedContainer(
                id=name, labels={labels.INSTANCE: instance, labels.OWNER: "here"}, running=True
            )
            for name, instance in (("dead", "0" * 32), ("own", me))
        ]

    async def containers(self, label: str) -> list[ListedContainer]:
        return self._listed

    async def volumes(self, label: str) -> list[Any]:
        return [("dead-volume", {labels.INSTANCE: "0" * 32, labels.OWNER: "here"})]

    async def remove(self, container: str) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        self.removed.append(container)

    async def remove_volume(self, name: str) -> None:
        self.removed.append(name)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    instance = Instance(tmp_path)
    instance.open()
    yield instance
    instance.close()


def make(instance: Instance) -> tuple[Sweep, FakeEngine]:
    engine = FakeEngine(instance.id)
    owner = labels.Owner(instance=instance.id, owner="here", control="")
    return Sweep(engine, owner, instance), engine  # type: ignore[arg-type]


async def test_orphans_are_removed_and_nothing_else(instance: Instance) -> None:
    sweeping, engine = make(instance)
    assert await sweeping.begin() == ""
    assert engine.removed == ["dead", "dead-volume"]
    await sweeping.close()


async def test_one_that_is_not_removed_is_told_and_the_rest_goes(instance: Instance) -> None:
    sweeping, engine = make(instance)
    engine.fault = EngineFault("device or resource busy", status=500)
    assert "device or resource busy" in await sweeping.begin()
    assert engine.removed == ["dead-volume"]
    await sweeping.close()


async def test_an_engine_that_hangs_holds_no_start_up(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "_PATIENCE", 0.01)
    sweeping, engine = make(instance)
    engine.hangs = True
    assert "still at it" in await sweeping.begin()
    assert engine.removed == []
    await sweeping.close()
