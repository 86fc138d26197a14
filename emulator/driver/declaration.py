"""The declaration of a driver: its options and defaults, how it is made and checked.

A driver is a folder ``driver/<name>/`` with a module ``declaration``, which has ``DECLARATION``,
and a line in :mod:`emulator.driver.table`. The command line imports every declaration at each
start, so these import nothing heavy: functions import what they need when they are called. The
classes are named tuples because making a frozen dataclass takes half a millisecond of that start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from emulator.model.console import Console
from emulator.settings import Settings

if TYPE_CHECKING:
    from emulator.driver.base import Driver


class Finding(NamedTuple):
    """The result of one check of ``localfaas doctor``."""

    subject: str
    #: "ok", "note" (something is done differently) or "problem" (the emulator can't start).
    verdict: str
    detail: str
    #: What the user can do; empty where nothing has to be done.
    remedy: str = ""


class Probe(NamedTuple):
    """Whether a driver can be used on this machine."""

    usable: bool
    #: The engine it would use, or the reason why the driver can't be used.
    detail: str


class DriverSetup(NamedTuple):
    """The material a driver is made from."""

    settings: Settings
    #: An instance of the declaration's ``options``; None where it has none.
    options: Any
    #: The folder for what the driver keeps while it runs.
    state: Path
    environ: Mapping[str, str]
    console: Console


class RuntimeImage(NamedTuple):
    """The image that functions of one runtime run in."""

    runtime: str
    image: str
    #: Why this one: "setting", "built here" or "AWS" (its base image).
    source: str
    #: As Docker names it; empty where the engine does not have the image (yet).
    architecture: str


class RuntimeImages(Protocol):
    """The images that a driver's functions run in, for ``localfaas runtimes``."""

    #: Runtimes whose images are built unless others are named.
    built: Sequence[str]

    async def find(self, runtimes: Iterable[str]) -> list[RuntimeImage]:
        """Return the image of each runtime."""
        ...

    async def build(self, runtime: str, *, base_image: str, console: Console) -> str:
        """Build the image of a runtime on ``base_image`` (empty: the usual one); return its name.

        Raises:
            ConfigurationError: There is nothing to build it from, or nothing to build it with.
            DriverFault: The build failed.
        """
        ...


def _nothing() -> Iterable[Finding]:
    return ()


class DriverDeclaration(NamedTuple):
    """One driver."""

    #: As ``--driver`` takes it.
    name: str
    #: Where its functions run, to complete a sentence: "in containers".
    where: str
    make: Callable[[DriverSetup], Driver]
    #: A dataclass whose fields are options of ``up``; None for no options.
    options: type | None = None
    #: Whether environments are frozen between calls unless the user decides.
    freezes: bool = False
    #: Returns what ``localfaas doctor`` shows. May block.
    checks: Callable[[], Iterable[Finding]] = _nothing
    #: Returns what ``localfaas doctor --driver NAME`` shows in their place, given an instance of
    #: ``options`` and the environment's variables; None: the same.
    asked: Callable[[Any, Mapping[str, str]], Iterable[Finding]] | None = None
    #: Says whether ``--driver auto`` may take it, given the environment's variables. May block
    #: for two seconds. None: it is never taken because it is there, only where no other is.
    probe: Callable[[Mapping[str, str]], Probe] | None = None
    #: Makes what ``localfaas runtimes`` shows and builds, given an instance of ``options``; None
    #: where functions run in no images.
    images: Callable[[Any, Mapping[str, str]], RuntimeImages] | None = None
