"""The command ``doctor``: what this machine has for the emulator, and what to do about the rest."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.terminal import CommandError, show_json, show_table
from emulator.model.console import SilentConsole
from emulator.model.errors import LocalfaasError
from emulator.settings import Settings

#: What to do about a note of the process driver, by how the note begins.
_REMEDIES = {
    "No namespaces": "run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_"
    "clone=1, kernel.apparmor_restrict_unprivileged_userns=0), or use --driver docker",
    "No control groups": "run as root, or as `systemd-run --user --scope -p Delegate=yes "
    "localfaas up`, or use --driver docker",
}
_FEW_WATCHES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found."""

    subject: str
    #: "ok", "note" (something is done differently) or "problem" (the emulator can't start).
    verdict: str
    detail: str
    #: What the user can do; empty where nothing has to be done.
    remedy: str = ""


def doctor(json: Json = False, endpoint: Endpoint = DEFAULT_ENDPOINT) -> None:
    """Look at what this machine has for the emulator.

    With a remedy for what is missing.

    The exit code is 1 where something keeps the emulator from starting.

    Example: localfaas doctor
    """
    findings = [*_interpreters(), _docker(), *_process_driver(), *_watches(), _port(endpoint)]
    if json:
        show_json([asdict(finding) for finding in findings])
    else:
        rows = [
            (
                finding.subject,
                finding.verdict,
                finding.detail + (f" → {finding.remedy}" if finding.remedy else ""),
            )
            for finding in findings
        ]
        show_table(("CHECK", "VERDICT", "WHAT WAS FOUND"), rows)
    if any(finding.verdict == "problem" for finding in findings):
        raise typer.Exit(1)


def _interpreters() -> Iterator[Finding]:
    from emulator.driver.process.interpreters import find

    for family, name, wanted in (
        ("python", "Python", "python3.9 and later"),
        ("nodejs", "Node.js", "nodejs"),
    ):
        found = sorted(find(family), key=lambda interpreter: interpreter.version)
        for each in found:
            yield Finding(subject=name, verdict="ok", detail=f"{each.runtime}: {each.executable}")
        if not found:
            yield Finding(
                subject=name,
                verdict="note",
                detail="none found",
                remedy=f"install {name} to run {wanted} functions without Docker",
            )


def _docker() -> Finding:
    from emulator.driver.docker import find_engine

    found = find_engine(os.environ, seconds=5)
    if found.info is not None:
        return Finding(subject="Docker", verdict="ok", detail=f"{found.info} at {found.url}")
    return Finding(
        subject="Docker",
        verdict="note",
        detail=found.reason,
        remedy=found.hint or "start Docker or Podman (or set DOCKER_HOST) to use --driver docker",
    )


def _process_driver() -> Iterator[Finding]:
    import asyncio

    from emulator.driver.table import make_driver

    async def notes(state: Path) -> list[str]:
        driver, _ = make_driver(Settings(driver="process"), state, SilentConsole())
        await driver.open()
        try:
            return driver.notes()
        finally:
            await driver.close()

    with tempfile.TemporaryDirectory(prefix="localfaas-doctor-") as state:
        try:
            found = asyncio.run(notes(Path(state)))
        except LocalfaasError as error:
            yield Finding(
                subject="process driver",
                verdict="problem",
                detail=str(error),
                remedy="use --driver docker",
            )
            return
    for subject in _REMEDIES:
        if not any(note.startswith(subject) for note in found):
            yield Finding(
                subject=subject.removeprefix("No "), verdict="ok", detail="as functions need them"
            )
    for note in found:
        remedy = next((text for start, text in _REMEDIES.items() if note.startswith(start)), "")
        yield Finding(subject="process driver", verdict="note", detail=note, remedy=remedy)


def _watches() -> Iterator[Finding]:
    if sys.platform != "linux":
        return
    try:
        limit = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
    except (OSError, ValueError):
        return
    yield Finding(
        subject="hot reload",
        verdict="ok" if limit >= _FEW_WATCHES else "note",
        detail=f"{limit} folders can be followed",
        remedy="" if limit >= _FEW_WATCHES else "raise it: sysctl fs.inotify.max_user_watches",
    )


def _port(endpoint: str) -> Finding:
    client = Client(endpoint)
    subject = f"port {client.port}"
    if not client.listens():
        return Finding(subject=subject, verdict="ok", detail="free")
    try:
        health = client.get("health", seconds=5)
        return Finding(
            subject=subject,
            verdict="ok",
            detail=f"localfaas {health['version']} runs at {client.url}",
        )
    except (CommandError, KeyError, TypeError):
        return Finding(
            subject=subject,
            verdict="problem",
            detail="in use by another program",
            remedy="end it, or choose another with --port",
        )
