"""Buckets whose owner a request expects: another one's are refused.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import wraps

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.s3 import errors
from emulator.services.s3.state import of

Handler = Callable[[Context, Request], Awaitable[Response]]
_ACCOUNT = re.compile(r"\d{12}")


def expected(handler: Handler) -> Handler:
    """Return a handler that looks at ``ExpectedBucketOwner`` first."""

    @wraps(handler)
    async def run(ctx: Context, request: Request) -> Response:
        owner = request.get("ExpectedBucketOwner")
        if owner is not None:
            refuse_other(ctx, str(request["Bucket"]), str(owner))
        return await handler(ctx, request)

    return run


def refuse_other(ctx: Context, name: str, owner: str) -> None:
    """Refuse a bucket that somebody else owns.

    Args:
        ctx: The request.
        name: The bucket's.
        owner: Who should own it.

    Raises:
        AwsError: InvalidBucketOwnerAWSAccountID, NoSuchBucket, or AccessDenied.
    """
    if _ACCOUNT.fullmatch(owner) is None:
        raise errors.invalid(
            "The value of the expected bucket owner parameter must be an AWS Account ID...",
            code="InvalidBucketOwnerAWSAccountID",
        )
    if of(ctx).bucket(name).account != owner:
        raise AwsError("AccessDenied", "Access Denied", status=403)
