"""What objects have beside their content: tags, access control lists, locks.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.s3 import acls, errors, locks, rows, tags
from emulator.services.s3.notifications.notices import cause_of
from emulator.services.s3.objects import find, shown_version
from emulator.services.s3.rows import StoredObject
from emulator.services.s3.state import of


async def _change(ctx: Context, found: StoredObject, *, event: str = "", **details: Any) -> None:
    """Keep details of an object; None removes one.

    Args:
        ctx: The request.
        found: The object.
        event: What is told of it; "" for nothing.
        details: What changes.
    """
    for name, value in details.items():
        if value is None:
            found.details.pop(name, None)
        else:
            found.details[name] = value
    state = of(ctx)
    bucket, cause = state.bucket(found.bucket), cause_of(ctx, ctx.operation)

    def work(connection: sqlite3.Connection) -> None:
        rows.change(connection, found)
        if event:
            state.notices.keep(connection, event, bucket, found, cause)

    await state.database.write(work)
    state.notices.told(found.bucket)


async def get_object_tagging(ctx: Context, request: Request) -> Response:
    """Handle GetObjectTagging."""
    bucket, found = await find(ctx, request)
    tags = found.details.get("tags") or {}
    return {
        "VersionId": shown_version(bucket, found),
        "TagSet": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


async def put_object_tagging(ctx: Context, request: Request) -> Response:
    """Handle PutObjectTagging."""
    bucket, found = await find(ctx, request)
    given = request["Tagging"].get("TagSet") or []
    tags.check(given, "object")
    named = {tag["Key"]: tag["Value"] for tag in given}
    await _change(ctx, found, event="ObjectTagging:Put", tags=named)
    return {"VersionId": shown_version(bucket, found)}


async def delete_object_tagging(ctx: Context, request: Request) -> Response:
    """Handle DeleteObjectTagging."""
    bucket, found = await find(ctx, request)
    await _change(ctx, found, event="ObjectTagging:Delete", tags=None)
    return {"VersionId": shown_version(bucket, found)}


async def get_object_acl(ctx: Context, request: Request) -> Response:
    """Handle GetObjectAcl."""
    bucket, found = await find(ctx, request)
    return acls.shown(of(ctx), bucket, found.details.get("acl"))


async def put_object_acl(ctx: Context, request: Request) -> Response:
    """Handle PutObjectAcl: a list is kept, and not evaluated."""
    bucket, found = await find(ctx, request)
    acl = acls.needed(of(ctx), bucket, request)
    await _change(ctx, found, event="ObjectAcl:Put", acl=acl)
    return {}


async def get_object_legal_hold(ctx: Context, request: Request) -> Response:
    """Handle GetObjectLegalHold."""
    _, found = await _locked(ctx, request)
    status = found.details.get("ObjectLockLegalHoldStatus")
    if status is None:
        raise _no_lock()
    return {"LegalHold": {"Status": status}}


async def put_object_legal_hold(ctx: Context, request: Request) -> Response:
    """Handle PutObjectLegalHold."""
    _, found = await _locked(ctx, request)
    status = request["LegalHold"].get("Status")
    if status is None:
        raise errors.malformed()
    await _change(ctx, found, ObjectLockLegalHoldStatus=status)
    return {}


async def get_object_retention(ctx: Context, request: Request) -> Response:
    """Handle GetObjectRetention."""
    _, found = await _locked(ctx, request)
    if "ObjectLockMode" not in found.details:
        raise _no_lock()
    return {
        "Retention": {
            "Mode": found.details["ObjectLockMode"],
            "RetainUntilDate": found.details["ObjectLockRetainUntilDate"],
        }
    }


async def put_object_retention(ctx: Context, request: Request) -> Response:
    """Handle PutObjectRetention."""
    _, found = await _locked(ctx, request)
    given, now = request.get("Retention") or {}, ctx.clock.now()
    locks.check_retention(given, now)
    until, mode = locks.moment(given.get("RetainUntilDate")), given.get("Mode")
    bypass = bool(request.get("BypassGovernanceRetention"))
    locks.refuse_weaker(found.details, mode, until, now, bypass=bypass)
    until_date = until if given else None
    await _change(ctx, found, ObjectLockMode=mode, ObjectLockRetainUntilDate=until_date)
    return {}


async def _locked(ctx: Context, request: Request) -> tuple[Any, StoredObject]:
    bucket, found = await find(ctx, request)
    if not bucket.object_lock:
        raise errors.invalid("Bucket is missing Object Lock Configuration", code="InvalidRequest")
    return bucket, found


def _no_lock() -> AwsError:
    return AwsError(
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration",
        status=404,
    )


async def get_object_lock_configuration(ctx: Context, request: Request) -> Response:
    """Handle GetObjectLockConfiguration."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    found = await state.database.read(lambda c: rows.document(c, bucket.name, locks.KIND))
    if found is None:
        raise AwsError(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
            status=404,
            BucketName=bucket.name,
        )
    return {"ObjectLockConfiguration": found}


async def put_object_lock_configuration(ctx: Context, request: Request) -> Response:
    """Handle PutObjectLockConfiguration."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    if bucket.versioning != "Enabled":
        raise AwsError(
            "InvalidBucketState",
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            status=409,
        )
    body = request["ObjectLockConfiguration"]
    locks.check_document(body)
    await state.database.write(lambda c: rows.put_document(c, bucket.name, locks.KIND, "", body))
    await state.put_bucket(replace(bucket, object_lock=True))
    return {}
