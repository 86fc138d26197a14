"""RestoreObject: what is archived can be had again, at once.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
"""

from __future__ import annotations

import sqlite3

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.s3 import errors, rows
from emulator.services.s3.expiry import ARCHIVES, DAY_S, RESTORED, midnight_after
from emulator.services.s3.notifications.notices import cause_of
from emulator.services.s3.objects import find
from emulator.services.s3.state import of


async def restore_object(ctx: Context, request: Request) -> Response:
    """Handle RestoreObject: the object can be had until the midnight behind its days."""
    bucket, found = await find(ctx, request)
    wanted = request.get("RestoreRequest") or {}
    if wanted.get("SelectParameters") or wanted.get("Type"):
        raise AwsError("NotImplemented", "localfaas has no engine for queries.", status=501)
    storage_class = found.details.get("StorageClass", "STANDARD")
    if storage_class not in ARCHIVES:
        raise AwsError(
            "InvalidObjectState",
            "Restore is not allowed for the object's current storage class",
            status=403,
            StorageClass=storage_class,
        )
    days = wanted.get("Days") or 0
    if days < 1:
        raise errors.malformed()
    state, now = of(ctx), ctx.clock.now()
    until = midnight_after(now + days * DAY_S)
    is_again = found.details.get(RESTORED, 0.0) > now
    found.details[RESTORED] = until
    cause = cause_of(ctx, "RestoreObject")
    restored = {"storage_class": storage_class, "expiry": until}

    def work(connection: sqlite3.Connection) -> None:
        rows.change(connection, found)
        if not is_again:
            state.notices.keep(connection, "ObjectRestore:Post", bucket, found, cause, **restored)
            # It takes no time here, and nobody asks for its end.
            done = cause._replace(address="")
            state.notices.keep(
                connection, "ObjectRestore:Completed", bucket, found, done, **restored
            )

    await state.database.write(work)
    state.notices.told(bucket.name)
    ctx.status = 200 if is_again else 202
    return {}
