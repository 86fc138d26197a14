"""The state of a service: opened once, when it is first needed, and closed at the end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.services.service import Service
from emulator.services.table import Table

_SPEC = """
from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model={name!r},
    title={name!r},
    protocols=("json",),
    signing_names=({name!r},),
    target_prefix={name!r},
    modules=("state",),
    opens_at_start={at_start},
)
"""
_STATE = """
async def open(parts):
    return await parts.open({name!r})
"""


class State:
    def __init__(self, parts: Parts, name: str) -> None:
        self.parts, self.name = parts, name

    async def close(self) -> None:
        self.parts.told.append(f"{self.name} closed")


class Parts:
    """What states are opened with: counts, and waits until they may be."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.may_open = asyncio.Event()
        self.failure: Exception | None = None
        self.documents = SimpleNamespace(has=self._has)

    async def _has(self, kind: str) -> bool:
        return False

    async def open(self, name: str) -> State:
        self.told.append(f"{name} opens")
        await self.may_open.wait()
        if self.failure is not None:
            raise self.failure
        return State(self, name)


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The packages of two services: the second is opened with the emulator."""
    names = ("kept_lazy", "kept_eager")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        spec = _SPEC.format(name=name, at_start=name == "kept_eager")
        (tmp_path / name / "spec.py").write_text(spec)
        (tmp_path / name / "state.py").write_text(_STATE.format(name=name))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        yield names
    for module in [each for each in sys.modules if each.partition(".")[0] in names]:
        del sys.modules[module]


@pytest.fixture
def service(packages: tuple[str, ...]) -> Service:
    return Service(packages[0])


async def test_calls_at_once_open_it_once(service: Service) -> None:
    parts: Any = Parts()
    calls = [asyncio.ensure_future(service.open(parts)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not service.is_open
    parts.may_open.set()
    states = await asyncio.gather(*calls)
    assert states == [service.state] * 3
    assert service.is_open
    assert await service.open(parts) is service.state
    assert parts.told == ["kept_lazy opens"]


async def test_a_call_that_is_given_up_does_not_end_it_for_others(service: Service) -> None:
    parts: Any = Parts()
    first, second = (asyncio.ensure_future(service.open(parts)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    parts.may_open.set()
    assert (await second).name == "kept_lazy"
    assert parts.told == ["kept_lazy opens"]


async def test_what_could_not_be_opened_is_tried_again(service: Service) -> None:
    parts: Any = Parts()
    parts.may_open.set()
    parts.failure = OSError("no such disk")
    for _ in range(2):
        with pytest.raises(OSError, match="no such disk"):
            await service.open(parts)
    parts.failure = None
    assert (await service.open(parts)).name == "kept_lazy"
    assert parts.told == ["kept_lazy opens"] * 3


async def test_only_what_has_work_to_do_is_opened_at_the_start(packages: tuple[str, ...]) -> None:
    parts: Any = Parts()
    parts.may_open.set()
    table = Table(extra=packages)
    table.services = tuple(each for each in table.services if each.package in packages)
    await table.open(parts)
    assert parts.told == ["kept_eager opens"]
    assert (await table.state("kept_lazy")).name == "kept_lazy"
    await table.close()
    # The last of the table first.
    assert parts.told[2:] == ["kept_eager closed", "kept_lazy closed"]
    await table.close()
    assert len(parts.told) == 4


async def test_closing_waits_for_what_is_being_opened(service: Service) -> None:
    parts: Any = Parts()
    call = asyncio.ensure_future(service.open(parts))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(service.close())
    await asyncio.sleep(0)
    parts.may_open.set()
    await closing
    await call
    assert parts.told == ["kept_lazy opens", "kept_lazy closed"]


def test_a_service_that_is_not_there(packages: tuple[str, ...]) -> None:
    table = Table()
    with pytest.raises(LookupError, match="does not serve nonsense"):
        table.find("nonsense")
    with pytest.raises(LookupError, match="has no kinds"):
        Service(packages[0]).module("kinds")
    with pytest.raises(LookupError, match="not served in query"):
        Service(packages[0]).codec("query")
