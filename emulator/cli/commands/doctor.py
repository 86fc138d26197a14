"""The command ``doctor``: checks what this machine offers the emulator, and names remedies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import show_table
from emulator.cli.terminal import show_json
from emulator.client.endpoint import ClientError
from emulator.driver.declaration import Finding
from emulator.driver.table import declarations
from emulator.engines.embedded.engine import INSTALL, is_installed

_FEW_WATCHES = 8192


def doctor(json: Json = False, endpoint: Endpoint = DEFAULT_ENDPOINT) -> None:
    """Check what this machine offers the emulator, with remedies.

    The exit code is 1 if something keeps the emulator from starting.

    Example: localfaas doctor
    """
    of_drivers = [finding for each in declarations() for finding in each.checks()]
    findings = [*of_drivers, *_watches(), _library(), _port(endpoint)]
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
