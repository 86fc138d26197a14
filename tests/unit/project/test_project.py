"""How long a start waits for the stacks that it was given."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.project import project as module
from emulator.project.project import Project
from emulator.settings import Settings
from emulator.testing import until_idle


class Stack:
    """A stack that is planned, and then made, when a test says so."""

    source = SimpleNamespace(stack_name="app")

    def __init__(self) -> None:
        self.planned_once, self.made = asyncio.Event(), asyncio.Event()
        self.events = 0

    async def deploy(self) -> list[str]:
        await self.made.wait()
        return ["made"]

    def under_way(self) -> list[str]:
        return ["Signal (AWS::CloudFormation::WaitCondition)"]


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.0)
    return Project(cast(Any, SimpleNamespace(settings=Settings())))


async def test_a_start_waits_until_it_is_known_what_to_make(project: Project) -> None:
    stack = Stack()
    starting = asyncio.ensure_future(project._deploy(cast(Any, stack)))
    await until_idle()
    assert not starting.done()
    stack.made.set()
    assert await starting == ["made"]
    assert not project.is_unfinished


async def test_a_start_does_not_wait_for_what_waits_for_somebody(project: Project) -> None:
    stack = Stack()
    stack.planned_once.set()
    (note,) = await project._deploy(cast(Any, stack))
    assert note.startswith("the stack app is still being made: Signal")
    assert project.is_unfinished
    for late in project._late:
        late.cancel()


async def test_a_start_waits_as_long_as_something_happens(project: Project) -> None:
    class Busy(Stack):
        """A hundred events, one for each look."""

        @property
        def events(self) -> int:
            self.looks += 1
            if self.looks == 100:
                self.made.set()
            return self.looks

        @events.setter
        def events(self, count: int) -> None:
            self.looks = count

    stack = Busy()
    stack.planned_once.set()
    assert await project._deploy(cast(Any, stack)) == ["made"]
    assert not project.is_unfinished


async def test_a_start_that_is_given_up_leaves_nothing(project: Project) -> None:
    before = asyncio.all_tasks()
    starting = asyncio.ensure_future(project._deploy(cast(Any, Stack())))
    await until_idle()
    starting.cancel()
    await until_idle()
    assert asyncio.all_tasks() == before
