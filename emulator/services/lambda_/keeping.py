"""Archives of code, kept by their content."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from emulator.code import package
from emulator.model.function import Code
from emulator.store.blobs import Blobs


async def keep(blobs: Blobs, unpacked: Path, archive: bytes) -> tuple[Code, package.Unpacked]:
    """Keep ``archive`` and its content by its hash; return both.

    Args:
        blobs: Where archives are kept.
        unpacked: The folder of unpacked archives.
        archive: The archive.

    Raises:
        AwsError, DriverFault: As :func:`emulator.code.package.unpack`.
        StorageError: The archive could not be kept.
    """
    digest = hashlib.sha256(archive).hexdigest()
    folder = unpacked / digest
    content = await asyncio.to_thread(package.unpack, archive, folder)
    await blobs.put(archive)
    code = Code(
        sha256=package.code_sha256(archive),
        size=len(archive),
        folder=folder,
        unpacked_size=content.size,
    )
    return code, content


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
