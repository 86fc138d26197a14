"""Which interpreters this machine has, and which of them serves a runtime identifier.

Version managers' shims are never taken: a pyenv shim costs 100 ms at every start. What they
manage is found where they keep it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from emulator.driver.languages.base import Interpreter, Language
from emulator.driver.languages.table import language_of, languages
from emulator.model.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Choice:
    """The language and interpreter that serve a runtime identifier."""

    language: Language
    #: None for a runtime that brings its own.
    interpreter: Interpreter | None
    #: For the user, where another release than the wanted one serves.
    note: str | None = None


def choose(runtime: str, *, strict: bool = False) -> Choice:
    """Return what serves ``runtime``.

    Raises:
        ConfigurationError: Nothing does; or, if ``strict``, nothing does exactly.
    """
    language = language_of(runtime)
    if language is not None and language.brings_program:
        return Choice(language, None)
    pattern = None if language is None else language.identifier
    match = None if pattern is None else pattern.match(runtime)
    if language is None or match is None:
        raise ConfigurationError(
            f"The process driver cannot run {runtime or 'container image'} functions: it serves"
            f" {_served()} runtimes. Use --driver docker."
        )
    return choose_among(runtime, language, int(match[1]), find(language), strict=strict)


def _served() -> str:
    names = [each.name for each in languages() if each.identifier or each.brings_program]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def choose_among(
    runtime: str, language: Language, wanted: int, found: Iterable[Interpreter], *, strict: bool
) -> Choice:
    """Return the exact interpreter, else the nearest (the newer of two as near), with a note."""

    def distance(one: Interpreter) -> tuple[bool, int, int]:
        too_old = language.newer_runs_older and one.release < wanted
        return too_old, abs(one.release - wanted), -one.release

    ranked = sorted(found, key=distance)
    name = language.title_of(wanted)
    if not ranked:
        raise ConfigurationError(
            f"{runtime} needs {name}, and no {language.title} was found on this machine. Install"
            " it, or use --driver docker."
        )
    nearest = ranked[0]
    if nearest.release == wanted:
        return Choice(language, nearest)
    if strict:
        raise ConfigurationError(
            f"{runtime} needs {name}, which was not found on this machine (nearest:"
            f" {nearest.executable}). Install it, use --driver docker, or drop --strict."
        )
    note = f"{runtime} functions run on {nearest.runtime} ({nearest.executable}): no {name} here."
    return Choice(language, nearest, note)


@cache
def find(language: Language) -> tuple[Interpreter, ...]:
    """Return the language's interpreters on this machine, the first found of each release."""
    found: dict[int, Interpreter] = {}
    for path in language.candidates():
        executable = Path(os.path.realpath(path))
        if "shims" in executable.parts or not os.access(executable, os.X_OK):
            continue
        for release in language.releases_of(executable):
            found.setdefault(release, Interpreter(language, release, executable))
    return tuple(found.values())
