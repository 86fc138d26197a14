"""The packages that ``package.json`` names, by npm.

Functions find them in a layer's ``nodejs/node_modules``. Who has a ``node_modules`` of their own is
left alone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emulator.code import programs
from emulator.code.wanted import Wanted, read
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion

NAME = "package.json"
_MODULES = "node_modules"
_LOCKS = ("npm-shrinkwrap.json", "package-lock.json")
_SETTINGS = ".npmrc"
_QUIET = ("--omit=dev", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error")
#: Members that name packages, beside those for development.
_NAMING = ("dependencies", "optionalDependencies")
#: Members that mean files which are not there where npm runs.
_OF_THE_PROJECT = ("scripts", "workspaces", "devDependencies")
_MACHINES = {"x86_64": "x64", "arm64": "arm64"}
_LOCAL = "file:"
#: Seconds instead of minutes between attempts: who calls a function does not wait that long for
#: the error.
_ATTEMPTS = {
    "npm_config_fetch_retry_mintimeout": "1000",
    "npm_config_fetch_retry_maxtimeout": "10000",
}
#: npm's code of packages that do not agree on a third one.
_PEERS = "ERESOLVE"


def wanted(version: FunctionVersion, folder: Path, node: Path | None) -> Wanted | None:
    """Return what a folder's ``package.json`` wants; None without packages, or if they are there.

    Raises:
        DriverFault: It is no JSON.
    """
    text = read(folder / NAME)
    if not text or (folder / _MODULES).exists():
        return None
    package = _parsed(text, f"{version.name}/{NAME}")
    if not any(package.get(name) for name in _NAMING):
        return None
    locks = [(name, content) for name in _LOCKS if (content := read(folder / name))][:1]
    settings = read(folder / _SETTINGS)

    async def install(into: Path) -> str | None:
        place = into / "nodejs"
        place.mkdir()
        own, is_local = _alone(package, folder)
        (place / NAME).write_text(json.dumps(own))
        if settings:
            (place / _SETTINGS).write_bytes(settings)
        arguments = ["install", "--no-package-lock", "--install-links"]
        for name, content in locks if not is_local else ():
            (place / name).write_bytes(content)
            arguments = ["ci"]
        arguments += options(version, node)
        failure = await run(arguments, place)
        if failure is not None and _PEERS in failure:
            # As older releases of npm did, by which the package was written.
            failure = await run([*arguments, "--legacy-peer-deps"], place)
        for name in (_SETTINGS, *_LOCKS):
            (place / name).unlink(missing_ok=True)
        return failure

    key = [text, *(content for _, content in locks), settings]
    return Wanted(file=NAME, program="npm", key=key, install=install)


def _parsed(text: bytes, name: str) -> Mapping[str, Any]:
    try:
        package = json.loads(text)
    except ValueError as error:
        raise DriverFault(f"{name} can't be read: {error}") from error
    return package if isinstance(package, dict) else {}


def _alone(package: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], bool]:
    """Return a package as it may stand elsewhere, and whether it names folders beside it.

    The lock names those as they lie, so it does not hold elsewhere.
    """
    own = {name: value for name, value in package.items() if name not in _OF_THE_PROJECT}
    is_local = False
    for member in _NAMING:
        if not isinstance(own.get(member), dict):
            continue
        own[member] = dict(own[member])
        for name, text in own[member].items():
            if isinstance(text, str) and text.startswith(_LOCAL):
                own[member][name] = f"{_LOCAL}{folder / text.removeprefix(_LOCAL)}"
                is_local = True
    return own, is_local


def options(version: FunctionVersion, node: Path | None) -> list[str]:
    """Return npm's options for who runs a version: this machine's Node.js, or Amazon Linux."""
    if node is not None:
        return [*_QUIET]
    cpu = _MACHINES.get(version.architecture, version.architecture)
    return [*_QUIET, "--os=linux", f"--cpu={cpu}", "--libc=glibc"]


async def run(arguments: Sequence[str], folder: Path) -> str | None:
    """Run npm in ``folder``; return why it failed, or None."""
    npm = shutil.which("npm")
    if npm is None:
        return "there is no npm on PATH. Install it, or put node_modules beside the function"
    environ = {**_ATTEMPTS, **os.environ, "npm_config_update_notifier": "false"}
    failure = await programs.run([npm, *arguments], folder, environ)
    return None if failure is None else _told(failure.told) or failure.how


def _told(text: str) -> str:
    """Return the lines of an error that say why; npm's own log is of no use here."""
    lines = [
        line.partition(" ")[2].removeprefix("error ").removeprefix("ERR! ").strip()
        for line in text.splitlines()
        if line.startswith(("npm error ", "npm ERR! "))
    ]
    telling = [line for line in lines if line and "complete log of this run" not in line]
    return "; ".join(telling[:4])
