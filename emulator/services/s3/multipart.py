"""Operations of multipart uploads.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.s3 import (
    checksums,
    conditions,
    encryption,
    errors,
    locks,
    rows,
    tags,
    upload_rows,
)
from emulator.services.s3.checksums import MEMBERS, Digest
from emulator.services.s3.listing import limit, owner_of
from emulator.services.s3.notifications.notices import cause_of
from emulator.services.s3.objects import (
    details_of,
    encryption_of,
    find,
    shown_checksums,
    shown_version,
    source_of,
    trailers_of,
    trailing_of,
    written_version,
)
from emulator.services.s3.rows import NULL, StoredObject
from emulator.services.s3.state import of
from emulator.services.s3.upload_rows import Part, Upload

#: Bytes of every part but the last at least.
_SMALLEST_PART = 5 << 20
_MOST_PARTS = 10_000


async def create_multipart_upload(ctx: Context, request: Request) -> Response:
    """Handle CreateMultipartUpload."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    details = details_of(request, ctx.clock.now())
    locks.refuse_without(bucket, details)
    details["tags"] = tags.of_header(request.get("Tagging"))
    algorithm = request.get("ChecksumAlgorithm")
    if algorithm:
        details["algorithm"] = algorithm
        whole = algorithm == "CRC64NVME"
        details["checksum_type"] = request.get("ChecksumType") or (
            "FULL_OBJECT" if whole else "COMPOSITE"
        )
    encryption.apply_default(state.encryption.get(bucket.name), details)
    await encryption.ask_for_key(ctx, bucket.region, details)
    key = str(request["Key"])
    there = await state.database.read(lambda c: rows.find(c, bucket.name, key))
    details["was_there"] = there is not None and not there.is_delete_marker
    locks.apply_default(await locks.default_of(state.database, bucket), details, ctx.clock.now())
    upload = Upload(
        upload_id=secrets.token_urlsafe(48),
        bucket=bucket.name,
        key=key,
        started_at=ctx.clock.now(),
        details=details,
    )
    await state.database.write(lambda c: upload_rows.put_upload(c, upload))
    return {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "ChecksumAlgorithm": algorithm,
        "ChecksumType": details.get("checksum_type"),
        **encryption_of(details),
    }


async def _find(ctx: Context, request: Mapping[str, Any]) -> Upload:
    """Return the upload of a request.

    Raises:
        AwsError: NoSuchBucket or NoSuchUpload.
    """
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    upload_id = str(request["UploadId"])
    found = await state.database.read(lambda c: upload_rows.find_upload(c, upload_id))
    if found is None or (found.bucket, found.key) != (bucket.name, request["Key"]):
        raise errors.no_such_upload(upload_id)
    return found


def _number(request: Mapping[str, Any]) -> int:
    number = int(request["PartNumber"])
    if not 1 <= number <= _MOST_PARTS:
        raise errors.invalid(
            f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=str(number),
        )
    return number


async def upload_part(ctx: Context, request: Request) -> Response:
    """Handle UploadPart."""
    state = of(ctx)
    number = _number(request)
    upload = await _find(ctx, request)
    body = request.get("Body", b"")
    wanted = checksums.wanted(request) | trailing_of(ctx)
    if not wanted and "algorithm" in upload.details:
        wanted = {str(upload.details["algorithm"])}
    hidden = set() if "algorithm" in upload.details else {checksums.USUAL} - wanted
    digest = Digest(wanted | hidden)
    content = await state.files.receive(body, digest, inline=-1)
    try:
        checksums.refuse_wrong(digest, {**request, **trailers_of(body)})
        part = Part(
            number=number,
            size=content.size,
            etag=digest.etag,
            modified_at=ctx.clock.now(),
            file=content.file,
            checksums=digest.sums(),
        )
        freed = await state.database.write(lambda c: _put(c, upload, part))
    except BaseException:
        await state.files.remove([content.file])
        raise
    await state.files.remove(freed)
    return {
        "ETag": f'"{part.etag}"',
        **{MEMBERS[name]: value for name, value in part.checksums.items() if name not in hidden},
        **encryption_of(upload.details),
    }


def _put(connection: sqlite3.Connection, upload: Upload, part: Part) -> list[str]:
    if upload_rows.find_upload(connection, upload.upload_id) is None:
        raise errors.no_such_upload(upload.upload_id)
    return upload_rows.put_part(connection, upload.upload_id, part)


async def upload_part_copy(ctx: Context, request: Request) -> Response:
    """Handle UploadPartCopy."""
    state = of(ctx)
    number = _number(request)
    upload = await _find(ctx, request)
    bucket, key, version = source_of(request)
    source_bucket, source = await find(ctx, {"Bucket": bucket, "Key": key, "VersionId": version})
    conditions.check_read(source, request, copy=True)
    chosen = conditions.copied_range(request.get("CopySourceRange"), source.size)
    start, length = chosen or (0, source.size)
    digest = Digest({str(upload.details.get("algorithm", checksums.USUAL))})
    shows = "algorithm" in upload.details
    content = await state.files.receive(
        state.files.read(source.body, start, length), digest, inline=-1
    )
    part = Part(
        number=number,
        size=content.size,
        etag=digest.etag,
        modified_at=ctx.clock.now(),
        file=content.file,
        checksums=digest.sums(),
    )
    try:
        freed = await state.database.write(lambda c: _put(c, upload, part))
    except BaseException:  # nothing refers to the copy: the upload has ended meanwhile, say
        await state.files.remove([content.file])
        raise
    await state.files.remove(freed)
    return {
        "CopySourceVersionId": shown_version(source_bucket, source),
        "CopyPartResult": {
            "ETag": f'"{part.etag}"',
            "LastModified": part.modified_at,
            **{MEMBERS[name]: value for name, value in part.checksums.items() if shows},
        },
    }


async def complete_multipart_upload(ctx: Context, request: Request) -> Response:
    """Handle CompleteMultipartUpload."""
    state = of(ctx)
    conditions.check_taken(request)
    upload = await _find(ctx, request)
    bucket = state.bucket(upload.bucket)
    there = await state.database.read(lambda c: upload_rows.parts_of(c, upload.upload_id))
    parts = _chosen((request.get("MultipartUpload") or {}).get("Parts") or [], there)
    file = await state.files.join([part.file for part in parts])
    joined = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts),
                         usedforsecurity=False)  # fmt: skip
    own = ("algorithm", "checksum_type", "was_there")
    details = {k: v for k, v in upload.details.items() if k not in own}
    details["parts"] = [
        {"size": part.size, "etag": part.etag, "checksums": dict(part.checksums)} for part in parts
    ]
    details["checksums"] = await _checksum(ctx, upload, parts, file)
    new = StoredObject(
        bucket=bucket.name,
        key=upload.key,
        version=rows.NEW if bucket.versioning == "Enabled" else NULL,
        size=sum(part.size for part in parts),
        etag=f"{joined.hexdigest()}-{len(parts)}",
        modified_at=ctx.clock.now(),
        file=file,
        details=details,
    )

    cause = cause_of(ctx, "CompleteMultipartUpload")

    def work(connection: sqlite3.Connection) -> list[str]:
        if upload_rows.find_upload(connection, upload.upload_id) is None:
            raise errors.no_such_upload(upload.upload_id)
        conditions.check_write(
            rows.find(connection, new.bucket, new.key),
            request,
            new.key,
            began_at=upload.started_at,
            was_there=bool(upload.details.get("was_there")),
        )
        freed = rows.put(connection, new) + upload_rows.end_upload(connection, upload.upload_id)
        event = "ObjectCreated:CompleteMultipartUpload"
        state.notices.keep(connection, event, bucket, new, cause)
        return freed

    try:
        freed = await state.database.write(work)
    except BaseException:
        await state.files.remove([file])
        raise
    state.notices.told(bucket.name)
    await state.files.remove(freed)
    return {
        "Location": f"{ctx.endpoint}/{bucket.name}/{upload.key}",
        "Bucket": bucket.name,
        "Key": upload.key,
        "ETag": f'"{new.etag}"',
        "VersionId": written_version(bucket, new),
        **shown_checksums(details["checksums"]),
        **encryption_of(details),
    }


def _chosen(wanted: list[Mapping[str, Any]], there: list[Part]) -> list[Part]:
    """Return the parts that a client names.

    Raises:
        AwsError: MalformedXML, InvalidPart, InvalidPartOrder, EntityTooSmall.
    """
    if not wanted:
        raise errors.invalid(
            "The XML you provided was not well-formed or did not validate against our published"
            " schema",
            code="MalformedXML",
        )
    numbers = [int(each.get("PartNumber") or 0) for each in wanted]
    if numbers != sorted(set(numbers)):
        raise errors.invalid(
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
            code="InvalidPartOrder",
        )
    by_number = {part.number: part for part in there}
    found = []
    for each, number in zip(wanted, numbers, strict=True):
        part = by_number.get(number)
        etag = str(each.get("ETag") or "").strip('"')
        if part is None or (etag and part.etag != etag):
            raise errors.invalid(
                "One or more of the specified parts could not be found.  The part may not have been"
                " uploaded, or the specified entity tag may not match the part's entity tag.",
                code="InvalidPart",
                PartNumber=str(number),
                ETag=etag,
            )
        found.append(part)
    for part in found[:-1]:
        if part.size < _SMALLEST_PART:
            raise errors.invalid(
                "Your proposed upload is smaller than the minimum allowed size",
                code="EntityTooSmall",
                ProposedSize=str(part.size),
                MinSizeAllowed=str(_SMALLEST_PART),
                PartNumber=str(part.number),
                ETag=part.etag,
            )
    return found


async def _checksum(ctx: Context, upload: Upload, parts: list[Part], file: str) -> dict[str, str]:
    algorithm = upload.details.get("algorithm")
    if not algorithm:
        usual = [
            (part.checksums[checksums.USUAL], part.size)
            for part in parts
            if checksums.USUAL in part.checksums
        ]
        return {checksums.USUAL: checksums.combined(usual)} if len(usual) == len(parts) else {}
    if upload.details.get("checksum_type") == "FULL_OBJECT":
        state, size = of(ctx), sum(part.size for part in parts)
        digest = checksums.make(str(algorithm))
        whole = StoredObject(bucket="", key="", size=size, file=file)
        async for piece in state.files.read(whole.body, 0, size):
            digest.update(piece)
        return {str(algorithm): b64encode(digest.digest()).decode()}
    sums = [part.checksums.get(str(algorithm)) for part in parts]
    if not all(sums):
        return {}
    outer = checksums.make(str(algorithm))
    outer.update(b"".join(b64decode(each) for each in sums if each))
    return {str(algorithm): f"{b64encode(outer.digest()).decode()}-{len(parts)}"}


async def abort_multipart_upload(ctx: Context, request: Request) -> Response:
    """Handle AbortMultipartUpload."""
    state = of(ctx)
    upload = await _find(ctx, request)
    freed = await state.database.write(lambda c: upload_rows.end_upload(c, upload.upload_id))
    await state.files.remove(freed)
    return {}


async def list_parts(ctx: Context, request: Request) -> Response:
    """Handle ListParts."""
    state = of(ctx)
    upload = await _find(ctx, request)
    marker = int(request.get("PartNumberMarker") or 0)
    most = limit(request, "MaxParts")
    there = await state.database.read(lambda c: upload_rows.parts_of(c, upload.upload_id))
    behind = [part for part in there if part.number > marker]
    shown = behind[:most]
    return {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "PartNumberMarker": str(marker),
        "NextPartNumberMarker": str(shown[-1].number) if shown else "0",
        "MaxParts": most,
        "IsTruncated": len(behind) > most,
        "Parts": [
            {
                "PartNumber": part.number,
                "LastModified": part.modified_at,
                "ETag": f'"{part.etag}"',
                "Size": part.size,
                **{MEMBERS[name]: value for name, value in part.checksums.items()},
            }
            for part in shown
        ],
        "Initiator": owner_of(ctx.account),
        "Owner": owner_of(ctx.account),
        "StorageClass": upload.details.get("StorageClass", "STANDARD"),
        "ChecksumAlgorithm": upload.details.get("algorithm"),
        "ChecksumType": upload.details.get("checksum_type"),
    }


async def list_multipart_uploads(ctx: Context, request: Request) -> Response:
    """Handle ListMultipartUploads."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    prefix = request.get("Prefix") or ""
    marker = (request.get("KeyMarker") or "", request.get("UploadIdMarker") or "")
    most = limit(request, "MaxUploads")
    found = await state.database.read(lambda c: upload_rows.uploads_of(c, bucket.name))
    behind = [
        each
        for each in found
        if each.key.startswith(prefix)
        and (each.key > marker[0] or (each.key == marker[0] and each.upload_id > marker[1] != ""))
    ]
    shown = behind[:most]
    truncated = len(behind) > most
    return {
        "Bucket": bucket.name,
        "KeyMarker": marker[0],
        "UploadIdMarker": marker[1],
        "NextKeyMarker": shown[-1].key if truncated and shown else None,
        "NextUploadIdMarker": shown[-1].upload_id if truncated and shown else None,
        "Prefix": prefix or None,
        "MaxUploads": most,
        "IsTruncated": truncated,
        "Uploads": [
            {
                "UploadId": each.upload_id,
                "Key": each.key,
                "Initiated": each.started_at,
                "StorageClass": each.details.get("StorageClass", "STANDARD"),
                "Owner": owner_of(ctx.account),
                "Initiator": owner_of(ctx.account),
                "ChecksumAlgorithm": each.details.get("algorithm"),
            }
            for each in shown
        ],
    }
