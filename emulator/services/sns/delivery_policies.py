"""Delivery policies: how HTTP endpoints are tried again, checked as they are set.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.nesting import read_json
from emulator.services.sns.errors import invalid

#: The bounds of what a retry policy says.
_RETRIES = {
    "minDelayTarget": (1, 3600),
    "maxDelayTarget": (1, 3600),
    "numRetries": (0, 100),
    "numNoDelayRetries": (0, 100),
    "numMinDelayRetries": (0, 100),
    "numMaxDelayRetries": (0, 100),
}
_BACK_OFF = ("arithmetic", "exponential", "geometric", "linear")


def check_of_topic(text: str, action: str = "") -> None:
    """Check the attribute of a topic.

    Raises:
        AwsError: InvalidParameter.
    """
    http = _part(_read(text, action), "http", "http", action)
    path = "http.defaultHealthyRetryPolicy"
    _check_retries(_part(http, "defaultHealthyRetryPolicy", path, action), path, action)
    _part(http, "defaultRequestPolicy", "http.defaultRequestPolicy", action)


def check_of_subscription(text: str) -> None:
    """Check the attribute of a subscription.

    Raises:
        AwsError: InvalidParameter.
    """
    policy = _read(text, "")
    path = "healthyRetryPolicy"
    _check_retries(_part(policy, path, path, ""), path, "")
    _part(policy, "requestPolicy", "requestPolicy", "")


def _read(text: str, action: str) -> dict[str, Any]:
    try:
        policy = read_json(text)
    except ValueError as error:
        raise invalid(f"{action}DeliveryPolicy: failed to parse JSON.") from error
    if not isinstance(policy, dict):
        raise invalid(f"{action}DeliveryPolicy: it must be a JSON object")
    return policy


def _part(policy: Mapping[str, Any], name: str, path: str, action: str) -> dict[str, Any]:
    part = policy.get(name)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise invalid(f"{action}DeliveryPolicy: {path} must be a JSON object")
    return part


def _check_retries(policy: Mapping[str, Any], path: str, action: str) -> None:
    # In these words: https://github.com/awsdocs/amazon-sns-developer-guide/pull/5
    for name, (least, greatest) in _RETRIES.items():
        value = policy.get(name)
        if value is None:
            continue
        where = f"{action}DeliveryPolicy: {path}.{name} must be"
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"{where} an integer")
        if value < least:
            raise invalid(f"{where} greater than or equal to {least}")
        if value > greatest:
            raise invalid(f"{where} less than or equal to {greatest}")
    if policy.get("backoffFunction") not in (None, *_BACK_OFF):
        raise invalid(
            f"{action}DeliveryPolicy: {path}.backoffFunction must be one of {', '.join(_BACK_OFF)}"
        )
    first, last = policy.get("minDelayTarget"), policy.get("maxDelayTarget")
    if first is not None and last is not None and first > last:
        raise invalid(
            f"{action}DeliveryPolicy: {path}.minDelayTarget must be less than or equal to "
            f"{path}.maxDelayTarget"
        )
