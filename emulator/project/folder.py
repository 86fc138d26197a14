"""Functions declared in the user's own folder: loaded, and kept in step with what lies there.

``read`` (which blocks) makes plain values of what is on disk; ``Folder`` applies them to the
registry, on the loop. :mod:`emulator.project.watching` says when.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from emulator.model.clock import Clock
from emulator.model.errors import AwsError, ConfigurationError
from emulator.model.function import Code, FunctionVersion, LayerVersion
from emulator.project.live_code import Missed, live_code, walk
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.services.lambda_.functions import configuration, runtimes
from emulator.stack import template
from emulator.stack.declarations import (
    FunctionDeclaration,
    MappingDeclaration,
    QueueDeclaration,
)

#: Names given in one note.
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A function as it was found on disk."""

    declaration: FunctionDeclaration
    code: Code
    #: Of the layers, as they are declared.
    layers: tuple[Code, ...] = ()
    #: What it will not find in its folder.
    missed: Missed = field(default_factory=Missed)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where a change is a change of the function: its code, and its layers."""
        declaration = self.declaration
        own = () if declaration.folder is None else (declaration.folder,)
        return (*own, *(layer.folder for layer in declaration.layers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything declared, as it was found on disk."""

    functions: Mapping[str, Declared] = field(default_factory=dict)
    queues: tuple[QueueDeclaration, ...] = ()
    mappings: tuple[MappingDeclaration, ...] = ()
    #: What could be a function and is left out: why, each in words.
    left_out: tuple[str, ...] = ()
    #: The template's resources of kinds that are not served, with their kinds.
    not_made: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What applying declarations did: names of functions."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)


def read(path: Path, *, account: str, region: str, endpoint: str) -> Found:
    """Return what is declared at ``path`` (a template, or a folder). Blocks.

    Raises:
        ConfigurationError: There are no functions, or one of them can't be had as declared.
    """
    declarations = template.read(path, account=account, region=region, endpoint=endpoint)
    functions: dict[str, Declared] = {}
    for declaration in declarations.functions:
        try:
            configuration.check_environment(declaration.environment)
        except AwsError as error:
            raise ConfigurationError(f"{declaration.name}: {error.message}") from error
        missed = Missed()
        if declaration.folder is None:
            # Live, as it comes from the declaration at each start.
            digest = hashlib.sha256(declaration.image.encode()).hexdigest()
            code = Code(sha256=digest, size=0, image=declaration.image, live=True)
        else:
            code, missed = walk(declaration.folder)
        layers = tuple(live_code(layer.folder) for layer in declaration.layers)
        functions[declaration.name] = Declared(
            declaration=declaration, code=code, layers=layers, missed=missed
        )
    return Found(
        functions=functions,
        queues=declarations.queues,
        mappings=declarations.mappings,
        left_out=declarations.left_out,
        not_made=declarations.not_made,
    )


def _missed(name: str, declared: Declared) -> Iterator[str]:
    """Yield a note of each kind of thing that a function will not find."""
    missed = declared.missed
    if missed.links_out:
        yield (
            f"{name}: a function sees its own folder alone, and not where these links lead: "
            + _listed(missed.links_out)
        )
    if missed.unreadable:
        yield f"{name}: a function can't read these (see their modes): {_listed(missed.unreadable)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


class Folder:
    """The functions of one template or folder, in the registry.

    Attributes:
        found: What is declared, as it was applied last. Its functions are in the registry; the
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
        self.found = Found()
        self._registry = registry
        self._clock = clock
        self._check_runtime = check_runtime
        self._account = account
        self._region = region
        self._endpoint = endpoint
        self._strict = strict
        self._noted: set[str] = set()

    def load(self) -> list[str]:
        """Read and apply the declarations; returns what has to be noted about them. Blocks.

        Raises:
            ConfigurationError: See :func:`read` and :meth:`check`.
        """
        found = self.read()
        notes = self.check(found)
        self.apply(found)
        return notes

    def read(self) -> Found:
        """Return what is declared now; see :func:`read`."""
        return read(self.path, account=self._account, region=self._region, endpoint=self._endpoint)

    def check(self, found: Found) -> list[str]:
        """Return notes on what is not served as declared, each once.

        Raises:
            ConfigurationError: There are such, or a folder is left out, and the settings are
                strict; or a runtime is none of AWS's.
        """
        for name, declared in found.functions.items():
            runtime = declared.declaration.runtime
            if runtime and not runtimes.known(runtime):
                raise ConfigurationError(f"{name}: AWS has no runtime {runtime!r}")
        if self._strict:
            if found.left_out:
                raise ConfigurationError("; ".join(found.left_out))
            for name, declared in found.functions.items():
                if declared.declaration.ignored:
                    ignored = ", ".join(declared.declaration.ignored)
                    raise ConfigurationError(f"{name}: not acted on (--strict): {ignored}")
        notes: list[str | None] = [f"left out: {each}" for each in found.left_out]
        if found.not_made:
            notes.append(f"not made from the template: {', '.join(found.not_made)}")
        notes += [
            note for name, declared in found.functions.items() for note in _missed(name, declared)
        ]
        for runtime in sorted(
            {each.declaration.runtime for each in found.functions.values()} - {""}
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

    def apply(self, found: Found) -> Changes:
        """Add, update and remove functions so that the registry has those of ``found``.

        Functions that came through the API are left alone, and so is what the API changed on a
        declared function, until its declaration changes.
        """
        before, self.found = self.found.functions, found
        added, updated, removed = [], [], []
        for name, declared in found.functions.items():
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
        for name in before.keys() - found.functions.keys():
            function = self._find(name)
            if function is not None:
                self._registry.remove(function)
                removed.append(name)
        return Changes(added=tuple(added), updated=tuple(updated), removed=tuple(sorted(removed)))

    def reload(self, name: str, code: Code) -> bool:
        """Let the next call of ``name`` run what its folder has now.

        Returns whether it did: a function that has been given other code through the API, or
        was deleted, no longer follows its folder.
        """
        function = self._find(name)
        if function is None or not function.latest.code.live:
            return False
        self._registry.reload(function, code)
        return True

    def _find(self, name: str) -> Function | None:
        return self._registry.find(self._account, self._region, name)

    def _function(self, declared: Declared) -> Function:
        return Function(
            latest=self._version(declared, generation=0),
            ignored=declared.declaration.ignored,
            tags=dict(declared.declaration.tags),
        )

    def _update(self, function: Function, declared: Declared) -> None:
        function.ignored = declared.declaration.ignored
        function.tags = dict(declared.declaration.tags)
        latest = self._version(declared, generation=function.latest.generation + 1)
        self._registry.update(function, latest, "declaration changed")

    def _version(self, declared: Declared, *, generation: int) -> FunctionVersion:
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
