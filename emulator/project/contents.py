"""What a user's project declares, as plain values read from the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulator.model.errors import AwsError, ConfigurationError
from emulator.model.function import Code
from emulator.project.live_code import Missed, live_code, walk
from emulator.services.lambda_.rules import configuration
from emulator.stack import template
from emulator.stack.declarations import (
    FunctionDeclaration,
    MappingDeclaration,
    QueueDeclaration,
)

#: Names given in one note.
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFunction:
    """A function: its declaration, and its code as it is on the disk."""

    declaration: FunctionDeclaration
    code: Code
    #: The code of its layers, in the order of the declaration.
    layers: tuple[Code, ...] = ()
    #: What it will not find in its folder.
    missed: Missed = field(default_factory=Missed)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders of its code and of its layers: a change there is one of its own."""
        declaration = self.declaration
        own = () if declaration.folder is None else (declaration.folder,)
        return (*own, *(layer.folder for layer in declaration.layers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything that a project declares."""

    functions: Mapping[str, DeclaredFunction] = field(default_factory=dict)
    queues: tuple[QueueDeclaration, ...] = ()
    mappings: tuple[MappingDeclaration, ...] = ()
    #: Sentences on folders that look like functions and can't be served.
    left_out: tuple[str, ...] = ()
    #: The template's resources of kinds that are not served: their names with their kinds.
    not_made: tuple[str, ...] = ()


def read(path: Path, *, account: str, region: str, endpoint: str) -> Contents:
    """Return what the template or folder at ``path`` declares. Blocks.

    Args:
        path: The template, or the folder of functions or with a template.
        account: Of the functions; a template can refer to it.
        region: Likewise.
        endpoint: The emulator's URL, for the URLs of queues that a template refers to.

    Raises:
        ConfigurationError: There are no functions, or one of them can't be served as declared.
    """
    declarations = template.read(path, account=account, region=region, endpoint=endpoint)
    functions: dict[str, DeclaredFunction] = {}
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
        functions[declaration.name] = DeclaredFunction(
            declaration=declaration, code=code, layers=layers, missed=missed
        )
    return Contents(
        functions=functions,
        queues=declarations.queues,
        mappings=declarations.mappings,
        left_out=declarations.left_out,
        not_made=declarations.not_made,
    )


def notes_of(contents: Contents) -> Iterator[str]:
    """Yield a note for each thing in a project that is not served as it looks."""
    for each in contents.left_out:
        yield f"left out: {each}"
    if contents.not_made:
        yield f"not made from the template: {', '.join(contents.not_made)}"
    for name, function in contents.functions.items():
        yield from _missed(name, function.missed)


def _missed(name: str, missed: Missed) -> Iterator[str]:
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
