"""Gauges of other services: read when somebody asks for them, or an alarm does.

AWS's queues tell their lengths once a minute. Here they are asked when it matters, so that queues
cost nothing where nobody watches them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from emulator.model.errors import AwsError
from emulator.services.context import Parts

QUEUES = "AWS/SQS"
#: Seconds before now that a value counts for: an alarm that is looked at a second after a minute's
#: end asks for that minute.
_BEFORE_S = 5.0
#: Queues that are asked at most where no single one is meant.
_MOST = 1000
#: Metrics by the attributes of queues.
_OF_QUEUES = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
}


async def read_queues(parts: Parts, account: str, region: str, name: str | None = None) -> None:
    """Record how many messages wait in queues.

    Args:
        parts: The emulator's.
        account: Whose queues.
        region: Where.
        name: Of this queue; None: of all.
    """
    call = parts.table.call
    try:
        if name is None:
            answer = await call(
                "sqs", "ListQueues", {"MaxResults": _MOST}, account=account, region=region
            )
            urls = answer.get("QueueUrls") or []
        else:
            answer = await call(
                "sqs", "GetQueueUrl", {"QueueName": name}, account=account, region=region
            )
            urls = [answer["QueueUrl"]]
    except AwsError:
        return  # there is no such queue
    for url in urls:
        request = {"QueueUrl": url, "AttributeNames": list(_OF_QUEUES)}
        try:
            answer = await call(
                "sqs", "GetQueueAttributes", request, account=account, region=region
            )
        except AwsError:
            continue  # it was deleted meanwhile
        dimensions = (("QueueName", url.rpartition("/")[2]),)
        for attribute, metric in _OF_QUEUES.items():
            parts.own_metrics.record(
                account,
                region,
                QUEUES,
                metric,
                dimensions,
                float(answer["Attributes"][attribute]),
                at=parts.clock.now() - _BEFORE_S,
            )
