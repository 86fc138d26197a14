"""The declaration of the process driver."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from emulator.driver.declaration import DriverDeclaration, DriverSetup, Finding

if TYPE_CHECKING:
    from emulator.driver.base import Driver


def _make(setup: DriverSetup) -> Driver:
    from emulator.driver.process.driver import ProcessDriver

    return ProcessDriver(
        state=setup.state,
        strict=setup.settings.strict,
        bootstrap=setup.settings.bootstrap,
        stem_cells=setup.settings.stem_cells,
        console=setup.console,
        allow_link_local=setup.settings.allow_link_local,
    )


def _checks() -> Iterable[Finding]:
    from emulator.driver.process import checks

    return [*checks.interpreters(), *checks.isolation()]


DECLARATION = DriverDeclaration(
    name="process", where="as processes of this machine", make=_make, checks=_checks
)
