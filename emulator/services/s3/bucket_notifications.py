"""PutBucketNotificationConfiguration and its counterpart.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.s3 import errors, rows
from emulator.services.s3.notifications.configuration import (
    DESTINATIONS,
    KIND,
    arns,
    normalised,
)
from emulator.services.s3.rows import Bucket
from emulator.services.s3.state import of

_SERVICES = {title: service for _, title, service in DESTINATIONS.values()}
_ARN = re.compile(r"arn:aws[a-z-]*:([a-z0-9-]+):([a-z0-9-]+):(\d{12}):(.+)")


async def put_bucket_notification_configuration(ctx: Context, request: Request) -> Response:
    """Handle PutBucketNotificationConfiguration: destinations must be there."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    document = normalised(request["NotificationConfiguration"] or {})
    if not request.get("SkipDestinationValidation"):
        await _check_destinations(ctx, bucket, document)
    await state.database.write(lambda c: rows.put_document(c, bucket.name, KIND, "", document))
    await state.notices.configure(bucket, document)
    return {}


async def get_bucket_notification_configuration(ctx: Context, request: Request) -> Response:
    """Handle GetBucketNotificationConfiguration."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    found = await state.database.read(lambda c: rows.document(c, bucket.name, KIND))
    return dict(found or {})


async def _check_destinations(ctx: Context, bucket: Bucket, document: Mapping[str, Any]) -> None:
    wrong: list[tuple[str, str]] = []
    for arn, title in arns(document):
        match = _ARN.fullmatch(arn)
        if match is None or match[1] != _SERVICES[title]:
            raise errors.invalid(
                "The ARN could not be parsed", ArgumentName=title, ArgumentValue=arn
            )
        if match[2] != bucket.region:
            reason = (
                "The notification destination service region is not valid for the bucket location"
                " constraint"
            )
        else:
            reason = await _missing(ctx, arn, *match.groups())
        if reason:
            name = f"{arn}, null" if title == "CloudFunction" else arn
            wrong.append((name, reason))
    if wrong:
        fields: dict[str, str] = {}
        for index, (name, reason) in enumerate(wrong, 1):
            fields |= {f"ArgumentName{index}": name, f"ArgumentValue{index}": reason}
        raise errors.invalid(
            "Unable to validate the following destination configurations", **fields
        )


async def _missing(
    ctx: Context, arn: str, service: str, region: str, account: str, name: str
) -> str:
    """Return why a destination takes no events; "" if it does."""
    if name.endswith(".fifo"):
        return f"FIFO {'topics' if service == 'sns' else 'queues'} take no events of buckets"
    operation, asked, reason = {
        "lambda": (
            "GetFunctionConfiguration",
            {"FunctionName": arn},
            f"Not authorized to invoke function [{arn}]",
        ),
        "sns": (
            "GetTopicAttributes",
            {"TopicArn": arn},
            "The destination topic does not exist",
        ),
        "sqs": ("GetQueueUrl", {"QueueName": name}, "The destination queue does not exist"),
    }[service]
    try:
        await ctx.parts.table.call(service, operation, asked, account=account, region=region)
    except AwsError:
        return reason
    return ""
