"""Streams, and functions fed from them, answer as AWS was recorded to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulator.model.clock import Timer
from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from tests.api.conftest import Running
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION, Scenario
from tests.conformance.scenarios_kinesis import SCENARIOS, Streams
from tests.conformance.scenarios_table_streams import REPLAYS

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}"),
]


class _Clock(JumpingClock):
    """A clock that remembers for how long it was asked since the last jump, and by whom still."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[int, float] = {}

    def call_later(self, seconds: float, call: Callable[..., Any], *args: Any) -> Timer:
        made = super().call_later(seconds, call, *args)
        self.asked[max(self._pending)] = seconds
        return made

    def jump(self, seconds: float) -> None:
        self.asked = {each: asked for each, asked in self.asked.items() if each in self._pending}
        super().jump(seconds)


_CLOCK = _Clock()
_FILES = {**SCENARIOS, "lambda_integration_dynamodbstreams": REPLAYS}


@pytest.fixture(scope="module")
def jumping() -> Iterator[Running]:
    """An emulator whose functions really run, and whose clock can be moved ahead."""
    running = Running(Settings(port=0, cpu_limit="none"), clock=_CLOCK)
    yield running
    running.stop()


def _recordings(file: str) -> dict[str, dict[str, Any]]:
    if not FOLDER.is_dir():
        return {}
    return {name.rpartition("::")[2]: each for name, each in load(file).items()}


@pytest.mark.parametrize("file", _FILES)
def test_every_recording_is_replayed(file: str) -> None:
    assert _recordings(file).keys() == _FILES[file].keys()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        # Functions really run in those of the integration.
        pytest.param(file, name, marks=[pytest.mark.slow] if "integration" in file else [])
        for file in _FILES
        for name in _FILES[file]
    ],
)
def test_scenario(file: str, name: str, jumping: Running) -> None:
    made: list[Any] = []

    def clients(service: str, region: str = REGION) -> Any:
        made.append(jumping.client(service, account=ACCOUNT, region=region))
        return made[-1]

    comparison = Comparison(_recordings(file)[name])
    scenario = Scenario(comparison, clients)
    try:
        _FILES[file][name](Streams(scenario, _jump(jumping), _waits(jumping)))
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        for client in made:
            client.close()
        comparison.finish()
        RESULTS.setdefault(file, {})[name] = comparison.differences
    assert comparison.differences == []


def _jump(running: Running) -> Any:
    return lambda seconds: running.call(lambda: _CLOCK.jump(seconds))


def _waits(running: Running) -> Any:
    def waits(seconds: float, less_s: float) -> bool:
        return any(seconds - less_s <= each < seconds + 0.1 for each in _CLOCK.asked.values())

    return lambda seconds, less_s=0.3: running.call(lambda: waits(seconds, less_s))
