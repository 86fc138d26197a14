"""CloudFormation answers as AWS was recorded to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.settings import Settings
from tests.api.conftest import Running
from tests.api.functions import Calls
from tests.conformance.replaying import clients_of, needs_recordings, recordings, replayed
from tests.conformance.scenarios_macros import MACRO_SCENARIOS, answer
from tests.conformance.scenarios_stack_resources import RESOURCES, RUNNING
from tests.conformance.scenarios_stacks import SCENARIOS
from tests.conformance.stack_updates import UPDATES, StackScenario

FILE = "cloudformation"
RECORDINGS = recordings(FILE)

pytestmark = needs_recordings


@pytest.mark.parametrize("name", [*UPDATES, *SCENARIOS, *RESOURCES])
def test_scenario(name: str, running: Running) -> None:
    with replayed(FILE, name, RECORDINGS[name]) as comparison:
        scenario = StackScenario(comparison, clients_of(running))
        if name in UPDATES:
            scenario.update(UPDATES[name])
        else:
            {**SCENARIOS, **RESOURCES}[name](scenario)


@pytest.fixture(scope="module")
def macros() -> Iterator[Running]:
    """An emulator whose functions are macros."""
    calls = Calls()
    calls.answer = answer
    running = Running(Settings(port=0, transition_seconds=0), driver=calls.driver)
    yield running
    running.stop()


@pytest.mark.parametrize("name", MACRO_SCENARIOS)
def test_macros(name: str, macros: Running) -> None:
    with replayed(FILE, name, RECORDINGS[name]) as comparison:
        MACRO_SCENARIOS[name](StackScenario(comparison, clients_of(macros)))


@pytest.mark.parametrize("name", [*RUNNING])
def test_scenario_of_functions_that_run(name: str, processes: Running) -> None:
    with replayed(FILE, name, RECORDINGS[name]) as comparison:
        RUNNING[name](StackScenario(comparison, clients_of(processes)))
