"""The declaration of a language of runtimes.

A language is a module of this package with a ``LANGUAGE``, and a line in
:mod:`emulator.driver.languages.table`. A bootstrap of ours, where there is one, lies with a
Dockerfile in ``runtimes/<name>/``; other languages run in AWS's base images alone.

Versions are AWS's text of an identifier after the name ("3.12", "22.x" without its ".x");
*releases* are the numbers that tell a language's interpreters apart (12 for python3.12).
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from emulator.driver.conventions import WRAPPER
from emulator.model.console import Console

#: AWS's search paths, without the language's own, which come before them.
PATH = "/usr/local/bin:/usr/bin/:/bin:/opt/bin"
LIBRARIES = "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"

#: Variables of the system itself that are read when a process starts.
_START_UP_VARIABLES = ("LD_(?!LIBRARY_PATH$)", "MALLOC_", "GLIBC_")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter found on this machine."""

    language: Language
    #: The number that tells runtimes apart: 12 for python3.12, 20 for nodejs20.x.
    release: int
    #: The program itself, no link.
    executable: Path

    @property
    def prefix(self) -> Path:
        """The installation: the folder that a sandbox is shown."""
        return self.language.prefix_of(self.executable)

    @property
    def runtime(self) -> str:
        """The runtime identifier this interpreter is exact for."""
        return self.language.runtime_of(self.release)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one function sees, and where."""

    interpreter: Interpreter
    #: Where it sees that one's program.
    program: str
    handler: str
    environ: Mapping[str, str]
    #: Its code on this machine.
    code: Path
    #: Where it sees its code.
    task: str
    #: What it has at which folder: this machine's folders, the uppermost first.
    roots: Mapping[str, Sequence[Path]]
    #: Where it sees what its runtime brings; empty: this machine's own folders.
    runtime: str


class Command(NamedTuple):
    """What is executed for a function, and what its runtime brings for that."""

    argv: list[str]
    #: Folders of this machine that are joined where the runtime has its own files.
    runtime: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class StemKind:
    """What is started before its function is known. Of equal ones any will do."""

    #: A runtime waits in it; else it is an empty sandbox.
    runtime: bool = True
    #: Options of the interpreter.
    options: tuple[str, ...] = ()
    #: Variables that it starts with, beside the usual ones.
    variables: tuple[tuple[str, str], ...] = ()


#: A sandbox in which nothing runs yet.
EMPTY = StemKind(runtime=False)


class ContainerStart(NamedTuple):
    """How our bootstrap of a language is started in a container."""

    #: Arguments of a stem cell, and of a program for one function; "{folder}" is that of the
    #: bootstrap.
    stem: str
    alone: str
    #: Interpreters to look for, with "{version}"; AWS's images have them in /var/lang.
    interpreters: tuple[str, ...]
    #: The image to build on unless another is named.
    base_image: str
    #: Arguments of an interpreter that come before the text of the loader, which a pod begins
    #: with; and MB of memory that the supervisor takes, which its function is not to miss.
    loader: str = ""
    supervisor_mb: int = 0
    #: A shell stays process 1 of a pod, as its supervisor lays no orphans to rest.
    shell_stays: bool = False


#: Finds the packages for an interpreter: where each lies, and where a sandbox sees it. The second
#: argument is where it sees the installation's own packages; empty where it doesn't.
Packages = Callable[[Interpreter, str], Awaitable[list[tuple[Path, str]]]]


class Language:
    """One language. What it does not declare keeps the defaults."""

    #: As in AWS's identifiers and in the names of its images, e.g. "python".
    name: ClassVar[str]
    #: For people, e.g. "Python".
    title: ClassVar[str]
    #: AWS's runtimes of it frame what they log (see ``emulator.telemetry.frames``).
    frames_logs: ClassVar[bool] = False
    #: AWS's runtimes of it are started by a shell, which leaves variables behind.
    starts_in_shell: ClassVar[bool] = False
    #: AWS's own Runtime API client can take the place of our bootstrap (``--bootstrap``).
    has_official_client: ClassVar[bool] = False
    #: Our bootstrap of it opens a port for a debugger (``--debug``).
    debugs: ClassVar[bool] = False
    #: Its interpreter opens that port, by an option: the function sees no variable of it.
    debugs_by_option: ClassVar[bool] = False

    def debugger(self) -> list[tuple[Path, str]]:
        """Return the packages of this machine that a debugger needs beside a function, by name."""
        return []

    def missing_debugger(self) -> str:
        """Say what is to be done before a debugger can attach; "" where nothing is."""
        return ""

    # -- AWS's environment variables ------------------------------------------------------------

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that AWS sets for functions of one runtime.

        Args:
            runtime: The identifier.
            version: Its version.
            common: What AWS sets for functions of all runtimes.
        """
        found = {"AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}"}
        if self.starts_in_shell:
            found |= {"PWD": "/var/task", "SHLVL": "0"}
        return found

    # -- interpreters of this machine: for the process driver -----------------------------------

    #: The identifiers that interpreters of this machine may serve; group 1 is the release. None:
    #: no interpreter of this machine serves any.
    identifier: ClassVar[re.Pattern[str] | None] = None
    #: Which identifiers those are, for people.
    served: ClassVar[str] = ""
    #: Runtimes are always started before their function is known, if it may be any.
    has_stem_cells: ClassVar[bool] = False
    #: Seconds without a start before those taken are replaced: a burst needs the machine itself.
    stem_pause_s: ClassVar[float] = 0.02
    #: Such a runtime says when it is ready, by a byte on the channel.
    stem_says_ready: ClassVar[bool] = False
    #: How many of a kind to keep ready at most; None for as many as the settings say.
    stems_of_a_kind: ClassVar[int | None] = None
    #: Its interpreter is what zygotes run on: a fork of a zygote is a runtime that is ready.
    forks: ClassVar[bool] = False
    #: A newer interpreter runs what was built for an older one, and none the other way round.
    newer_runs_older: ClassVar[bool] = False
    #: The function's code, or a layer, brings the program.
    brings_program: ClassVar[bool] = False
    #: Variables that its interpreter reads when it starts (a pattern of their beginnings).
    start_up_variables: ClassVar[str] = ""
    #: The values of such variables that AWS sets itself; with these, a stem cell will do.
    harmless: ClassVar[Mapping[str, str]] = {}

    def needs_fresh_process(self, variables: Mapping[str, str]) -> bool:
        """Say whether one of ``variables`` is read when a process starts: a stem cell has."""
        patterns = filter(None, (*_START_UP_VARIABLES, self.start_up_variables))
        is_read = re.compile("|".join(patterns)).match
        return any(
            name == WRAPPER or (is_read(name) and self.harmless.get(name) != value)
            for name, value in variables.items()
        )

    def runtime_of(self, release: int) -> str:
        """Return the identifier that an interpreter of a release is exact for."""
        raise NotImplementedError

    def title_of(self, release: int) -> str:
        """Return a release's name for people."""
        raise NotImplementedError

    #: Where a sandbox sees an installation, wherever that is on this machine. Empty: in /var/lang,
    #: unless it sees it at its own place.
    home: ClassVar[str] = ""

    def prefix_of(self, executable: Path) -> Path:
        """Return an interpreter's installation: the folder that has ``bin`` and ``lib``."""
        return executable.parent.parent

    def candidates(self) -> Iterator[Path]:
        """Yield where interpreters of this machine may be, the preferred ones first."""
        return iter(())

    def release_of(self, executable: Path) -> int | None:
        """Return the release of an interpreter; None if our bootstrap does not run on it."""
        raise NotImplementedError

    def releases_of(self, executable: Path) -> Sequence[int]:
        """Return all releases that a program serves: most serve one."""
        release = self.release_of(executable)
        return () if release is None else (release,)

    def variables_outside(self, interpreter: Interpreter) -> dict[str, str]:
        """Return the variables that differ for functions that see this machine's files."""
        return {}

    def own_command(self, seen: Seen) -> Command | None:
        """Return what is executed, where a function's code says that; None where ``command`` does.

        Raises:
            DriverFault: The runtime client that it needs is not here.
        """
        return None

    def command(
        self, folder: str, *, official: bool, search_path: str, handler: str
    ) -> tuple[list[str], bool]:
        """Return the interpreter's arguments that start a runtime for one function alone.

        Args:
            folder: Where the runtime finds its bootstrap.
            official: Start AWS's own client.
            search_path: JSON of where to find layers and packages, where they are not at AWS's
                places; else empty.
            handler: The function's handler.

        Returns:
            The arguments, and whether the runtime speaks on the channel.
        """
        raise NotImplementedError

    def options(self, interpreter: Interpreter, environ: Mapping[str, str]) -> list[str]:
        """Return the interpreter's own options, which come before its arguments.

        Args:
            interpreter: Which one; older ones may not know an option.
            environ: The function's variables; none for a stem cell.
        """
        return []

    def at_start(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return variables of this machine's own that its interpreter needs beside a function's."""
        return {}

    def stem(self, interpreter: Interpreter, environ: Mapping[str, str]) -> StemKind:
        """Return what can be taken for a function that was started ahead of use.

        Args:
            interpreter: The function's.
            environ: The function's variables, or those known so far.
        """
        if not self.has_stem_cells:
            return EMPTY
        return StemKind(options=tuple(self.options(interpreter, {})))

    def stem_command(self, folder: str) -> list[str]:
        """Return the interpreter's arguments that start a stem cell; none where a fork is one."""
        return []

    def shown(self, bootstrap: Path) -> list[tuple[Path, str]]:
        """Return what to show of this machine in /var/runtime: files or folders, and their names.

        Args:
            bootstrap: The folder of the language's own bootstrap.
        """
        return []

    def packages_folder(self, release: int) -> str:
        """Return where AWS's runtime has the packages that it brings; empty for none."""
        return ""

    def packages(self, *, official: bool, console: Console, state: Path) -> Packages | None:
        """Return what finds the packages that AWS's runtimes bring; None where they bring none.

        Args:
            official: With AWS's own client.
            console: Told what is installed for it.
            state: A folder of the driver's own.
        """
        return None

    def own_packages(self, prefix: Path) -> Path | None:
        """Return the folder of an installation's own packages, which no function sees."""
        return None

    # -- images: for drivers of containers ------------------------------------------------------

    #: None: its functions run under the client that their image brings.
    container: ClassVar[ContainerStart | None] = None
    #: AWS's images of it bring AWS's SDK, which other images lack.
    has_sdk: ClassVar[bool] = False

    def container_options(self, environ: Mapping[str, str]) -> list[str]:
        """Return the options AWS starts an interpreter with that a container may have.

        One that does not know them all is started without.
        """
        return []

    def sdk(self) -> list[tuple[Path, str]]:
        """Return what to show of this machine in /var/runtime where an image lacks AWS's SDK."""
        return []


def folders_on_path() -> Iterator[Path]:
    """Yield the folders that programs are looked up in, without version managers' shims.

    A pyenv shim costs 100 ms at every start.
    """
    seen = os.environ.get("PATH", "").split(os.pathsep)
    for entry in [*seen, "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"]:
        if entry and "shims" not in Path(entry).parts:
            yield Path(entry)


def newest_first(root: Path, pattern: str) -> list[Path]:
    """Return what matches ``pattern`` below ``root``, the newest version of each first."""
    return sorted(glob(root, pattern), key=_natural, reverse=True)


def glob(folder: Path, pattern: str) -> list[Path]:
    """Return what matches ``pattern`` below a folder; nothing where it can't be read."""
    try:
        return list(folder.glob(pattern))
    except OSError:  # a folder on the path that this user may not read
        return []


def _natural(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]
