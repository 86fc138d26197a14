"""Keeps the registry's functions in step with those that the user's folder declares.

:mod:`emulator.project.contents` reads the folder, :mod:`emulator.project.watching` says when.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.model.clock import Clock
from emulator.model.errors import ConfigurationError
from emulator.model.function import Code, FunctionVersion, LayerVersion
from emulator.project.contents import Contents, DeclaredFunction, notes_of, read
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.services.lambda_.functions import runtimes
from emulator.services.lambda_.rules import configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionChanges:
    """The names of the functions that a change of declarations added, updated and removed."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)


class Folder:
    """The functions of one template or folder, in the registry.

    Attributes:
        contents: What is declared, as it was applied last. Its functions are in the registry; the
            rest is made by :class:`emulator.project.declared.DeclaredResources`.
    """

    def __init__(
        self,
        path: Path,
        *,
        registry: Registry,
        clock: Clock,
        check_runtime: Callable[[str], str | None],
        account: str,
        region: str,
        endpoint: str = "http://localhost:4566",
        strict: bool = False,
    ) -> None:
        self.path = path.absolute()
        self.contents = Contents()
        self._registry = registry
        self._clock = clock
        self._check_runtime = check_runtime
        self._account = account
        self._region = region
        self._endpoint = endpoint
        self._strict = strict
        self._noted: set[str] = set()

    def load(self) -> list[str]:
        """Read and apply the declarations; returns notes on them for the user. Blocks.

        Raises:
            ConfigurationError: See :func:`read` and :meth:`check`.
        """
        contents = self.read()
        notes = self.check(contents)
        self.apply(contents)
        return notes

    def read(self) -> Contents:
        """Return what is declared now; see :func:`read`."""
        return read(self.path, account=self._account, region=self._region, endpoint=self._endpoint)

    def check(self, contents: Contents) -> list[str]:
        """Return notes on what is not served as declared; each is returned only once.

        Raises:
            ConfigurationError: AWS has no such runtime; or, with --strict, something is not
                served as declared.
        """
        for name, declared in contents.functions.items():
            runtime = declared.declaration.runtime
            if runtime and not runtimes.known(runtime):
                near = difflib.get_close_matches(runtime, runtimes.CURRENT, cutoff=0.5)
                hint = f"; it has {', '.join(near)}" if near else ""
                raise ConfigurationError(f"{name}: AWS has no runtime {runtime!r}{hint}")
        if self._strict:
            if contents.left_out:
                raise ConfigurationError("; ".join(contents.left_out))
            for name, declared in contents.functions.items():
                if declared.declaration.ignored:
                    ignored = ", ".join(declared.declaration.ignored)
                    raise ConfigurationError(
                        f"{name}: not acted on: {ignored}. Remove it, or start without --strict"
                    )
        notes: list[str | None] = [*notes_of(contents)]
        for runtime in sorted(
            {each.declaration.runtime for each in contents.functions.values()} - {""}
        ):
            try:
                note = self._check_runtime(runtime)
            except ConfigurationError as error:
                if self._strict:
                    raise
                note = str(error)
            notes.append(note)
        new = [note for note in notes if note is not None and note not in self._noted]
        self._noted.update(new)
        return list(dict.fromkeys(new))

    def apply(self, contents: Contents) -> FunctionChanges:
        """Add, update and remove functions so that the registry has those of ``contents``.

        Functions that came through the API are left alone, and so is what the API changed on a
        declared function, until its declaration changes.
        """
        before, self.contents = self.contents.functions, contents
        added, updated, removed = [], [], []
        for name, declared in contents.functions.items():
            old = before.get(name)
            if old is not None and old.declaration == declared.declaration:
                continue
            function = self._find(name)
            if function is None:
                function = self._function(declared)
                self._registry.add(function)
                added.append(name)
            else:
                self._update(function, declared)
                updated.append(name)
            if declared.declaration.reserved_concurrency is not None:
                self._registry.reserve(function, declared.declaration.reserved_concurrency)
        for name in before.keys() - contents.functions.keys():
            function = self._find(name)
            if function is not None:
                self._registry.remove(function)
                removed.append(name)
        return FunctionChanges(
            added=tuple(added), updated=tuple(updated), removed=tuple(sorted(removed))
        )

    def declare_anew(self) -> None:
        """Declare the functions of ``contents`` again, which are not in the registry any more."""
        contents, self.contents = self.contents, Contents()
        self.apply(contents)

    def reload(self, name: str, code: Code) -> bool:
        """Let the next call of ``name`` run what its folder has now.

        Returns False for a function that was deleted or given other code through the API: it no
        longer follows its folder.
        """
        function = self._find(name)
        if function is None or not function.latest.code.live:
            return False
        self._registry.reload(function, code)
        return True

    def _find(self, name: str) -> Function | None:
        return self._registry.find(self._account, self._region, name)

    def _function(self, declared: DeclaredFunction) -> Function:
        return Function(
            latest=self._version(declared, generation=0),
            ignored=declared.declaration.ignored,
            tags=dict(declared.declaration.tags),
        )

    def _update(self, function: Function, declared: DeclaredFunction) -> None:
        function.ignored = declared.declaration.ignored
        function.tags = dict(declared.declaration.tags)
        latest = self._version(declared, generation=function.latest.generation + 1)
        self._registry.update(function, latest, "declaration changed")

    def _version(self, declared: DeclaredFunction, *, generation: int) -> FunctionVersion:
        declaration = declared.declaration
        version = FunctionVersion(
            account=self._account,
            region=self._region,
            name=declaration.name,
            generation=generation,
            code=declared.code,
            runtime=declaration.runtime,
            handler=declaration.handler,
            memory_mb=declaration.memory_mb,
            timeout_s=declaration.timeout_s,
            ephemeral_storage_mb=declaration.ephemeral_storage_mb,
            architecture=declaration.architecture,
            image_config=declaration.image_config,
            environment=declaration.environment or None,
            layers=tuple(
                LayerVersion(arn=layer.arn, code=code)
                for layer, code in zip(declaration.layers, declared.layers, strict=True)
            ),
            settings={
                "Role": f"arn:aws:iam::{self._account}:role/localfaas",
                "Description": declaration.description,
            },
            revision_id=configuration.new_revision(),
            last_modified=configuration.timestamp(self._clock.now()),
        )
        if not declaration.logging:
            return version
        return replace(version, **configuration.logging_changes(version, declaration.logging))
