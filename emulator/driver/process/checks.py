"""The checks of the process driver for ``localfaas doctor``."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

from emulator.driver import link_local
from emulator.driver.declaration import Finding
from emulator.driver.languages.table import languages
from emulator.driver.process import snapshot_check
from emulator.driver.process.driver import ProcessDriver
from emulator.driver.process.interpreters import find
from emulator.model.errors import LocalfaasError

#: Remedies for the driver's notes, by the beginning of the note.
_REMEDIES = {
    "No namespaces": "run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_"
    "clone=1, kernel.apparmor_restrict_unprivileged_userns=0), or use --driver docker",
    "No control groups": "run as root, or as `systemd-run --user --scope -p Delegate=yes "
    "localfaas up`, or use --driver docker",
}


def interpreters() -> Iterator[Finding]:
    """Yield each interpreter of this machine, and what is missing."""
    for language in languages():
        if language.identifier is None:
            continue
        name, served = language.title, language.served
        found = sorted(find(language), key=lambda interpreter: interpreter.release)
        for each in found:
            yield Finding(subject=name, verdict="ok", detail=f"{each.runtime}: {each.executable}")
        if not found:
            yield Finding(
                subject=name,
                verdict="note",
                detail="none found",
                remedy=f"install {name} to run {served} functions without Docker",
            )


def isolation() -> Iterator[Finding]:
    """Yield what this machine can do of what isolates functions. Opens a driver."""
    with tempfile.TemporaryDirectory(prefix="localfaas-doctor-") as state:
        snapshot_check.write_function(Path(state))
        try:
            notes, closes_link_local, snapshots = asyncio.run(_open(Path(state)))
        except LocalfaasError as error:
            yield Finding(
                subject="process driver",
                verdict="problem",
                detail=str(error),
                remedy="use --driver docker",
            )
            return
    for subject in _REMEDIES:
        if not any(note.startswith(subject) for note in notes):
            yield Finding(
                subject=subject.removeprefix("No "), verdict="ok", detail="as functions need them"
            )
    yield snapshots
    if closes_link_local:
        yield Finding(subject="link-local addresses", verdict="ok", detail="closed to functions")
    elif link_local.NOTE not in "".join(notes):
        yield Finding(
            subject="link-local addresses",
            verdict="note",
            detail=link_local.NOTE,
            remedy="run as root where this machine has credentials at such an address",
        )
    for note in notes:
        remedy = next((text for start, text in _REMEDIES.items() if note.startswith(start)), "")
        yield Finding(subject="process driver", verdict="note", detail=note, remedy=remedy)


async def _open(state: Path) -> tuple[list[str], bool, Finding]:
    driver = ProcessDriver(state=state)
    await driver.open()
    try:
        found = await snapshot_check.check(driver, state / "code")
        return driver.notes(), driver.closes_link_local, found
    finally:
        await driver.close()
