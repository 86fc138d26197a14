"""Messages of queues, for tests that cannot tell when they come."""

from __future__ import annotations

from typing import Any

from tests.patience import until


def received(sqs: Any, url: str, **options: Any) -> dict[str, Any]:
    """Return the first answer of ReceiveMessage that has messages; they stay in the queue.

    One question waits for twenty seconds at most, which may not be enough on a busy machine.
    """
    request = {"QueueUrl": url, "WaitTimeSeconds": 20, **options}
    answer: dict[str, Any] = until(
        lambda: sqs.receive_message(**request), lambda seen: bool(seen.get("Messages"))
    )
    return answer


def taken(sqs: Any, url: str, **options: Any) -> dict[str, Any]:
    """Return the next message of a queue, which is no longer in it."""
    (message,) = received(sqs, url, **options)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    found: dict[str, Any] = message
    return found
