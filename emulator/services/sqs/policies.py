"""A queue's policies: redrive, redrive allow, and access."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.nesting import read_json
from emulator.services.sqs import errors

#: Actions that AddPermission can grant; all others are the owner's.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
SHARED_ACTIONS = frozenset(
    {
        "*",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
        "ReceiveMessage",
        "SendMessage",
    }
)
OWNER_ACTIONS = frozenset(
    {
        "AddPermission",
        "CancelMessageMoveTask",
        "CreateQueue",
        "DeleteQueue",
        "ListMessageMoveTasks",
        "ListQueues",
        "ListQueueTags",
        "RemovePermission",
        "SetQueueAttributes",
        "StartMessageMoveTask",
        "TagQueue",
        "UntagQueue",
    }
)
#: The most source queues of a redrive allow policy.
MAX_SOURCES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RedrivePolicy:
    """Where messages go that were received too often, and when."""

    target: str
    max_receives: int


def parse_redrive(text: str) -> RedrivePolicy:
    """Read a RedrivePolicy attribute.

    Raises:
        AwsError: InvalidParameterValue, saying what is wrong with it.
    """

    def invalid(reason: str) -> AwsError:
        return errors.invalid_value(text, "RedrivePolicy", reason)

    policy = _object(text)
    if policy is None:
        raise invalid("Redrive policy is not a valid JSON map.")
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if policy.get(name) is None:
            raise invalid(f"Redrive policy does not contain mandatory attribute: {name}.")
    target, count = policy["deadLetterTargetArn"], policy["maxReceiveCount"]
    if not isinstance(target, str) or not _is_queue_arn(target):
        raise invalid("Invalid value for deadLetterTargetArn.")
    number = _number(count)
    if number is None or not 1 <= number <= 1000:
        raise invalid(
            f"Invalid value for maxReceiveCount: {count}, "
            "valid values are from 1 to 1000 both inclusive."
        )
    return RedrivePolicy(target=target, max_receives=number)


def parse_redrive_allow(text: str) -> dict[str, Any]:
    """Read a RedriveAllowPolicy attribute.

    Raises:
        AwsError: InvalidParameterValue.
    """
    policy = _object(text)
    permission = policy.get("redrivePermission") if policy is not None else None
    sources = policy.get("sourceQueueArns") if policy is not None else None
    by_queue = permission == "byQueue"
    if (
        policy is None
        or permission not in ("allowAll", "denyAll", "byQueue")
        or by_queue is not isinstance(sources, list)
        or (by_queue and not 1 <= len(sources or ()) <= MAX_SOURCES)
        or any(not isinstance(arn, str) or not _is_queue_arn(arn) for arn in sources or ())
    ):
        raise errors.invalid_value(
            text,
            "RedriveAllowPolicy",
            "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.",
        )
    return policy


def allows_redrive(policy: str | None, source: str) -> bool:
    """Say whether a dead-letter queue's RedriveAllowPolicy allows ``source`` (an ARN)."""
    if not policy:
        return True
    read = parse_redrive_allow(policy)
    permission = read["redrivePermission"]
    return permission == "allowAll" or (
        permission == "byQueue" and source in read["sourceQueueArns"]
    )


def check_policy(text: str) -> None:
    """Raise InvalidAttributeValue if a Policy attribute is no policy."""
    policy = _object(text)
    statements = policy.get("Statement") if policy is not None else None
    if not isinstance(statements, list | dict) or not statements:
        raise errors.invalid_attribute("Policy")


def add_permission(
    policy: str | None, arn: str, label: str, accounts: Sequence[str], actions: Sequence[str]
) -> str:
    """Return the Policy attribute with one more statement, rendered as AWS does.

    Raises:
        AwsError: InvalidParameterValue: the label is taken, or an action can't be given away.
    """
    for action in actions:
        if action in OWNER_ACTIONS:
            raise errors.invalid_value(
                f"SQS:{action}",
                "ActionName",
                "Only the queue owner is allowed to invoke this action.",
            )
        if action not in SHARED_ACTIONS:
            raise errors.invalid_value(
                f"SQS:{action}",
                "ActionName",
                "Please refer to the appropriate WSDL for a list of valid actions. ",
            )
    read = _object(policy or "") or {
        "Version": "2008-10-17",
        "Id": f"{arn}/SQSDefaultPolicy",
        "Statement": [],
    }
    statements = _statements(read)
    if any(statement.get("Sid") == label for statement in statements):
        raise errors.invalid_value(label, "Label", "Already exists.")
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_many([f"arn:aws:iam::{a}:root" for a in accounts])},
        "Action": _one_or_many([f"SQS:{action}" for action in actions]),
        "Resource": arn,
    }
    return _render({**read, "Statement": [*statements, statement]})


def remove_permission(policy: str | None, label: str) -> str | None:
    """Return the Policy attribute without a statement; None where no statement is left.

    Raises:
        AwsError: InvalidParameterValue: no statement has this label.
    """
    read = _object(policy or "") or {}
    statements = _statements(read)
    left = [statement for statement in statements if statement.get("Sid") != label]
    if len(left) == len(statements):
        raise errors.invalid_value(label, "Label", "can't find label.")
    return _render({**read, "Statement": left}) if left else None


def _statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    found = policy.get("Statement") or []
    return [s for s in (found if isinstance(found, list) else [found]) if isinstance(s, dict)]


def _one_or_many(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _render(policy: dict[str, Any]) -> str:
    return json.dumps(policy, separators=(",", ":"))


def _object(text: str) -> dict[str, Any] | None:
    try:
        read = read_json(text)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _is_queue_arn(text: str) -> bool:
    parts = text.split(":")
    return len(parts) == 6 and parts[0] == "arn" and parts[2] == "sqs" and all(parts[3:])
