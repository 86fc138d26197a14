"""What all zygotes of a driver share: known from the start, long before there is one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from emulator.driver.process.sandbox import ProcessSandbox
from emulator.model.clock import Clock
from emulator.model.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteConfig:
    """The settings that all zygotes of one driver share."""

    clock: Clock
    #: Sandboxes have namespaces; with ``user``, by way of a user namespace.
    jailed: bool
    user: bool
    first_uid: int
    state: Path
    #: Functions run under AWS's own client where their language has one.
    official: bool
    console: Console
    stem_cells: int
    #: Makes a sandbox's driver side, with its slot, user id and group.
    new_sandbox: Callable[[], ProcessSandbox]
    #: Gives a standing sandbox its disk of the usual size, ahead of use.
    equip: Callable[[ProcessSandbox], Awaitable[None]]
    #: Stops a sandbox that nobody wants, in the background.
    discard: Callable[[ProcessSandbox], None]
