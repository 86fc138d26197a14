"""A topic's access policy, and how deliveries to HTTP endpoints are tried again: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from emulator.access.policy import statements_of
from emulator.model.nesting import read_json
from emulator.services.sns.errors import invalid

#: Actions that AddPermission can grant.
_ACTIONS = frozenset(
    {
        "AddPermission",
        "DeleteTopic",
        "GetDataProtectionPolicy",
        "GetTopicAttributes",
        "ListSubscriptionsByTopic",
        "ListTagsForResource",
        "Publish",
        "PutDataProtectionPolicy",
        "RemovePermission",
        "SetTopicAttributes",
        "Subscribe",
    }
)
#: What a topic allows its owner.
_DEFAULT = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)
#: The default of retries of HTTP endpoints.
#: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
HEALTHY = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
_REQUEST = {"headerContentType": "text/plain; charset=UTF-8"}


def default(arn: str, account: str) -> dict[str, Any]:
    """Return the policy of a new topic."""
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"SNS:{name}" for name in _DEFAULT],
                "Resource": arn,
                "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
            }
        ],
    }


def of_topic(topic: Mapping[str, Any], arn: str) -> dict[str, Any]:
    """Return a topic's policy."""
    text = topic["attributes"].get("Policy")
    if not text:
        return default(arn, arn.split(":")[4])
    policy: dict[str, Any] = json.loads(text)
    return policy


def with_permission(
    policy: Mapping[str, Any],
    arn: str,
    label: str,
    accounts: Sequence[str],
    actions: Sequence[str],
) -> dict[str, Any]:
    """Return a policy with one more statement.

    Raises:
        AwsError: There is one of this label, or an action is none of SNS's.
    """
    statements = list(statements_of(policy))
    if any(each.get("Sid") == label for each in statements):
        raise invalid("Statement already exists")
    if not all(action in _ACTIONS for action in actions):
        raise invalid("Policy statement action out of service scope!")
    principals = [f"arn:aws:iam::{account}:root" for account in accounts]
    names = [f"SNS:{action}" for action in actions]
    statements.append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
            "Action": names[0] if len(names) == 1 else names,
            "Resource": arn,
        }
    )
    return {**policy, "Statement": statements}


def without_permission(policy: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return a policy without the statement of a label, if it has one."""
    statements = [each for each in statements_of(policy) if each.get("Sid") != label]
    return {**policy, "Statement": statements}


def effective_delivery(text: str | None) -> dict[str, Any]:
    """Return what holds for HTTP endpoints of a topic."""
    given: dict[str, Any] = json.loads(text).get("http") or {} if text else {}
    return {
        "http": {
            "defaultHealthyRetryPolicy": {
                **HEALTHY,
                **(given.get("defaultHealthyRetryPolicy") or {}),
            },
            "disableSubscriptionOverrides": bool(given.get("disableSubscriptionOverrides", False)),
            "defaultRequestPolicy": {**_REQUEST, **(given.get("defaultRequestPolicy") or {})},
        }
    }


def http_retries(topic: Mapping[str, Any], subscription: Mapping[str, Any]) -> dict[str, Any]:
    """Return the retry policy of an HTTP subscription.

    Args:
        topic: The topic's attributes.
        subscription: The subscription's attributes.
    """
    effective = effective_delivery(topic.get("DeliveryPolicy"))["http"]
    own = subscription.get("DeliveryPolicy")
    if own and not effective["disableSubscriptionOverrides"]:
        healthy = json.loads(own).get("healthyRetryPolicy") or {}
        return {**effective["defaultHealthyRetryPolicy"], **healthy}
    found: dict[str, Any] = effective["defaultHealthyRetryPolicy"]
    return found


def http_delay(policy: Mapping[str, Any], failures: int) -> float | None:
    """Return the seconds until the next attempt of an HTTP delivery; None: there is none.

    The phases: at once, with the least delay, backing off, with the greatest delay.

    Args:
        policy: How deliveries are tried again.
        failures: Attempts that have failed (from 1).
    """
    retries = int(policy["numRetries"])
    if failures > retries:
        return None
    least, most = float(policy["minDelayTarget"]), float(policy["maxDelayTarget"])
    at_once, first = int(policy["numNoDelayRetries"]), int(policy["numMinDelayRetries"])
    last = int(policy["numMaxDelayRetries"])
    if failures <= at_once:
        return 0.0
    if failures <= at_once + first:
        return least
    backing_off = max(0, retries - at_once - first - last)
    step = failures - at_once - first
    if step > backing_off or backing_off <= 1:
        return most if step > backing_off else least
    share = (step - 1) / (backing_off - 1)
    if policy.get("backoffFunction") == "exponential" and least > 0:
        return float(least * (most / least) ** share)
    if policy.get("backoffFunction") == "geometric":
        return least + (most - least) * share**2
    if policy.get("backoffFunction") == "arithmetic":
        return least + (most - least) * share * (share + 1) / 2
    return least + (most - least) * share


#: Delays of what AWS manages itself (Lambda, SQS): 3 retries at once, 2 after 1 s, 10 backing off
#: to 20 s, 100,000 every 20 s: 23 days in all.
_MANAGED = (0.0, 0.0, 0.0, 1.0, 1.0)
_MANAGED_BACK_OFF = (1.0, 20.0, 10)
MANAGED_ATTEMPTS = 100_015


def managed_delay(failures: int) -> float | None:
    """Return the seconds until the next attempt of a delivery to AWS's own endpoints."""
    if failures > MANAGED_ATTEMPTS:
        return None
    if failures <= len(_MANAGED):
        return _MANAGED[failures - 1]
    least, most, steps = _MANAGED_BACK_OFF
    step = failures - len(_MANAGED)
    return float(min(most, least * (most / least) ** (step / steps)))


# -- archives and replays -------------------------------------------------------------------------

_MOST_DAYS = 365
#: Later than every message.
_EVER = 1e12


def check_archive(value: str, where: str = "") -> None:
    """Check the attribute of a topic; "{}" ends archiving.

    Raises:
        AwsError: InvalidParameter.
    """
    policy = _object("ArchivePolicy", value, where)
    if not policy:
        return
    period = str(policy.get("MessageRetentionPeriod", ""))
    if not period.isdigit() or not 1 <= int(period) <= _MOST_DAYS:
        raise invalid(f"{where}ArchivePolicy: MessageRetentionPeriod must be from 1 to 365 days")


def replay_window(value: str, where: str = "") -> tuple[float, float] | None:
    """Return from when to when a replay policy replays; None: it ends the replay.

    Raises:
        AwsError: InvalidParameter.
    """
    policy = _object("ReplayPolicy", value, where)
    if not policy:
        return None
    if policy.get("PointType") != "Timestamp" or "StartingPoint" not in policy:
        raise invalid(f"{where}ReplayPolicy: PointType must be Timestamp, with a StartingPoint")
    ending = policy.get("EndingPoint")
    begins = _moment(policy["StartingPoint"], where)
    return begins, _EVER if ending is None else _moment(ending, where)


def _object(name: str, value: str, where: str) -> dict[str, Any]:
    try:
        policy = read_json(value)
    except ValueError as error:
        raise invalid(f"{where}{name}: failed to parse JSON.") from error
    if not isinstance(policy, dict):
        raise invalid(f"{where}{name}: it must be a JSON object")
    return policy


def _moment(text: Any, where: str) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError as error:
        raise invalid(f"{where}ReplayPolicy: {text} is no time of ISO 8601") from error
