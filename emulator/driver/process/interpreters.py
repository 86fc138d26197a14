"""Which interpreters this machine has, and which of them serves a runtime identifier.

Version managers' shims are never taken: a pyenv shim costs 100 ms at every start. What they
manage is found where they keep it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from emulator.driver.process.layout import own_interpreter
from emulator.model.errors import ConfigurationError

_PYTHON = re.compile(r"python3\.(\d+)$")
_RUNTIME = re.compile(r"(python3\.|nodejs)(\d+)(?:\.x)?$")
#: The oldest Python our bootstrap runs on.
_OLDEST_PYTHON = 8


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter found on this machine."""

    #: "python" or "nodejs".
    family: str
    #: The number that tells runtimes apart: 12 for python3.12, 20 for nodejs20.x.
    version: int
    #: The program itself, no link.
    executable: Path

    @property
    def prefix(self) -> Path:
        """The installation: the folder that has ``bin`` and ``lib``."""
        return self.executable.parent.parent

    @property
    def runtime(self) -> str:
        """The runtime identifier this interpreter is exact for."""
        if self.family == "python":
            return f"python3.{self.version}"
        return f"nodejs{self.version}.x"


@dataclass(frozen=True, slots=True)
class Choice:
    """What serves a runtime identifier."""

    #: "python", "nodejs" or "provided".
    family: str
    #: None for "provided", which brings its own.
    interpreter: Interpreter | None
    #: Said once where it is not what was asked for.
    note: str | None = None


def choose(runtime: str, *, strict: bool = False) -> Choice:
    """Return what serves ``runtime``.

    Raises:
        ConfigurationError: Nothing does; or, if ``strict``, nothing does exactly.
    """
    if runtime.startswith("provided"):
        return Choice("provided", None)
    match = _RUNTIME.match(runtime)
    if match is None:
        raise ConfigurationError(
            f"The process driver cannot run {runtime or 'container image'} functions: it serves"
            " python3.x, nodejs and provided runtimes. Use --driver docker."
        )
    family = "python" if match[1].startswith("python") else "nodejs"
    return choose_among(runtime, family, int(match[2]), find(family), strict=strict)


def choose_among(
    runtime: str, family: str, wanted: int, found: Iterable[Interpreter], *, strict: bool
) -> Choice:
    """Return the exact interpreter, else the nearest (the newer of two as near), with a note."""
    ranked = sorted(found, key=lambda one: (abs(one.version - wanted), -one.version))
    name = f"Python 3.{wanted}" if family == "python" else f"Node.js {wanted}"
    if not ranked:
        raise ConfigurationError(
            f"{runtime} needs {name}, and no {'Python' if family == 'python' else 'Node.js'} was"
            " found on this machine. Install it, or use --driver docker."
        )
    nearest = ranked[0]
    if nearest.version == wanted:
        return Choice(family, nearest)
    if strict:
        raise ConfigurationError(
            f"{runtime} needs {name}, which was not found on this machine (nearest:"
            f" {nearest.executable}). Install it, use --driver docker, or drop --strict."
        )
    note = f"{runtime} functions run on {nearest.runtime} ({nearest.executable}): no {name} here."
    return Choice(family, nearest, note)


@cache
def find(family: str) -> tuple[Interpreter, ...]:
    """Return the interpreters of ``family`` on this machine, the first found of each version."""
    found: dict[int, Interpreter] = {}
    for path in _pythons() if family == "python" else _nodes():
        executable = Path(os.path.realpath(path))
        if "shims" in executable.parts or not os.access(executable, os.X_OK):
            continue
        version = _python_version(executable) if family == "python" else _node_version(executable)
        if version is not None and version not in found:
            found[version] = Interpreter(family, version, executable)
    return tuple(found.values())


def _folders() -> Iterator[Path]:
    seen = os.environ.get("PATH", "").split(os.pathsep)
    for entry in [*seen, "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"]:
        if entry and "shims" not in Path(entry).parts:
            yield Path(entry)


def _pythons() -> Iterator[Path]:
    yield own_interpreter()
    for folder in _folders():
        yield from sorted(_glob(folder, "python3.*"))
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    # The newest patch release of each version first.
    for root, pattern in (
        (pyenv / "versions", "*/bin/python3.*"),
        (home / ".local/share/uv/python", "*/bin/python3.*"),
    ):
        yield from sorted(_glob(root, pattern), key=_natural, reverse=True)


def _nodes() -> Iterator[Path]:
    for folder in _folders():
        yield from _glob(folder, "node")
    home = Path.home()
    for root, pattern in (
        (home / ".nvm/versions/node", "*/bin/node"),
        (home / ".local/share/fnm/node-versions", "*/installation/bin/node"),
        (home / ".volta/tools/image/node", "*/bin/node"),
        (home / ".nodenv/versions", "*/bin/node"),
    ):
        yield from sorted(_glob(root, pattern), key=_natural, reverse=True)


def _glob(folder: Path, pattern: str) -> list[Path]:
    try:
        return list(folder.glob(pattern))
    except OSError:  # a folder on the path that this user may not read
        return []


def _natural(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _python_version(executable: Path) -> int | None:
    match = _PYTHON.match(executable.name)
    if match is None or int(match[1]) < _OLDEST_PYTHON:
        return None
    return int(match[1])


def _node_version(executable: Path) -> int | None:
    header = executable.parent.parent / "include/node/node_version.h"
    try:
        text = header.read_text() if header.exists() else ""
        found = re.search(r"NODE_MAJOR_VERSION (\d+)", text)
        if found is None:
            text = subprocess.run(
                [executable, "--version"], capture_output=True, text=True, timeout=10, check=True
            ).stdout
            found = re.match(r"v(\d+)\.", text)
    except (OSError, subprocess.SubprocessError):
        return None
    return int(found[1]) if found else None
