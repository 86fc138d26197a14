"""Scripts and styles, as they lie in the package."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from emulator.edge.dashboard.bundle import bundle
from emulator.edge.dashboard.http import PageError, PageRequest, PageResponse

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: How the names of files end that are a module and all that it imports.
_BUNDLE = ".bundle.js"


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
        name: Its path below ``static``. ``x.bundle.js`` is the module ``x.js`` and all that it
            imports, as one classic script.

    Raises:
        PageError: There is none.
    """
    if name.endswith(_BUNDLE):
        return bundle(name.removesuffix(_BUNDLE) + ".js", read).encode()
    found = _file(name)
    if found is None:
        raise PageError(404, f"There is no file {name}.")
    return found.read_bytes()


@cache
def stamp(name: str) -> str:
    """Return what changes with a file's content."""
    return hashlib.sha256(read(name)).hexdigest()[:12]


async def static(request: PageRequest) -> PageResponse:
    """Answer with a file.

    Browsers keep what they asked for by its stamp; of all else they ask again each time, and have
    it again only if it changed.
    """
    name = request.path_values["name"]
    body = read(name)
    tag = f'"{stamp(name)}"'.encode()
    kept = b"private, max-age=31536000, immutable" if stamp(name) in request.query else b"no-cache"
    headers = ((b"etag", tag), (b"cache-control", kept))
    if request.if_none_match == tag.decode():
        return PageResponse(b"", 304, _TYPES[PurePosixPath(name).suffix], headers)
    return PageResponse(body, 200, _TYPES[PurePosixPath(name).suffix], headers)
