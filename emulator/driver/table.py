"""All drivers; and from the settings to a driver: which one, and with what."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from emulator.driver.declaration import DriverDeclaration, DriverSetup
from emulator.model.console import Console
from emulator.model.errors import ConfigurationError
from emulator.settings import Settings

if TYPE_CHECKING:
    from emulator.driver.base import Driver

#: The folders of this package that are drivers. The first is taken where ``auto`` finds no other.
DRIVERS = ("process", "docker", "kubernetes")
#: Takes the first driver that can be used here.
AUTO = "auto"


@cache
def declaration(name: str) -> DriverDeclaration:
    """Return what a driver declares about itself."""
    found = import_module(f"emulator.driver.{name}.declaration").DECLARATION
    assert isinstance(found, DriverDeclaration)
    return found


def declarations() -> list[DriverDeclaration]:
    """Return what all drivers declare about themselves, in the table's order."""
    return [declaration(name) for name in DRIVERS]


class MadeDriver(NamedTuple):
    """A driver, not yet open."""

    driver: Driver
    #: Whether it freezes environments between calls unless the user decides.
    freezes: bool
    #: What the user should know of the choice; empty where they made it.
    note: str = ""


def make_driver(settings: Settings, state: Path, console: Console) -> MadeDriver:
    """Return the driver a user asked for.

    With "auto" it asks first whether drivers can be used, which may block for two seconds.

    Args:
        settings: The user's.
        state: The folder for what the driver keeps while it runs.
        console: Told how far an image is that functions wait for.

    Raises:
        ConfigurationError: There is no such driver.
    """
    name, note = _choose() if settings.driver == AUTO else (settings.driver, "")
    if name not in DRIVERS:
        names = ", ".join(DRIVERS)
        raise ConfigurationError(f"no driver {name!r}: {names} or {AUTO}")
    chosen = declaration(name)
    options = settings.driver_options.get(name)
    if options is None and chosen.options is not None:
        options = chosen.options()
    setup = DriverSetup(
        settings=settings, options=options, state=state, environ=os.environ, console=console
    )
    return MadeDriver(driver=chosen.make(setup), freezes=chosen.freezes, note=note)


def _choose() -> tuple[str, str]:
    """Return the name of the driver that "auto" takes, and why."""
    reasons = []
    for each in declarations():
        if each.probe is None:
            continue
        found = each.probe(os.environ)
        if found.usable:
            return each.name, f"Functions run {each.where} {found.detail}."
        reasons.append(found.detail)
    default = declaration(DRIVERS[0])
    return default.name, f"Functions run {default.where}: {' '.join(reasons)}"
