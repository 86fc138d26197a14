"""Archives of code, kept by their content."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from emulator.code import package
from emulator.model.function import Code
from emulator.store.blobs import Blobs


async def keep(blobs: Blobs, unpacked: Path, archive: bytes) -> Code:
    """Keep ``archive`` and its content by its hash.

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
    return Code(
        sha256=package.code_sha256(archive),
        size=len(archive),
        folder=folder,
        unpacked_size=content.size,
    )
