"""A function's code: taken from a request, kept by content hash."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.control.context import Context
from emulator.driver import package
from emulator.model.errors import AwsError
from emulator.model.function import Code
from emulator.model.limits import ZIPPED_CODE


async def from_request(ctx: Context, request: Mapping[str, Any]) -> Code:
    """Return the code a request brings, unpacked and ready to run.

    Args:
        request: The members of FunctionCode.

    Raises:
        AwsError: The archive is too large, unreadable or unsafe, or comes from where this
            emulator can't fetch it.
    """
    if request.get("ImageUri"):
        uri: str = request["ImageUri"]
        digest = hashlib.sha256(uri.encode()).hexdigest()
        return Code(sha256=digest, size=0, image=uri)
    archive = request.get("ZipFile")
    if archive is None:
        if request.get("S3Bucket"):
            raise AwsError(
                "InvalidParameterValueException",
                "Error occurred while GetObject. localfaas serves no S3: pass the archive as "
                "ZipFile.",
                Type="User",
            )
        raise AwsError(
            "InvalidParameterValueException",
            "Please provide a source for function code.",
            Type="User",
        )
    return await unpack(ctx.services.code_folder, archive)


async def unpack(code_folder: Path, archive: bytes) -> Code:
    """Return ``archive`` unpacked under its content hash; does nothing if it is there already."""
    if len(archive) > ZIPPED_CODE:
        raise AwsError(
            "RequestEntityTooLargeException",
            f"Zipped size must be smaller than {ZIPPED_CODE} bytes",
            status=413,
            Type="User",
        )
    return await asyncio.to_thread(_unpack, code_folder, archive)


def _unpack(code_folder: Path, archive: bytes) -> Code:
    digest = hashlib.sha256(archive).hexdigest()
    folder = code_folder / digest[:2] / digest
    unpacked = package.unpack(archive, folder)
    return Code(
        sha256=package.code_sha256(archive),
        size=len(archive),
        folder=folder,
        unpacked_size=unpacked.size,
    )
