"""Code that lies on this machine and is followed as it changes: the bucket ``hot-reload``.

``S3Bucket: hot-reload`` with a key that is an absolute path stands for the folder there, or for the
zip or jar file. ``localfaas up`` packages templates so, and it works through any client:

    aws lambda create-function … --code S3Bucket=hot-reload,S3Key=/home/me/my-function
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from emulator.code.live import live_code
from emulator.model.function import Code
from emulator.services.context import Parts
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.keeping import keep, not_readable

BUCKET = "hot-reload"


async def take(parts: Parts, key: str | Path) -> Code:
    """Return the code at a path.

    Args:
        parts: The parts of the emulator.
        key: The absolute path of a folder, or of a zip or jar file.

    Raises:
        AwsError: It is none, or the file is no archive of code.
        DriverFault, StorageError: The archive could not be kept.
    """
    found = await asyncio.to_thread(_look, Path("/") / key, parts.code_roots)
    if isinstance(found, Code):
        return found
    path, archive = found
    kept, content = await keep(parts.blobs, parts.code_folder, archive)
    if content.unreadable:
        parts.console.warn(not_readable(str(path), content))
    return replace(kept, archive=path)


def _look(path: Path, roots: Iterable[Path]) -> Code | tuple[Path, bytes]:
    """Return the code in a folder, or an archive with its path. Blocks.

    Raises:
        AwsError: There is neither.
    """
    # Resolved, because a link would lead nowhere inside a sandbox.
    path = path.resolve()
    if not any(path.is_relative_to(root) for root in roots):
        raise invalid(
            f"{path} is outside of the folders whose code may be served: start localfaas with"
            f" --allow-code {path}"
        )
    if path.is_dir():
        return live_code(path)
    try:
        return path, path.read_bytes()
    except FileNotFoundError:
        raise invalid(f"{path} does not exist") from None
    except OSError as error:
        raise invalid(f"{path} can't be read: {error.strerror}") from error


async def refresh(parts: Parts) -> None:
    """Have functions run what is in their folders now, before anything is served."""
    functions = parts.registry.all()
    sources = {
        code.folder
        for function in functions
        for version in (function.latest, *function.versions.values())
        for code in (version.code, *(layer.code for layer in version.layers))
        if code.live and code.folder is not None
    }
    if sources:
        codes = {path: await asyncio.to_thread(live_code, path) for path in sources}
        for function in functions:
            parts.registry.reload(function, codes)
