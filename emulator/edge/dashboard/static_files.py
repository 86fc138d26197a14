"""Scripts and styles, as they lie in the package."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from emulator.edge.dashboard.http import PageError, PageRequest, PageResponse

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def _file(name: str) -> Traversable | None:
    """Return a file by its path below ``static``; None for what is none of ours."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.suffix not in _TYPES:
        return None
    found = files(__package__).joinpath("static", *path.parts)
    return found if found.is_file() else None


@cache
def read(name: str) -> bytes:
    """Return a file's content.

    Args:
        name: Its path below ``static``.

    Raises:
        PageError: There is none.
    """
    found = _file(name)
    if found is None:
        raise PageError(404, f"There is no file {name}.")
    return found.read_bytes()


@cache
def stamp(name: str) -> str:
    """Return what changes with a file's content."""
    return hashlib.sha256(read(name)).hexdigest()[:12]


async def static(request: PageRequest) -> PageResponse:
    """Answer with a file. Browsers ask again each time, and have it again only if it changed."""
    name = request.path_values["name"]
    body = read(name)
    tag = f'"{stamp(name)}"'.encode()
    headers = ((b"etag", tag), (b"cache-control", b"no-cache"))
    if request.if_none_match == tag.decode():
        return PageResponse(b"", 304, _TYPES[PurePosixPath(name).suffix], headers)
    return PageResponse(body, 200, _TYPES[PurePosixPath(name).suffix], headers)
