"""Finds the templates that paths mean, and the stack that each one is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from emulator.model.errors import ConfigurationError
from emulator.project.given import read_configuration
from emulator.project.template import STACK, Source
from emulator.stack.finding import find_assembly, find_template

#: Characters of a stack's name.
_LONGEST = 128


def find_sources(paths: Iterable[Path], stack_name: str) -> list[Source]:
    """Return the templates of ``paths``.

    Args:
        paths: As the user gave them; folders without a template among them are left out.
        stack_name: The stack's name, where there is one template; "" leaves it to samconfig.toml.

    Raises:
        ConfigurationError: One is not there, or a stack's name is given for several.
    """
    found: list[Source] = []
    for path in paths:
        template = find_template(path)
        assembly = find_assembly(path) if template is None else None
        if template is not None:
            found.append(_of_template(template.absolute()))
        elif assembly is not None:
            from emulator.project.assembly import sources_of

            found += sources_of(assembly.absolute())
    if stack_name and len(found) > 1:
        raise ConfigurationError(f"--stack-name names one stack, and {len(found)} are to be made")
    if stack_name:
        return [_named(found[0], stack_name)]
    if len(found) == 1:
        return found
    taken: set[str] = set()
    named = []
    for source in found:
        name = source.stack_name if source.stack_name != STACK else _name_of(source.path)
        while name in taken:
            name += "-2"
        taken.add(name)
        named.append(_named(source, name))
    return named


def _of_template(path: Path) -> Source:
    configuration = read_configuration(path.parent)
    return Source(
        path=path,
        folder=path.parent,
        stack_name=configuration.stack_name or STACK,
        defaults=configuration.parameters,
        inputs=() if configuration.path is None else (configuration.path,),
    )


def _named(source: Source, name: str) -> Source:
    return replace(source, stack_name=name)


def _name_of(path: Path) -> str:
    """Return a name for the stack of one of several templates."""
    own = path.parent.name if path.stem == "template" else path.stem
    name = re.sub(r"[^a-zA-Z0-9]+", "-", own).strip("-")
    return (name if name[:1].isalpha() else f"stack-{name}")[:_LONGEST]
