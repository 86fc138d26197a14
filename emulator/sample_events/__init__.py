"""Sample events: one file for each kind of source, in the shape that the source sends."""

from __future__ import annotations

from importlib.resources import files

_ENDING = ".json"


def kinds() -> list[str]:
    """Return the kinds there are, in alphabetical order."""
    names = (each.name for each in files(__name__).iterdir())
    return sorted(name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING))


def read(kind: str) -> str:
    """Return a sample event as JSON text.

    Raises:
        LookupError: There is no such kind.
    """
    if kind not in kinds():
        raise LookupError(kind)
    return files(__name__).joinpath(kind + _ENDING).read_text().strip()
