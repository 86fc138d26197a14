"""Python: AWS's python3.x runtimes, on interpreters of this machine or in images."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from emulator.driver.languages.base import (
    ContainerStart,
    Language,
    Packages,
    folders_on_path,
    glob,
    newest_first,
)
from emulator.model.console import Console

_EXECUTABLE = re.compile(r"python3\.(\d+)$")
#: The oldest release our bootstrap runs on.
_OLDEST = 8
#: AWS's runtimes set LC_CTYPE since this release.
_LC_CTYPE_SINCE = 12


class Python(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "python"
    title = "Python"
    frames_logs = True
    starts_in_shell = True
    has_official_client = True
    debugs = True
    identifier = re.compile(r"python3\.(\d+)$")
    served = "python3.9 and later"
    has_stem_cells = True
    forks = True
    start_up_variables = "PYTHON(?!PATH$)"
    has_sdk = True
    container = ContainerStart(
        stem="-I -S {folder}/bootstrap.py",
        alone="{folder}/bootstrap.py",
        interpreters=("/var/lang/bin/python{version}", "python{version}", "python3"),
        base_image="python:{version}-slim",
        loader="-I -S -c",
    )

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        found = super().variables(runtime, version, common)
        # PYTHONPATH is the runtime's to set: whether the user has set it counts.
        if tuple(map(int, version.split("."))) >= (3, _LC_CTYPE_SINCE):
            found["LC_CTYPE"] = "C.UTF-8"
        return found

    def runtime_of(self, release: int) -> str:
        return f"python3.{release}"

    def title_of(self, release: int) -> str:
        return f"Python 3.{release}"

    def candidates(self) -> Iterator[Path]:
        yield own_interpreter()
        for folder in folders_on_path():
            yield from sorted(glob(folder, "python3.*"))
        home = Path.home()
        pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
        yield from newest_first(pyenv / "versions", "*/bin/python3.*")
        yield from newest_first(home / ".local/share/uv/python", "*/bin/python3.*")

    def release_of(self, executable: Path) -> int | None:
        match = _EXECUTABLE.match(executable.name)
        if match is None or int(match[1]) < _OLDEST:
            return None
        return int(match[1])

    def command(
        self, folder: str, *, official: bool, search_path: str, handler: str
    ) -> tuple[list[str], bool]:
        arguments = [search_path] if search_path else []
        if official:  # without the packages of the interpreter's own
            return ["-S", f"{folder}/official.py", *arguments], False
        return [f"{folder}/bootstrap.py", *arguments], True

    def shown(self, bootstrap: Path) -> list[tuple[Path, str]]:
        names = ("bootstrap.py", "official.py", "localfaas_runtime")
        own = [(bootstrap / name, name) for name in names]
        # In a folder of its own: no function finds it by chance.
        return own + [(path, f"localfaas_debugger/{name}") for path, name in self.debugger()]

    def debugger(self) -> list[tuple[Path, str]]:
        found = find_spec("debugpy")
        if found is None or found.origin is None:
            return []
        return [(Path(found.origin).parent, "debugpy")]

    def missing_debugger(self) -> str:
        if self.debugger():
            return ""
        return "debugpy is not there: `pip install 'localfaas[debug]'` and start again"

    def packages_folder(self, release: int) -> str:
        return "/var/runtime" if release <= 10 else f"/var/lang/lib/python3.{release}/site-packages"

    def packages(self, *, official: bool, console: Console, state: Path) -> Packages:
        from emulator.driver.languages.python_packages import PythonPackages

        return PythonPackages(official=official, console=console, state=state).of

    def own_packages(self, prefix: Path) -> Path | None:
        return next(prefix.glob("lib/python3.*/site-packages"), None)

    def sdk(self) -> list[tuple[Path, str]]:
        from emulator.driver.languages.python_packages import SDK, package_paths

        return package_paths(SDK)


def own_interpreter() -> Path:
    """Return the real interpreter this process runs on, never a virtual environment's."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))


LANGUAGE = Python()
