"""A driver is one folder and one line: everything else learns of it from its declaration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import emulator.driver
from emulator.driver import table
from emulator.driver.table import make_driver
from emulator.model.console import SilentConsole
from emulator.model.errors import ConfigurationError
from emulator.settings import Settings

#: The folder that the driver's own lies in, where it would lie in emulator/driver.
PLACE = Path(__file__).parent / "third"
ADDED = (
    f"import emulator.driver; emulator.driver.__path__.append({str(PLACE)!r})\n"
    "from emulator.driver import table; table.DRIVERS = (*table.DRIVERS, 'scripted')\n"
    "from emulator.cli.application import run\n"
)


def localfaas(*arguments: str) -> str:
    """Run the command line of an emulator that has the driver; return what it printed."""
    code = f"{ADDED}run({list(arguments)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True
    )
    return done.stdout


def test_its_option_is_in_the_help() -> None:
    text = localfaas("up", "--help")
    assert "--driver process|docker|kubernetes|scripted|auto" in text
    assert "Scripted driver:" in text
    assert "--script-scenes N" in text
    assert "LOCALFAAS_SCRIPT_SCENES" in text
    assert "default: 7" in text
    assert "docker, kubernetes, scripted" in " ".join(text.split()), "the drivers that freeze"


def test_its_check_is_in_the_doctors() -> None:
    assert "it is written" in localfaas("doctor", "--endpoint", "http://127.0.0.1:9")


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver, where the others are."""
    monkeypatch.setattr(emulator.driver, "__path__", [*emulator.driver.__path__, str(PLACE)])
    monkeypatch.setattr(table, "DRIVERS", (*table.DRIVERS, "scripted"))


def test_it_is_made_with_its_options(third: None, tmp_path: Path) -> None:
    options = table.declaration("scripted").options
    assert options is not None
    chosen = Settings(driver="scripted", driver_options={"scripted": options(scenes=3)})
    assert make_driver(chosen, tmp_path, SilentConsole()).driver.name == "scripted in 3 scenes"
    made = make_driver(Settings(driver="scripted"), tmp_path, SilentConsole())
    assert (made.driver.name, made.freezes) == ("scripted in 7 scenes", True)


def test_a_driver_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    names = "process, docker, kubernetes or auto"
    with pytest.raises(ConfigurationError, match=f"no driver 'magic': {names}"):
        make_driver(Settings(driver="magic"), tmp_path, SilentConsole())
