"""Records for the ARN of a bucket: each becomes an object."""

from __future__ import annotations

from emulator.invoke.targets import Delivery
from emulator.model.errors import AwsError
from emulator.services.context import Parts


async def deliver(parts: Parts, state: object, arn: str, delivery: Delivery) -> None:
    """Put a record into a bucket, as its sender's account.

    Only what Lambda could not do becomes an object; nothing else is sent to buckets on AWS.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html

    Raises:
        AwsError: There is no such bucket, or it does not take the object.
    """
    if not delivery.object_key:
        raise AwsError("InvalidRequest", f"{arn} takes only records of failed invocations.")
    _, _, _, region, account, _ = delivery.source_arn.split(":", 5)
    request = {
        "Bucket": arn.split(":", 5)[5],
        "Key": delivery.object_key,
        "Body": delivery.payload,
    }
    await parts.table.call("s3", "PutObject", request, account=account, region=region)
