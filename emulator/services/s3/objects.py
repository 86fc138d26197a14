"""Operations on objects: put, get, head; what all that is done to objects has in common.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.s3 import (
    acls,
    checksums,
    conditions,
    customer_keys,
    encryption,
    errors,
    expiry,
    forms,
    locks,
    rows,
    tags,
)
from emulator.services.s3.checksums import MEMBERS, Digest
from emulator.services.s3.listing import limit, whole_number
from emulator.services.s3.notifications.notices import cause_of
from emulator.services.s3.notifications.records import Cause
from emulator.services.s3.rows import NULL, Bucket, StoredObject
from emulator.services.s3.state import S3, of

#: Bytes of a key, of metadata, and of an object that is put at once.
_LONGEST_KEY = 1024
_LARGEST_METADATA = 2048
_LARGEST_PUT = 5 << 30
#: Members of a request that are kept with an object and come back with it.
KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
    "WebsiteRedirectLocation",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "SSECustomerAlgorithm",
    "SSECustomerKeyMD5",
    "BucketKeyEnabled",
    "StorageClass",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "ObjectLockLegalHoldStatus",
)
#: Members by which a request overrides what comes back.
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


#: Those of general purpose buckets.
_STORAGE_CLASSES = frozenset(
    "STANDARD REDUCED_REDUNDANCY STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER DEEP_ARCHIVE"
    " GLACIER_IR".split()
)


async def put_object(ctx: Context, request: Request) -> Response:
    """Handle PutObject."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    key = checked_key(request)
    body = request.get("Body", b"")
    conditions.check_taken(request)
    customer_keys.check_headers(request)
    acl = acls.of_request(state, bucket, request)
    digest = Digest(checksums.wanted(request) | trailing_of(ctx) or {checksums.USUAL})
    content = await state.files.receive(body, digest)
    try:
        _refuse_large(content.size)
        checksums.refuse_wrong(digest, {**request, **trailers_of(body)})
        details = details_of(request, ctx.clock.now())
        locks.refuse_without(bucket, details)
        details["checksums"] = digest.sums()
        details["tags"] = tags.of_header(request.get("Tagging"))
        if acl:
            details["acl"] = acl
        encryption.apply_default(state.held(encryption.KIND, bucket.name), details)
        await encryption.ask_for_key(ctx, bucket.region, details)
        locks.apply_default(
            await locks.default_of(state.database, bucket), details, ctx.clock.now()
        )
        new = StoredObject(
            bucket=bucket.name,
            key=key,
            size=content.size,
            etag=encryption.etag(details, digest.etag),
            modified_at=ctx.clock.now(),
            content=content.inline,
            file=content.file,
            details=details,
        )
        is_form = forms.HEADER in ctx.request_headers
        event, reason = ("Post", "POST Object") if is_form else ("Put", "PutObject")
        await store(state, bucket, new, request, f"ObjectCreated:{event}", cause_of(ctx, reason))
    except BaseException:
        await state.files.remove([content.file])
        raise
    return {
        "ETag": f'"{new.etag}"',
        "VersionId": written_version(bucket, new),
        "Expiration": expiry.header(state.lifecycle.rules_of(bucket.name), new),
        **shown_checksums(details["checksums"]),
        **encryption_of(details),
    }


async def store(
    state: S3,
    bucket: Bucket,
    new: StoredObject,
    request: Mapping[str, Any],
    event: str,
    cause: Cause,
) -> None:
    """Make a new version the newest, if the request's conditions hold, and tell of it.

    Raises:
        AwsError: PreconditionFailed, NoSuchKey; or the bucket is gone.
    """
    new.version = rows.NEW if bucket.versioning == "Enabled" else NULL

    def work(connection: sqlite3.Connection) -> list[str]:
        conditions.check_write(rows.find(connection, new.bucket, new.key), request, new.key)
        freed = rows.put(connection, new)
        state.notices.keep(connection, event, bucket, new, cause)
        return freed

    state.bucket(bucket.name)
    freed = await state.database.write(work)
    state.notices.told(bucket.name)
    await state.files.remove(freed)


def checked_key(request: Mapping[str, Any]) -> str:
    """Return the key of a new object.

    Raises:
        AwsError: KeyTooLongError.
    """
    key = str(request["Key"])
    if len(key.encode("utf-8", "surrogateescape")) > _LONGEST_KEY:
        raise errors.invalid("Your key is too long", code="KeyTooLongError",
                             MaxSizeAllowed=str(_LONGEST_KEY))  # fmt: skip
    return key


def trailing_of(ctx: Context) -> set[str]:
    """Return the algorithms of the checksums that come behind the body."""
    named = ctx.request_headers.get("x-amz-trailer", "")
    return {checksums.HEADERS[each.strip().lower()] for each in named.split(",")
            if each.strip().lower() in checksums.HEADERS}  # fmt: skip


def trailers_of(body: Any) -> dict[str, str]:
    """Return the checksums that came behind a body, as members of its request."""
    return {
        MEMBERS[checksums.HEADERS[name]]: value
        for name, value in getattr(body, "trailers", {}).items()
        if name in checksums.HEADERS
    }


def _refuse_large(size: int) -> None:
    if size > _LARGEST_PUT:
        raise errors.invalid(
            "Your proposed upload exceeds the maximum allowed size",
            code="EntityTooLarge",
            ProposedSize=str(size),
            MaxSizeAllowed=str(_LARGEST_PUT),
        )


def details_of(request: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return what is kept with an object of a request's members.

    Raises:
        AwsError: MetadataTooLarge, InvalidStorageClass, InvalidRedirectLocation, InvalidArgument:
            a lock that is none.
    """
    details = {name: request[name] for name in KEPT if request.get(name) is not None}
    storage = details.get("StorageClass", "STANDARD")
    if storage not in _STORAGE_CLASSES:
        raise errors.invalid(
            "The storage class you specified is not valid",
            code="InvalidStorageClass",
            StorageClassRequested=storage,
        )
    redirect = details.get("WebsiteRedirectLocation", "/")
    if not redirect.startswith(("/", "http://", "https://")):
        raise errors.invalid(
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
            code="InvalidRedirectLocation",
        )
    locks.check_headers(details, now)
    metadata = details.get("Metadata") or {}
    size = sum(len(name) + len(value.encode()) for name, value in metadata.items())
    if size > _LARGEST_METADATA:
        raise errors.invalid(
            "Your metadata headers exceed the maximum allowed metadata size",
            code="MetadataTooLarge",
            Size=str(size),
            MaxSizeAllowed=str(_LARGEST_METADATA),
        )
    return details


def shown_version(bucket: Bucket, found: StoredObject) -> str | None:
    """Return the version as answers show it: not at all where there were never any."""
    return found.version if bucket.versioning else None


def written_version(bucket: Bucket, new: StoredObject) -> str | None:
    """Return the version as the answer to a write shows it: not where versioning is suspended."""
    return new.version if bucket.versioning == "Enabled" else None


def shown_checksums(sums: Mapping[str, str]) -> dict[str, Any]:
    """Return checksums as members of an answer."""
    found: dict[str, Any] = {MEMBERS[name]: value for name, value in sums.items()}
    if found:
        found["ChecksumType"] = checksums.shown_type(sums)
    return found


def encryption_of(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of an answer that tell how an object is encrypted."""
    names = (
        "SSEKMSKeyId",
        "SSECustomerAlgorithm",
        "SSECustomerKeyMD5",
        "BucketKeyEnabled",
    )
    found = {name: details[name] for name in names if name in details}
    if "SSECustomerAlgorithm" not in details:
        found["ServerSideEncryption"] = details.get("ServerSideEncryption", "AES256")
    return found


async def find(ctx: Context, request: Request) -> tuple[Bucket, StoredObject]:
    """Return the version that a request means.

    Raises:
        AwsError: NoSuchBucket, NoSuchKey, NoSuchVersion, or MethodNotAllowed: a delete marker.
    """
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    key, version = str(request["Key"]), request.get("VersionId")
    errors.refuse_version(version, versioned=bool(bucket.versioning))
    found = await state.database.read(lambda c: rows.find(c, bucket.name, key, version))
    if found is None:
        raise errors.no_such_version(key, version) if version else errors.no_such_key(key)
    if found.is_delete_marker:
        ctx.headers = (
            (b"x-amz-delete-marker", b"true"),
            (b"x-amz-version-id", found.version.encode()),
        )
        if version:
            moment = formatdate(found.modified_at, usegmt=True).encode()
            ctx.headers += ((b"allow", b"DELETE"), (b"last-modified", moment))
            raise errors.method_not_allowed("GET")
        raise errors.no_such_key(key)
    return bucket, found


async def get_object(ctx: Context, request: Request) -> Response:
    """Handle GetObject."""
    _refuse_two_ranges(request)
    bucket, found = await find(ctx, request)
    conditions.check_read(found, request)
    customer_keys.refuse_reader(found.details, request)
    expiry.refuse_archived(found, ctx.clock.now(), "The operation is not valid for the object's")
    await encryption.ask_again(ctx, bucket.region, found.details)
    answer = _described(bucket, found, request)
    answer["Expiration"] = expiry.header(of(ctx).lifecycle.rules_of(bucket.name), found)
    answer["Restore"] = expiry.restored(found, ctx.clock.now())
    part = request.get("PartNumber")
    chosen: tuple[int, int] | None
    if part is not None:
        chosen = _part_range(found, int(part))
        answer["PartsCount"] = len(found.details.get("parts") or ()) or None
    else:
        chosen = conditions.byte_range(request.get("Range"), found.size)
    start, length = chosen or (0, found.size)
    if chosen is not None:
        answer["ContentRange"] = f"bytes {start}-{start + length - 1}/{found.size}"
        ctx.status = 206
        if length < found.size:
            for member in (*MEMBERS.values(), "ChecksumType"):
                answer.pop(member, None)
    if found.file:
        answer["ContentLength"] = length
        answer["Body"] = of(ctx).files.read(found.body, start, length)
    else:
        answer["Body"] = (found.content or b"")[start : start + length]
    return answer


async def head_object(ctx: Context, request: Request) -> Response:
    """Handle HeadObject."""
    _refuse_two_ranges(request)
    bucket, found = await find(ctx, request)
    conditions.check_read(found, request)
    customer_keys.refuse_reader(found.details, request)
    answer = _described(bucket, found, request)
    answer["Expiration"] = expiry.header(of(ctx).lifecycle.rules_of(bucket.name), found)
    answer["Restore"] = expiry.restored(found, ctx.clock.now())
    part = request.get("PartNumber")
    if part is not None:
        answer["PartsCount"] = len(found.details.get("parts") or ()) or None
        answer["ContentLength"] = _part_range(found, int(part))[1]
    else:
        chosen = conditions.byte_range(request.get("Range"), found.size)
        answer["ContentLength"] = found.size if chosen is None else chosen[1]
        if chosen is not None:
            ctx.status = 206
            end = chosen[0] + chosen[1] - 1
            answer["ContentRange"] = f"bytes {chosen[0]}-{end}/{found.size}"
    return answer


def _refuse_two_ranges(request: Mapping[str, Any]) -> None:
    if request.get("PartNumber") is not None and request.get("Range"):
        raise errors.invalid(
            "Cannot specify both Range header and partNumber query parameter", code="InvalidRequest"
        )


def _part_range(found: StoredObject, number: int) -> tuple[int, int]:
    errors.refuse_part_number(number)
    sizes = [part["size"] for part in found.details.get("parts") or ()] or [found.size]
    if not 1 <= number <= len(sizes):
        raise AwsError(
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
            status=416,
            ActualPartCount=str(len(sizes)),
            PartNumberRequested=str(number),
        )
    return sum(sizes[: number - 1]), sizes[number - 1]


def _described(bucket: Bucket, found: StoredObject, request: Mapping[str, Any]) -> dict[str, Any]:
    details = found.details
    answer: dict[str, Any] = {name: details[name] for name in KEPT if name in details}
    if answer.get("StorageClass") == "STANDARD":
        del answer["StorageClass"]
    answer |= {
        "AcceptRanges": "bytes",
        "ContentType": details.get("ContentType", "binary/octet-stream"),
        "ETag": f'"{found.etag}"',
        "LastModified": found.modified_at,
        "VersionId": shown_version(bucket, found),
        "TagCount": len(details.get("tags") or ()) or None,
        "Metadata": details.get("Metadata") or {},
        **encryption_of(details),
    }
    if request.get("ChecksumMode") == "ENABLED":
        answer |= shown_checksums(details.get("checksums") or {})
    for given, member in _OVERRIDES.items():
        if request.get(given) is not None:
            answer[member] = request[given]
    return answer


async def get_object_attributes(ctx: Context, request: Request) -> Response:
    """Handle GetObjectAttributes."""
    bucket, found = await find(ctx, request)
    customer_keys.refuse_reader(found.details, request)
    wanted = set(request.get("ObjectAttributes") or [])
    parts = found.details.get("parts") or []
    answer: dict[str, Any] = {
        "LastModified": found.modified_at,
        "VersionId": shown_version(bucket, found),
        "ETag": found.etag if "ETag" in wanted else None,
        "ObjectSize": found.size if "ObjectSize" in wanted else None,
        "StorageClass": found.details.get("StorageClass", "STANDARD")
        if "StorageClass" in wanted
        else None,
    }
    sums = found.details.get("checksums") or {}
    if "Checksum" in wanted and sums:
        answer["Checksum"] = shown_checksums(sums)
    if "ObjectParts" in wanted and parts:
        answer["ObjectParts"] = {
            "TotalPartsCount": len(parts),
            **(_shown_parts(parts, request) if "-" in "".join(sums.values()) else {}),
        }
    return answer


def _shown_parts(parts: Sequence[Mapping[str, Any]], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of parts; S3 shows those alone that have checksums of their own."""
    marker, most = whole_number(request, "PartNumberMarker"), limit(request, "MaxParts")
    behind = list(enumerate(parts, 1))[marker:]
    shown = behind[:most]
    return {
        "PartNumberMarker": str(marker),
        "NextPartNumberMarker": str(shown[-1][0] if shown else marker),
        "MaxParts": most,
        "IsTruncated": len(behind) > len(shown),
        "Parts": [
            {"PartNumber": number, "Size": part["size"], **shown_part(part)}
            for number, part in shown
        ],
    }


def shown_part(part: Mapping[str, Any]) -> dict[str, str]:
    """Return a part's checksums as members of an answer."""
    return {MEMBERS[name]: value for name, value in (part.get("checksums") or {}).items()}
