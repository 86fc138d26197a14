"""What a schedule sends to its target; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery
from emulator.services.scheduler.keys import Key

#: Targets whose calls are made by :mod:`emulator.services.scheduler.sender`.
CALLED = "scheduler:"
#: Stands in inputs for how often the call has been tried.
ATTEMPT = "<aws.scheduler.attempt-number>"
#: Services whose ARNs take the input as it is.
_DIRECT = ("lambda", "sns", "sqs")


def dispatch(key: Key, body: Mapping[str, Any], occurrence: float, since: float) -> Dispatch:
    """Return the call of a schedule's target.

    Args:
        key: The schedule.
        body: Its document.
        occurrence: When the call is meant.
        since: Since when it is tried.
    """
    target = body["fields"]["Target"]
    execution = execution_id(key.arn, occurrence)
    scheduled = iso(occurrence)
    text = target.get("Input")
    if text is None:
        text = default_input(key, execution, scheduled)
    for name, value in (
        ("<aws.scheduler.schedule-arn>", key.arn),
        ("<aws.scheduler.scheduled-time>", scheduled),
        ("<aws.scheduler.execution-id>", execution),
    ):
        text = text.replace(name, value)
    arn: str = target["Arn"]
    is_direct = arn.split(":")[2] in _DIRECT and ATTEMPT not in text
    return Dispatch(
        target=arn if is_direct else CALLED + arn,
        delivery=Delivery(
            payload=text.encode(),
            group_id=(target.get("SqsParameters") or {}).get("MessageGroupId", ""),
            # A queue that is told twice of the same call, after a crash, takes it once.
            deduplication_id=execution if arn.endswith(".fifo") else "",
            source_arn=key.arn,
        ),
        lane=key.arn,
        context={
            "account": key.account,
            "region": key.region,
            "arn": arn,
            "schedule": key.arn,
            "scheduled": scheduled,
            "execution": execution,
            "retry": target.get("RetryPolicy") or {},
            "dead": (target.get("DeadLetterConfig") or {}).get("Arn"),
            "parameters": {
                name: value for name, value in target.items() if name.endswith("Parameters")
            },
        },
        accepted=since,
    )


def default_input(key: Key, execution: str, scheduled: str) -> str:
    """Return what a target gets whose schedule has no input.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
    """
    event = {
        "version": "0",
        "id": execution,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": key.account,
        "time": scheduled,
        "region": key.region,
        "resources": [key.arn],
        "detail": "{}",
    }
    return json.dumps(event, separators=(",", ":"))


def execution_id(arn: str, occurrence: float) -> str:
    """Return the id of one call: 16 hexadecimal digits, the same after a crash."""
    return hashlib.blake2b(f"{arn}\0{occurrence}".encode(), digest_size=8).hexdigest()


def iso(instant: float) -> str:
    """Return an instant as Scheduler writes it."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
