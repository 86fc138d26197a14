"""Operations on objects: put, get, head, copy, delete, and what they have beside their content.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.s3 import (
    checksums,
    conditions,
    encryption,
    errors,
    expiry,
    forms,
    locks,
    rows,
    tags,
)
from emulator.services.s3.checksums import MEMBERS, Digest
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


_STORAGE_CLASSES = frozenset(
    "STANDARD REDUCED_REDUNDANCY STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER DEEP_ARCHIVE"
    " OUTPOSTS GLACIER_IR SNOW EXPRESS_ONEZONE FSX_OPENZFS FSX_ONTAP".split()
)


async def put_object(ctx: Context, request: Request) -> Response:
    """Handle PutObject."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    key = _checked_key(request)
    body = request.get("Body", b"")
    conditions.check_taken(request)
    digest = Digest(checksums.wanted(request) | trailing_of(ctx) or {checksums.USUAL})
    content = await state.files.receive(body, digest)
    try:
        _refuse_large(content.size)
        checksums.refuse_wrong(digest, {**request, **trailers_of(body)})
        details = details_of(request, ctx.clock.now())
        locks.refuse_without(bucket, details)
        details["checksums"] = digest.sums()
        details["tags"] = tags.of_header(request.get("Tagging"))
        encryption.apply_default(state.encryption.get(bucket.name), details)
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


def _checked_key(request: Mapping[str, Any]) -> str:
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
    if version and version != NULL and not bucket.versioning:
        raise errors.invalid_version(version)
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
    bucket, found = await find(ctx, request)
    conditions.check_read(found, request)
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
    bucket, found = await find(ctx, request)
    conditions.check_read(found, request)
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


def _part_range(found: StoredObject, number: int) -> tuple[int, int]:
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


#: Conditions of DeleteObject that only directory buckets take, with their headers.
_NOT_TAKEN = {
    "IfMatchLastModifiedTime": "x-amz-if-match-last-modified-time",
    "IfMatchSize": "x-amz-if-match-size",
}


async def delete_object(ctx: Context, request: Request) -> Response:
    """Handle DeleteObject."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    for member, header in _NOT_TAKEN.items():
        if request.get(member) is not None:
            raise errors.not_implemented(header)
    version = request.get("VersionId")
    if version and version != NULL and not bucket.versioning:
        raise errors.invalid_version(version)
    return await remove(ctx, bucket, str(request["Key"]), request.get("VersionId"), request)


async def remove(
    ctx: Context, bucket: Bucket, key: str, version: str | None, request: Mapping[str, Any]
) -> dict[str, Any]:
    """Remove a version for good, or put a delete marker in front of an object.

    Raises:
        AwsError: AccessDenied: a lock keeps it; PreconditionFailed.
    """
    state, now, cause = of(ctx), ctx.clock.now(), cause_of(ctx, "DeleteObject")
    marker: StoredObject | None = None
    if version is None and bucket.versioning:
        marker = StoredObject(
            bucket=bucket.name,
            key=key,
            version=rows.NEW if bucket.versioning == "Enabled" else NULL,
            is_delete_marker=True,
            modified_at=now,
        )

    def work(connection: sqlite3.Connection) -> tuple[list[str], StoredObject | None]:
        there = rows.find(connection, bucket.name, key, version)
        if request.get("IfMatch") is not None:
            conditions.check_write(there, {"IfMatch": request["IfMatch"]}, key)
        if marker is not None:
            freed = rows.put(connection, marker)
            event = "ObjectRemoved:DeleteMarkerCreated"
            state.notices.keep(connection, event, bucket, marker, cause)
            return freed, None
        if there is not None:
            locks.refuse_removal(there, now, bypass=bool(request.get("BypassGovernanceRetention")))
            state.notices.keep(connection, "ObjectRemoved:Delete", bucket, there, cause)
        return rows.delete(connection, bucket.name, key, version or NULL), there

    freed, there = await state.database.write(work)
    state.notices.told(bucket.name)
    await state.files.remove(freed)
    if marker is not None:
        return {"DeleteMarker": True, "VersionId": marker.version}
    answer: dict[str, Any] = {"VersionId": version if bucket.versioning else None}
    if there is not None and there.is_delete_marker:
        answer["DeleteMarker"] = True
    return answer


async def delete_objects(ctx: Context, request: Request) -> Response:
    """Handle DeleteObjects."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    wanted = request["Delete"].get("Objects") or []
    if not wanted or len(wanted) > 1000:
        raise errors.malformed()
    deleted, failed = [], []
    for each in wanted:
        key, version = str(each["Key"]), each.get("VersionId")
        conditional = {
            "IfMatch": each.get("ETag"),
            "BypassGovernanceRetention": request.get("BypassGovernanceRetention"),
        }
        try:
            if version and version != NULL and not bucket.versioning:
                raise errors.no_such_version(key, version)
            gone = await remove(ctx, bucket, key, version, conditional)
        except AwsError as error:
            failed.append(
                {"Key": key, "VersionId": version, "Code": error.code, "Message": error.message}
            )
            continue
        entry: dict[str, Any] = {"Key": key, "VersionId": version}
        if gone.get("DeleteMarker"):
            entry |= {"DeleteMarker": True, "DeleteMarkerVersionId": gone["VersionId"]}
        deleted.append(entry)
    quiet = bool(request["Delete"].get("Quiet"))
    return {"Deleted": [] if quiet else deleted, "Errors": failed}


def source_of(request: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Return bucket, key and version of the source of a copy.

    Raises:
        AwsError: InvalidArgument.
    """
    source = request["CopySource"]
    if isinstance(source, Mapping):
        return str(source["Bucket"]), str(source["Key"]), source.get("VersionId")
    path, _, query = str(source).partition("?versionId=")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not bucket or not key:
        raise errors.invalid(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ArgumentName="x-amz-copy-source",
            ArgumentValue="x-amz-copy-source",
        )
    return bucket, key, query or None


async def copy_object(ctx: Context, request: Request) -> Response:
    """Handle CopyObject."""
    state = of(ctx)
    target = state.bucket(str(request["Bucket"]))
    conditions.check_taken(request)
    bucket_name, key, version = source_of(request)
    named = {"Bucket": bucket_name, "Key": key, "VersionId": version}
    source_bucket, source = await find(ctx, named)
    conditions.check_read(source, request, copy=True)
    replaces = request.get("MetadataDirective") == "REPLACE"
    if (source.bucket, source.key) == (target.name, request["Key"]) and not (
        replaces or version or request.get("StorageClass") or request.get("TaggingDirective")
        or request.get("ServerSideEncryption") or request.get("WebsiteRedirectLocation")
        or request.get("ChecksumAlgorithm") or request.get("IfMatch")
    ):  # fmt: skip
        raise errors.invalid(
            "This copy request is illegal because it is trying to copy an object to itself without"
            " changing the object's metadata, storage class, website redirect location or"
            " encryption attributes.",
            code="InvalidRequest",
        )
    details = _copied_details(request, source, ctx.clock.now(), replaces=replaces)
    encryption.apply_default(state.encryption.get(target.name), details)
    await encryption.ask_again(ctx, source_bucket.region, source.details)
    await encryption.ask_for_key(ctx, target.region, details)
    file = await state.files.join([source.file]) if source.file else ""
    new = StoredObject(
        bucket=target.name,
        key=_checked_key(request),
        size=source.size,
        etag=encryption.etag(details, source.etag),
        modified_at=ctx.clock.now(),
        content=source.content,
        file=file,
        details=details,
    )
    try:
        cause = cause_of(ctx, "CopyObject")
        await store(state, target, new, request, "ObjectCreated:Copy", cause)
    except BaseException:
        await state.files.remove([file])
        raise
    return {
        "CopyObjectResult": {
            "ETag": f'"{new.etag}"',
            "LastModified": new.modified_at,
            **shown_checksums(details.get("checksums") or {}),
        },
        "CopySourceVersionId": shown_version(source_bucket, source),
        "VersionId": written_version(target, new),
        **encryption_of(details),
    }


def _copied_details(
    request: Mapping[str, Any], source: StoredObject, now: float, *, replaces: bool
) -> dict[str, Any]:
    own = details_of(request, now)
    if replaces:
        details = own
    else:
        # Encryption is the request's, else the bucket's.
        kept = ("StorageClass", "ObjectLockMode", "ObjectLockRetainUntilDate",
                "ObjectLockLegalHoldStatus", "WebsiteRedirectLocation", "ServerSideEncryption",
                "SSEKMSKeyId", "BucketKeyEnabled", "SSECustomerAlgorithm",
                "SSECustomerKeyMD5")  # fmt: skip
        details = {k: v for k, v in source.details.items() if k in KEPT and k not in kept}
        details |= {k: own[k] for k in kept if k in own}
    details["checksums"] = source.details.get("checksums") or {}
    if request.get("TaggingDirective") == "REPLACE":
        details["tags"] = tags.of_header(request.get("Tagging"))
    else:
        details["tags"] = source.details.get("tags") or {}
    return details


async def get_object_attributes(ctx: Context, request: Request) -> Response:
    """Handle GetObjectAttributes."""
    bucket, found = await find(ctx, request)
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
            "PartNumberMarker": "0",
            "NextPartNumberMarker": str(len(parts)),
            "MaxParts": 1000,
            "IsTruncated": False,
            "Parts": [
                {"PartNumber": number, "Size": part["size"], **shown_part(part)}
                for number, part in enumerate(parts, 1)
            ],
        }
    return answer


def shown_part(part: Mapping[str, Any]) -> dict[str, str]:
    """Return a part's checksums as members of an answer."""
    return {MEMBERS[name]: value for name, value in (part.get("checksums") or {}).items()}
