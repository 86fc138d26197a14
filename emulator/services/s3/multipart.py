"""Operations of multipart uploads.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.s3 import (
    acls,
    checksums,
    conditions,
    customer_keys,
    encryption,
    errors,
    locks,
    owners,
    rows,
    tags,
    upload_checksums,
    upload_rows,
)
from emulator.services.s3.checksums import MEMBERS, Digest
from emulator.services.s3.copying import check_source, source_of
from emulator.services.s3.listing import Encoding, common_prefix, limit, owner_of, whole_number
from emulator.services.s3.notifications.notices import cause_of
from emulator.services.s3.objects import (
    details_of,
    encryption_of,
    find,
    shown_checksums,
    shown_version,
    trailers_of,
    trailing_of,
    written_version,
)
from emulator.services.s3.rows import NULL, StoredObject
from emulator.services.s3.state import of
from emulator.services.s3.upload_rows import Part, Upload

#: Bytes of every part but the last at least.
_SMALLEST_PART = 5 << 20


async def create_multipart_upload(ctx: Context, request: Request) -> Response:
    """Handle CreateMultipartUpload."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    customer_keys.check_headers(request)
    details = details_of(request, ctx.clock.now())
    locks.refuse_without(bucket, details)
    details["tags"] = tags.of_header(request.get("Tagging"))
    if acl := acls.of_request(state, bucket, request):
        details["acl"] = acl
    algorithm, kind = upload_checksums.of_request(request)
    if algorithm:
        details |= {"algorithm": algorithm, "checksum_type": kind}
    encryption.apply_default(state.held(encryption.KIND, bucket.name), details)
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
    errors.refuse_part_number(number)
    return number


async def upload_part(ctx: Context, request: Request) -> Response:
    """Handle UploadPart."""
    state = of(ctx)
    number = _number(request)
    upload = await _find(ctx, request)
    customer_keys.refuse_part(upload.details, request)
    body = request.get("Body", b"")
    wanted = checksums.wanted(request) | trailing_of(ctx)
    upload_checksums.refuse_other(upload, wanted)
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
    if owner := request.get("ExpectedSourceBucketOwner"):
        owners.refuse_other(ctx, bucket, str(owner))
    source_bucket, source = await find(ctx, {"Bucket": bucket, "Key": key, "VersionId": version})
    check_source(ctx, source, request)
    customer_keys.refuse_part(upload.details, request)
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
    upload_checksums.refuse_kind(upload, request)
    named = (request.get("MultipartUpload") or {}).get("Parts") or []
    parts = _chosen(upload, named, there)
    size = sum(part.size for part in parts)
    _refuse_size(request.get("MpuObjectSize"), size)
    file = await state.files.join([part.file for part in parts])
    joined = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts),
                         usedforsecurity=False)  # fmt: skip
    own = ("algorithm", "checksum_type", "was_there")
    details = {k: v for k, v in upload.details.items() if k not in own}
    details["parts"] = [
        {"size": part.size, "etag": part.etag, "checksums": dict(part.checksums)} for part in parts
    ]
    try:
        details["checksums"] = await upload_checksums.of_whole(
            state.files, upload, parts, file, request
        )
    except BaseException:
        await state.files.remove([file])
        raise
    new = StoredObject(
        bucket=bucket.name,
        key=upload.key,
        version=rows.NEW if bucket.versioning == "Enabled" else NULL,
        size=size,
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


def _refuse_size(named: Any, size: int) -> None:
    if named is not None and int(named) != size:
        raise errors.invalid(
            f"The provided 'x-amz-mp-object-size' header value {named} does not match what was"
            f" computed: {size}",
            code="InvalidRequest",
        )


def _chosen(upload: Upload, wanted: list[Mapping[str, Any]], there: list[Part]) -> list[Part]:
    """Return the parts that a client names.

    Raises:
        AwsError: MalformedXML, InvalidPart, InvalidPartOrder, InvalidRequest, EntityTooSmall.
    """
    if not wanted:
        raise errors.malformed()
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
        if (
            part is None
            or (etag and part.etag != etag)
            or not upload_checksums.is_of(upload, each, part)
        ):
            raise errors.invalid(
                "One or more of the specified parts could not be found.  The part may not have been"
                " uploaded, or the specified entity tag may not match the part's entity tag.",
                code="InvalidPart",
                UploadId=upload.upload_id,
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
    marker, most = whole_number(request, "PartNumberMarker"), limit(request, "MaxParts")
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
                **{
                    MEMBERS[name]: value
                    for name, value in part.checksums.items()
                    if name == upload.details.get("algorithm")
                },
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
    encode, most = Encoding(request), limit(request, "MaxUploads")
    prefix, delimiter = request.get("Prefix") or "", request.get("Delimiter") or ""
    marker = (request.get("KeyMarker") or "", request.get("UploadIdMarker") or "")
    found = await state.database.read(lambda c: upload_rows.uploads_of(c, bucket.name))
    shown: list[Upload] = []
    prefixes: list[str] = []
    last, truncated = ("", ""), False
    for each in _behind(found, prefix, marker):
        common = common_prefix(each.key, prefix, delimiter)
        if common and (common in prefixes[-1:] or marker[0].startswith(common)):
            continue
        if len(shown) + len(prefixes) >= most:
            truncated = True
            break
        if common:
            prefixes.append(common)
            last = (common, "")
        else:
            shown.append(each)
            last = (each.key, each.upload_id)
    return {
        "Bucket": bucket.name,
        "KeyMarker": encode(marker[0]),
        "UploadIdMarker": marker[1],
        "NextKeyMarker": encode(last[0]) if truncated and last[0] else None,
        "NextUploadIdMarker": last[1] if truncated and last[0] else None,
        "Prefix": encode(prefix) if prefix else None,
        "Delimiter": encode(delimiter) if delimiter else None,
        "EncodingType": encode.kind,
        "MaxUploads": most,
        "IsTruncated": truncated,
        "CommonPrefixes": [{"Prefix": encode(each)} for each in prefixes],
        "Uploads": [
            {
                "UploadId": each.upload_id,
                "Key": encode(each.key),
                "Initiated": each.started_at,
                "StorageClass": each.details.get("StorageClass", "STANDARD"),
                "Owner": owner_of(ctx.account),
                "Initiator": owner_of(ctx.account),
                "ChecksumAlgorithm": each.details.get("algorithm"),
                "ChecksumType": each.details.get("checksum_type"),
            }
            for each in shown
        ],
    }


def _behind(found: list[Upload], prefix: str, marker: tuple[str, str]) -> Iterator[Upload]:
    """Yield the uploads that a page may show: those of a key in the order in which they began.

    A marker whose upload has ended since passes over none of its key: nobody knows where it was,
    and what is shown twice is better than what is never shown.
    """
    ids = [each.upload_id for each in found if each.key == marker[0]]
    if marker[1]:
        ids = ids[: ids.index(marker[1]) + 1] if marker[1] in ids else []
    passed = set(ids)
    for each in found:
        behind = each.key > marker[0] or (each.key == marker[0] and each.upload_id not in passed)
        if each.key.startswith(prefix) and behind:
            yield each
