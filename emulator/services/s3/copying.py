"""Objects are copied, within a bucket or to another one.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from emulator.services.context import Context, Request, Response
from emulator.services.s3 import (
    acls,
    checksums,
    conditions,
    customer_keys,
    encryption,
    errors,
    expiry,
    owners,
    tags,
)
from emulator.services.s3.checksums import Digest
from emulator.services.s3.notifications.notices import cause_of
from emulator.services.s3.objects import (
    KEPT,
    checked_key,
    details_of,
    encryption_of,
    find,
    shown_checksums,
    shown_version,
    store,
    written_version,
)
from emulator.services.s3.rows import StoredObject
from emulator.services.s3.state import of


def source_of(request: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Return bucket, key and version of the source of a copy.

    Raises:
        AwsError: InvalidArgument.
    """
    source = request["CopySource"]
    if isinstance(source, Mapping):
        return str(source["Bucket"]), str(source["Key"]), source.get("VersionId")
    path, asks, query = str(source).partition("?versionId=")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not bucket or not key:
        raise errors.invalid(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ArgumentName="x-amz-copy-source",
            ArgumentValue=str(source),
        )
    return bucket, key, query if asks else None


def check_source(ctx: Context, source: StoredObject, request: Mapping[str, Any]) -> None:
    """Refuse a copy whose source does not meet its conditions, or cannot be read.

    Raises:
        AwsError: PreconditionFailed, InvalidObjectState, or that of a wrong key.
    """
    conditions.check_read(source, request, copy=True)
    customer_keys.refuse_reader(source.details, request, "CopySource")
    subject = "Operation is not valid for the source object's"
    expiry.refuse_archived(source, ctx.clock.now(), subject)


async def copy_object(ctx: Context, request: Request) -> Response:
    """Handle CopyObject."""
    state = of(ctx)
    target = state.bucket(str(request["Bucket"]))
    conditions.check_taken(request)
    bucket_name, key, version = source_of(request)
    if owner := request.get("ExpectedSourceBucketOwner"):
        owners.refuse_other(ctx, bucket_name, str(owner))
    named = {"Bucket": bucket_name, "Key": key, "VersionId": version}
    source_bucket, source = await find(ctx, named)
    check_source(ctx, source, request)
    customer_keys.check_headers(request)
    replaces = request.get("MetadataDirective") == "REPLACE"
    if (source.bucket, source.key) == (target.name, request["Key"]) and not (
        replaces or version or request.get("StorageClass") or request.get("TaggingDirective")
        or request.get("ServerSideEncryption") or request.get("SSECustomerKey")
        or request.get("WebsiteRedirectLocation")
        or request.get("ChecksumAlgorithm") or request.get("IfMatch")
    ):  # fmt: skip
        raise errors.invalid(
            "This copy request is illegal because it is trying to copy an object to itself without"
            " changing the object's metadata, storage class, website redirect location or"
            " encryption attributes.",
            code="InvalidRequest",
        )
    details = _copied_details(request, source, ctx.clock.now(), replaces=replaces)
    if acl := acls.of_request(state, target, request):
        details["acl"] = acl
    encryption.apply_default(state.held(encryption.KIND, target.name), details)
    await encryption.ask_again(ctx, source_bucket.region, source.details)
    await encryption.ask_for_key(ctx, target.region, details)
    key = checked_key(request)
    # The source may be deleted while it is read: what is read is the copy.
    file = await state.files.join([source.file]) if source.file else ""
    try:
        etag, details["checksums"] = await _sums(ctx, replace(source, file=file), request)
        new = StoredObject(
            bucket=target.name,
            key=key,
            size=source.size,
            etag=encryption.etag(details, etag),
            modified_at=ctx.clock.now(),
            content=source.content,
            file=file,
            details=details,
        )
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


async def _sums(
    ctx: Context, source: StoredObject, request: Mapping[str, Any]
) -> tuple[str, dict[str, str]]:
    """Return ETag and checksums of a copy: those of its source, unless they are others then.

    A copy is one piece even if its source came in parts. A request may ask for another checksum.
    """
    there: Mapping[str, str] = source.details.get("checksums") or {}
    wanted = checksums.wanted(request) or set(there) or {checksums.USUAL}
    is_digest = "-" not in source.etag and not encryption.hides_digest(source.details)
    if is_digest and wanted == set(there):
        return source.etag, dict(there)
    digest = Digest(wanted)
    if source.file:
        async for piece in of(ctx).files.read(source.body, 0, source.size):
            digest.update(piece)
    else:
        digest.update(source.content or b"")
    return digest.etag, digest.sums()


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
    if request.get("TaggingDirective") == "REPLACE":
        details["tags"] = tags.of_header(request.get("Tagging"))
    else:
        details["tags"] = source.details.get("tags") or {}
    return details
