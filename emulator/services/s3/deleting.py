"""Objects go: for good, or behind a delete marker.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.s3 import conditions, errors, locks, rows
from emulator.services.s3.notifications.notices import cause_of
from emulator.services.s3.rows import NULL, Bucket, StoredObject
from emulator.services.s3.state import of

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
    errors.refuse_version(request.get("VersionId"), versioned=bool(bucket.versioning))
    locks.refuse_bypass(bucket, request)
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
    locks.refuse_bypass(bucket, request)
    deleted, failed = [], []
    for each in wanted:
        key, version = str(each["Key"]), each.get("VersionId")
        conditional = {
            "IfMatch": each.get("ETag"),
            "BypassGovernanceRetention": request.get("BypassGovernanceRetention"),
        }
        try:
            if version is not None and not errors.is_version(
                version, versioned=bool(bucket.versioning)
            ):
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
