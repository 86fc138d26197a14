"""One emulator for all replays, and the report at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running

#: File of recordings → scenario → what differs (nothing: it is equal).
RESULTS: dict[str, dict[str, list[str]]] = {}


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    yield running
    running.stop()


@pytest.fixture(scope="session")
def processes() -> Iterator[Running]:
    """An emulator whose functions really run, with the variables of AWS and no others."""
    # Events that could not run are tried again soon, not the later the longer a machine took.
    settings = Settings(port=0, inject_endpoint=False, cpu_limit="none", async_retry_scale=0.01)
    running = Running(settings)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def talkative() -> Iterator[Running]:
    """An emulator whose functions really run, and talk to it."""
    running = Running(Settings(port=0, cpu_limit="none"))
    yield running
    running.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, scenarios in RESULTS.items():
        equal = sum(not differences for differences in scenarios.values())
        terminalreporter.section(f"{name}: {equal} of {len(scenarios)} scenarios equal")
        for scenario, differences in scenarios.items():
            for difference in differences:
                terminalreporter.write_line(f"{scenario}: {difference}"[:1500])
