"""Archives of code, kept by their content."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path

from emulator.code import package
from emulator.model.function import Code
from emulator.store.blobs import Blobs


async def keep(
    blobs: Blobs, unpacked: Path, archive: bytes | Path
) -> tuple[Code, package.Unpacked]:
    """Keep ``archive`` and its content by its hash; return both.

    Args:
        blobs: Where archives are kept.
        unpacked: The folder of unpacked archives.
        archive: The archive, or a file with it that never changes: it is linked, not copied.

    Raises:
        AwsError, DriverFault: As :func:`emulator.code.package.unpack`.
        StorageError: The archive could not be kept.
    """
    digest, size = await asyncio.to_thread(_measure, archive)
    folder = unpacked / digest.hex()
    content = await asyncio.to_thread(package.unpack, archive, folder)
    if isinstance(archive, Path):
        await blobs.link(archive, digest.hex())
    else:
        await blobs.put(archive)
    code = Code(
        sha256=base64.b64encode(digest).decode(),
        size=size,
        folder=folder,
        unpacked_size=content.size,
    )
    return code, content


def _measure(archive: bytes | Path) -> tuple[bytes, int]:
    """Return an archive's SHA-256 and its bytes."""
    if isinstance(archive, bytes):
        return hashlib.sha256(archive).digest(), len(archive)
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        return digest, file.tell()


def not_readable(name: str, content: package.Unpacked) -> str:
    """Return what to say of an archive's files that functions can't read.

    Args:
        name: What the code is for.
        content: The archive's.
    """
    return (
        f"{name}: functions can't read {', '.join(content.unreadable)} of this archive, as on AWS: "
        "in it, files need mode 0644 and folders 0755."
    )
