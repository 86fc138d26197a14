"""Functions of a folder without a template: one in each folder with a file of a conventional name.

They need no stack: the folder declares them anew at every start.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator.code.live import Missed, is_code, walk
from emulator.model.clock import Clock
from emulator.model.console import Console
from emulator.model.errors import AwsError, ConfigurationError
from emulator.model.function import Code, FunctionVersion
from emulator.project.notes import of_missed, of_runtimes
from emulator.project.watching import Structure, seen
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.services.lambda_.rules import configuration
from emulator.stack import conventional
from emulator.stack.declarations import FunctionDeclaration
from emulator.stack.finding import TEMPLATES

_KEPT = "The functions stay as they were."


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionChanges:
    """The names of the functions that a change of declarations added, updated and removed."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFunction:
    """A function: its declaration, and its code as it is on the disk."""

    declaration: FunctionDeclaration
    code: Code
    #: Paths in its folder that the function will not find.
    missed: Missed = field(default_factory=Missed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything that a folder declares."""

    functions: Mapping[str, DeclaredFunction] = field(default_factory=dict)
    #: Sentences on folders that look like functions and can't be served.
    left_out: tuple[str, ...] = ()


class Folder:
    """The functions of one folder, in the registry.

    Attributes:
        contents: The declarations that were applied last.
        as_read: See :class:`emulator.project.watching.Declared`.
    """

    def __init__(
        self,
        path: Path,
        *,
        registry: Registry,
        clock: Clock,
        console: Console,
        check_runtime: Callable[[str], str | None],
        account: str,
        region: str,
        strict: bool = False,
        variables: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.path = path.absolute()
        self.contents = Contents()
        self.as_read: Structure = ()
        self._registry, self._clock, self._console = registry, clock, console
        self._check_runtime = check_runtime
        self._account, self._region, self._strict = account, region, strict
        #: Environment variables by function; those of "" are every function's.
        self._variables = variables or {}
        self._noted: set[str] = set()
        self._following: asyncio.Task[None] | None = None

    def load(self) -> list[str]:
        """Read and apply the declarations; returns notes on them for the user. Blocks.

        Raises:
            ConfigurationError: The folder has no functions, or one of them can't be served.
        """
        contents = self.read()
        notes = self.check(contents)
        self.apply(contents)
        return notes

    def read(self) -> Contents:
        """Return the folder's present declarations. Blocks.

        Raises:
            ConfigurationError: There are no functions.
        """
        self.as_read = self.structure(0)
        try:
            declarations, left_out = conventional.read(self.path, TEMPLATES)
        except conventional.NoFunction as error:
            raise ConfigurationError(
                f"{error}. Without PATH, the emulator starts empty, for other tools to deploy to"
            ) from None
        functions = {}
        for declaration in declarations:
            code, missed = walk(declaration.folder)
            functions[declaration.name] = DeclaredFunction(
                declaration=declaration, code=code, missed=missed
            )
        return Contents(functions=functions, left_out=tuple(left_out))

    def check(self, contents: Contents) -> list[str]:
        """Return notes on functions that are not served as declared; each note only once.

        Raises:
            ConfigurationError: With --strict, if a function is not served as declared.
        """
        if self._strict and contents.left_out:
            raise ConfigurationError("; ".join(contents.left_out))
        notes = [f"left out: {each}" for each in contents.left_out]
        for name, declared in contents.functions.items():
            notes += of_missed(name, declared.missed)
        runtimes = {each.declaration.runtime for each in contents.functions.values()}
        notes += of_runtimes(runtimes, self._check_runtime, strict=self._strict)
        new = [note for note in notes if note not in self._noted]
        self._noted.update(new)
        return list(dict.fromkeys(new))

    def apply(self, contents: Contents) -> FunctionChanges:
        """Add, update and remove functions so that the registry has those of ``contents``.

        Functions created through the API are left alone. Changes that the API made to a declared
        function stay until its declaration changes.

        Raises:
            ConfigurationError: One can't have its variables; nothing was done.
        """
        before = self.contents.functions
        changed = []
        for name, declared in contents.functions.items():
            old = before.get(name)
            if old is None or old.declaration != declared.declaration:
                function = self._find(name)
                generation = 0 if function is None else function.latest.generation + 1
                changed.append((function, self._version(declared, generation=generation)))
        # Nothing is refused any more.
        self.contents = contents
        added, updated, removed = [], [], []
        for function, latest in changed:
            if function is None:
                self._registry.add(Function(latest=latest, declared=True))
                added.append(latest.name)
            else:
                function.declared = True
                self._registry.update(function, latest, "declaration changed")
                updated.append(latest.name)
        for name in before.keys() - contents.functions.keys():
            function = self._find(name)
            if function is not None:
                self._registry.remove(function)
                removed.append(name)
        return FunctionChanges(
            added=tuple(added), updated=tuple(updated), removed=tuple(sorted(removed))
        )

    def declare_anew(self) -> None:
        """Declare the functions of ``contents`` again, after the registry lost them."""
        contents, self.contents = self.contents, Contents()
        self.apply(contents)

    def built_from(self) -> tuple[Path, ...]:
        """See :class:`emulator.project.watching.Declared`."""
        return ()

    def structure(self, reloads: int) -> Structure:
        """See :class:`emulator.project.watching.Declared`.

        Every folder with a file of a conventional name is a function, and that file declares it:
        so each change of code counts.
        """
        return (*_listing(self.path), ("", reloads, 0))

    def changed(self) -> None:
        """See :class:`emulator.project.watching.Declared`."""
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        try:
            contents = await asyncio.to_thread(self.read)
            notes = self.check(contents)
            changes = self.apply(contents)
        except ConfigurationError as error:
            self._console.warn(f"{error}. {_KEPT}")
            return
        for note in notes:
            self._console.warn(note)
        for verb, names in (
            ("added", changes.added),
            ("updated", changes.updated),
            ("removed", changes.removed),
        ):
            for name in names:
                self._console.info(f"{verb} {name} ({self.path.name} changed)")

    def _find(self, name: str) -> Function | None:
        return self._registry.find(self._account, self._region, name)

    def _environment(self, name: str) -> Mapping[str, str] | None:
        given = {**self._variables.get("", {}), **self._variables.get(name, {})}
        try:
            return configuration.check_environment(given) if given else None
        except AwsError as error:
            raise ConfigurationError(f"{name}: {error}") from None

    def _version(self, declared: DeclaredFunction, *, generation: int) -> FunctionVersion:
        declaration = declared.declaration
        return FunctionVersion(
            account=self._account,
            region=self._region,
            name=declaration.name,
            generation=generation,
            code=declared.code,
            runtime=declaration.runtime,
            handler=declaration.handler,
            memory_mb=declaration.memory_mb,
            timeout_s=declaration.timeout_s,
            environment=self._environment(declaration.name),
            settings={"Role": f"arn:aws:iam::{self._account}:role/localfaas", "Description": ""},
            revision_id=configuration.new_revision(),
            last_modified=configuration.timestamp(self._clock.now()),
        )


def _listing(path: Path) -> list[tuple[str, int, int]]:
    """Return the folder and its subfolders, with the times of their last changes."""
    try:
        with os.scandir(path) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        folders = []
    return [seen(path), *(seen(each) for each in sorted(folders) if is_code(Path(each.name)))]
