"""``localfaas keep`` and ``--min-instances``, against a running emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from emulator.cli.application import run
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.patience import until

from .conftest import Running, create


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    settings = Settings(port=0, transition_seconds=0, min_instances={"kept-early": "1"})
    running = Running(settings, driver=ScriptedDriver())
    yield running
    running.stop()


Shell = Callable[..., str]


@pytest.fixture
def shell(running: Running, capsys: pytest.CaptureFixture[str]) -> Shell:
    def call(*words: str, code: int = 0) -> str:
        assert run([*words, "--endpoint", running.url]) == code
        captured = capsys.readouterr()
        return captured.err + captured.out

    return call


def wait_ready(shell: Shell, name: str, count: int) -> None:
    until(
        lambda: {e["function"]: e["ready"] for e in json.loads(shell("keep", "--json"))},
        lambda ready: ready[name] >= count,
    )


def test_environments_are_kept_by_option_and_by_command(running: Running, shell: Shell) -> None:
    client = running.client("lambda")
    create(client, "kept-early")
    wait_ready(shell, "kept-early", 1)
    create(client, "kept-later")
    shell("keep", "kept-later", "2")
    wait_ready(shell, "kept-later", 2)
    assert shell("keep").splitlines()[1].split() == ["kept-early", "$LATEST", "1", "1"]
    client.update_function_configuration(FunctionName="kept-later", MemorySize=256)
    wait_ready(shell, "kept-later", 2)
    shell("keep", "kept-later", "0")
    shell("keep", "kept-early", "0")
    assert "nothing is kept" in shell("keep")


def test_what_cannot_be_kept_is_refused(running: Running, shell: Shell) -> None:
    assert "There is no function nobody" in shell("keep", "nobody", code=1)
    create(running.client("lambda"), "unpublished")
    assert "has no version 7" in shell("keep", "unpublished:7", code=1)


def test_a_function_that_is_not_there_is_warned_of(running: Running) -> None:
    warned = "--min-instances kept-early: there is no such function, or version, yet"
    assert warned in running.console.warnings


def test_a_count_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--min-instances", "hello=many", "--port", "0"]) == 2
    assert "'many' is no number of environments" in capsys.readouterr().err
