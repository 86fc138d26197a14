"""A function's code: taken from a request, kept by content hash."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from emulator.code import keeping, package
from emulator.model.errors import AwsError, DriverFault
from emulator.model.function import Code
from emulator.model.limits import UNZIPPED_CODE
from emulator.services.context import Context, Parts
from emulator.services.lambda_ import live_code
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.keeping import keep, not_readable
from emulator.services.lambda_.rules import ignored
from emulator.store.folders import in_background


def check_source(request: Mapping[str, Any]) -> None:
    """Refuse code that is given in two ways.

    Args:
        request: The members of FunctionCode.

    Raises:
        AwsError: An archive is given beside another source.
    """
    others = ("S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri")
    if request.get("ZipFile") is not None and any(request.get(other) for other in others):
        raise invalid(
            "Please do not provide other FunctionCode parameters when providing a ZipFile."
        )


async def from_request(ctx: Context, name: str, request: Mapping[str, Any]) -> Code:
    """Return the code a request brings, unpacked and ready to run.

    Args:
        ctx: The request's context.
        name: What the code is for, as the user is told of it.
        request: The members of FunctionCode.

    Raises:
        AwsError: The archive is too large, unreadable or unsafe (with --strict also: it holds what
            functions can't read), or comes from a place that
            this emulator cannot fetch from.
        DriverFault, StorageError: It could not be kept.
    """
    if request.get("ImageUri"):
        uri: str = request["ImageUri"]
        digest = hashlib.sha256(uri.encode()).hexdigest()
        return Code(sha256=digest, size=0, image=uri)
    archive = request.get("ZipFile")
    if archive is None:
        if not request.get("S3Bucket"):
            raise invalid("Please provide a source for function code.")
        if request["S3Bucket"] == live_code.BUCKET:
            return await live_code.take(ctx.parts, request.get("S3Key") or "")
        archive = await _from_bucket(ctx, request)
    kept, content = await keep(ctx.parts.blobs, ctx.parts.code_folder, archive)
    if content.unreadable:
        # On AWS, nothing says so before the first call fails.
        ignored.refuse(ctx, not_readable(name, content))
    return kept


async def _from_bucket(ctx: Context, request: Mapping[str, Any]) -> bytes | Path:
    """Return an archive that lies in a bucket, or the file that holds it.

    Raises:
        AwsError: It is not there, or larger than code may be.
    """
    named = {"Bucket": request["S3Bucket"], "Key": request.get("S3Key") or ""}
    if request.get("S3ObjectVersion"):
        named["VersionId"] = request["S3ObjectVersion"]
    if not named["Key"]:
        raise invalid("Please provide the S3Key of the function code.")
    try:
        answer = await ctx.parts.table.call(
            "s3", "GetObject", named, account=ctx.account, region=ctx.region
        )
    except AwsError as error:
        raise invalid(
            f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message:"
            f" {error.message}"
        ) from error
    body = answer["Body"]
    if isinstance(body, bytes):
        return body
    archive = bytearray()
    async with aclosing(body):
        path = getattr(body, "path", None)
        if isinstance(path, Path) and answer.get("ContentLength", 0) <= UNZIPPED_CODE:
            return path
        async for piece in body:
            archive += piece
            if len(archive) > UNZIPPED_CODE:
                raise invalid(f"Unzipped size must be smaller than {UNZIPPED_CODE} bytes")
    return bytes(archive)


def resolved(kept: Code, digest: str) -> Code:
    """Return an image's code once its content is known.

    Args:
        kept: The code as the request gave it.
        digest: "repository@sha256:…"; CodeSha256 is then the image's, as on AWS.
    """
    _, found, sha256 = digest.partition("@sha256:")
    return replace(kept, resolved_image=digest, sha256=sha256 if found else kept.sha256)


async def restore(parts: Parts, codes: Iterable[Code]) -> None:
    """Unpack the archives that the folder of unpacked ones lacks, and remove those not needed.

    Call it before anything is served, while nothing else is being unpacked.

    Args:
        parts: The parts of the emulator.
        codes: The code of all functions and layers.
    """
    kept = {code.folder: code for code in codes if code.folder is not None and not code.live}
    folder, boot = parts.code_folder, keeping.current_boot()
    sizes = {path.name: code.unpacked_size for path, code in kept.items()}
    if await asyncio.to_thread(keeping.sort_out, folder, sizes, boot):
        in_background(partial(keeping.remove_left, folder))
    await parts.blobs.collect(_blob(code) for code in kept.values())
    for target, code in kept.items():
        if target.is_dir():
            continue
        path = parts.blobs.path(_blob(code))
        try:
            await asyncio.to_thread(package.unpack, path, target)
        except (AwsError, DriverFault) as error:
            parts.console.warn(f"the code {path} can't be unpacked any more: {error}")
    await asyncio.to_thread(keeping.mark_whole, folder, boot)


def _blob(code: Code) -> str:
    return base64.b64decode(code.sha256).hex()
