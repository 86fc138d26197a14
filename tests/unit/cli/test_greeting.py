"""What ``up`` says when the emulator is there."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from emulator.cli.greeting import greet
from emulator.settings import Settings
from emulator.testing import ScriptedDriver


class Limited(ScriptedDriver):
    """A driver that can't do everything here."""

    def notes(self) -> list[str]:
        return ["No control groups here."]


@pytest.mark.parametrize("driver", [ScriptedDriver(), Limited()])
async def test_what_the_machine_lacks_has_a_remedy(
    driver: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator = Emulator(Settings(port=0), driver=driver)

    def ready() -> None:
        greet(emulator)
        emulator.stop()

    await emulator.run(ready)
    said = capsys.readouterr().err
    lacks = [f"note: {note}" for note in driver.notes()]
    remedy = "note: `localfaas doctor` says what can be done about this machine."
    assert said.splitlines() == ([*lacks, remedy] if lacks else [])
