"""The command ``doctor``: checks what this machine offers the emulator, and names remedies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.options import options_of, values, with_options
from emulator.cli.tables import show_table
from emulator.cli.terminal import show_json
from emulator.client.endpoint import ClientError
from emulator.driver.declaration import Finding
from emulator.driver.table import AUTO, DRIVERS, declaration, declarations
from emulator.engines.embedded.engine import INSTALL, is_installed

if TYPE_CHECKING:
    Driver = str
else:
    Driver = StrEnum("Driver", {each.upper(): each for each in (*DRIVERS, AUTO)})

_FEW_WATCHES = 8192
#: The options of drivers that ask somebody.
_OPTIONS = {
    each.name: options_of(each.options)
    for each in declarations()
    if each.asked is not None and each.options is not None
}


@with_options(option for own in _OPTIONS.values() for option in own)
def doctor(
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    driver: Annotated[
        Driver | None, typer.Option(envvar="LOCALFAAS_DRIVER", help="Check what this one needs.")
    ] = None,
    **given: Any,
) -> None:
    """Check what this machine offers the emulator, with remedies.

    The exit code is 1 if something keeps the emulator from starting.

    Example: localfaas doctor
    """
    findings = [*_of_drivers(driver, given), *_watches(), _library(), _port(endpoint)]
    if json:
        show_json([finding._asdict() for finding in findings])
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


def _of_drivers(driver: str | None, given: dict[str, Any]) -> Iterator[Finding]:
    if driver is None or driver == AUTO:
        for each in declarations():
            yield from each.checks()
        return
    each = declaration(driver)
    if each.asked is None:
        yield from each.checks()
    else:
        options = each.options and each.options(**values(_OPTIONS[each.name], given))
        yield from each.asked(options, os.environ)


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


def _library() -> Finding:
    there = is_installed()
    return Finding(
        subject="further services",
        verdict="ok" if there else "note",
        detail="served by the embedded library, which keeps their writes in a journal"
        if there
        else "AWS services that localfaas does not have are not served",
        remedy="" if there else INSTALL,
    )


def _port(endpoint: str) -> Finding:
    client = Client(endpoint)
    subject = f"port {client.port}"
    if not client.listens():
        return Finding(subject=subject, verdict="ok", detail="free")
    try:
        health = client.get("health", timeout_s=5)
        return Finding(
            subject=subject,
            verdict="ok",
            detail=f"localfaas {health['version']} runs at {client.url}",
        )
    except (ClientError, KeyError, TypeError):
        return Finding(
            subject=subject,
            verdict="problem",
            detail="in use by another program",
            remedy="end it, or choose another with --port",
        )
