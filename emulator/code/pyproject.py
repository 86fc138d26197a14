"""The packages that ``pyproject.toml`` names, by pip; in the versions of ``uv.lock`` beside it.

Sources: https://packaging.python.org/en/latest/specifications/pyproject-toml/ and
https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.code import pip
from emulator.code.requirements import options
from emulator.code.wanted import Wanted, read
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion

NAME = "pyproject.toml"
LOCK = "uv.lock"
_FILE = "wanted.txt"
_CONSTRAINTS = "locked.txt"
#: The name at the beginning of a dependency.
_PROJECT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^]]*\])?")


def wanted(version: FunctionVersion, folder: Path, python: Path | None) -> Wanted | None:
    """Return what a folder's project depends on; None without a project, or dependencies.

    Raises:
        DriverFault: The file is no TOML, or names what pip can't get.
    """
    text, lock = read(folder / NAME), read(folder / LOCK)
    if not text:
        return None
    document = _document(text, f"{version.name}/{NAME}")
    dependencies = _dependencies(document)
    if not dependencies:
        return None
    lines = [_line(each, _sources(document), folder) for each in dependencies]
    pinned = _pinned(_document(lock, f"{version.name}/{LOCK}"))

    async def install(into: Path) -> str | None:
        asked, constraints = into / _FILE, into / _CONSTRAINTS
        asked.write_text("".join(f"{line}\n" for line in lines))
        constraints.write_text("".join(f"{line}\n" for line in pinned))
        command = [*options(version, python), "--target", str(into / "python")]
        command += ["--requirement", str(asked), "--constraint", str(constraints)]
        failure = await pip.run(python, command, folder)
        asked.unlink()
        constraints.unlink()
        return failure

    key = [line.encode() for line in (*lines, LOCK, *pinned)]
    return Wanted(file=NAME, program="pip", key=key, install=install)


def _document(text: bytes, name: str) -> Mapping[str, Any]:
    # Only folders with such a file need it.
    import tomllib

    try:
        return tomllib.loads(text.decode())
    except ValueError as error:  # no TOML, or no UTF-8
        raise DriverFault(f"{name} can't be read: {error}") from error


def _dependencies(document: Mapping[str, Any]) -> list[str]:
    project = document.get("project")
    found = project.get("dependencies") if isinstance(project, dict) else None
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _sources(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return where uv gets which package, by normalised name."""
    at: Any = document
    for name in ("tool", "uv", "sources"):
        at = at.get(name) if isinstance(at, dict) else None
    return {_normal(name): source for name, source in at.items()} if isinstance(at, dict) else {}


def _line(dependency: str, sources: Mapping[str, Any], folder: Path) -> str:
    """Return a dependency for pip, which does not know uv's sources.

    Without them it would take a package of that name from an index: whoever's that is.
    """
    match = _PROJECT.match(dependency)
    source = sources.get(_normal(match[1])) if match else None
    if match is None or source is None:
        return dependency
    what = f"{match[1]}{match[2] or ''} @ "
    marker = "".join(dependency.partition(";")[1:])
    match source:
        case {"path": str(path)}:
            return f"{what}{(folder / path).resolve().as_uri()} {marker}".strip()
        case {"url": str(url)}:
            return f"{what}{url} {marker}".strip()
        case {"git": str(url), **rest}:
            at = next((f"@{rest[key]}" for key in ("rev", "tag", "branch") if key in rest), "")
            return f"{what}git+{url}{at} {marker}".strip()
    raise DriverFault(
        f"{folder / NAME}: uv's source of {match[1]} is of a kind that only uv knows. Write "
        "requirements.txt with `uv export --no-dev --output-file requirements.txt`."
    )


def _pinned(lock: Mapping[str, Any]) -> list[str]:
    """Return the versions of a lock, as pip's constraints.

    A package that it has in several versions, for several platforms, is left to pip.
    """
    packages = lock.get("package")
    entries = [each for each in packages if isinstance(each, dict)] if packages else []
    names = Counter(str(each.get("name")) for each in entries)
    return [
        f"{each['name']}=={each['version']}"
        for each in entries
        if names[str(each.get("name"))] == 1
        and isinstance(each.get("version"), str)
        and "registry" in (each.get("source") or {})
    ]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
