"""All languages, and which of them a runtime identifier belongs to."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path

from emulator.driver.languages.base import Language
from emulator.model.errors import ConfigurationError

#: The modules of this package that are languages.
LANGUAGES = ("python", "nodejs", "ruby", "java", "dotnet", "provided")
#: "python3.12", "nodejs22.x", "java8.al2", "dotnet8", "provided.al2023", "provided".
_RUNTIME = re.compile(r"(?P<language>[a-z]+?)(?P<version>\d[\d.]*)?(?:\.(?P<suffix>x|al\d+))?")


@cache
def language(name: str) -> Language | None:
    """Return the language of this name; None where there is none such."""
    if name not in LANGUAGES:
        return None
    found = import_module(f"emulator.driver.languages.{name}").LANGUAGE
    assert isinstance(found, Language)
    return found


def languages() -> list[Language]:
    """Return all languages, in the table's order."""
    return [found for name in LANGUAGES if (found := language(name)) is not None]


def language_of(runtime: str) -> Language | None:
    """Return the language of a runtime identifier; None where it is of none."""
    match = _RUNTIME.fullmatch(runtime)
    return None if match is None else language(match["language"])


def sdk_of(name: str) -> list[tuple[Path, str]]:
    """Return where the parts of a language's AWS SDK lie, with their names in a folder."""
    found = language(name)
    return [] if found is None else found.sdk()


def split_runtime(runtime: str) -> tuple[str, str]:
    """Return language and version of AWS's runtime identifier: ("python", "3.12").

    Raises:
        ConfigurationError: It is not one.
    """
    match = _RUNTIME.fullmatch(runtime)
    if match is None:
        raise ConfigurationError(
            f"{runtime!r} is no runtime AWS has; map it to an image in the settings"
        )
    version = match["version"] or ""
    if match["suffix"] and match["suffix"] != "x":
        version = f"{version}.{match['suffix']}" if version else match["suffix"]
    return match["language"], version
