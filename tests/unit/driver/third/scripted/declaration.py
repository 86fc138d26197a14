"""What the scripted driver declares about itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.driver.base import Driver
from emulator.driver.declaration import DriverDeclaration, DriverSetup, Finding
from emulator.settings import option


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedSettings:
    """What can be set about it."""

    scenes: int = option(7, "How many scenes it plays.", "Scripted driver", flag="--script-scenes")


def _make(setup: DriverSetup) -> Driver:
    from emulator.testing import ScriptedDriver

    driver = ScriptedDriver()
    driver.name = f"scripted in {setup.options.scenes} scenes"
    return driver


def _checks() -> Iterable[Finding]:
    yield Finding(subject="script", verdict="ok", detail="it is written")


DECLARATION = DriverDeclaration(
    name="scripted",
    where="on a stage",
    make=_make,
    options=ScriptedSettings,
    freezes=True,
    checks=_checks,
)
