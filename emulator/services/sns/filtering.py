"""Which messages a subscription wants.

A filter policy looks at a message's attributes or at its body, in the language of event patterns.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from emulator.services.sns.errors import bad, invalid
from emulator.sources.pattern_reasons import explain
from emulator.sources.patterns import InvalidPattern, Pattern

ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"
#: AWS's limits of a policy: keys in all, and combinations of values.
_MOST_KEYS, _MOST_COMBINATIONS = 5, 150


class Filter:
    """A compiled filter policy.

    Args:
        text: The policy's JSON.
        scope: What it looks at.

    Raises:
        AwsError: It is no policy.
    """

    def __init__(self, text: str, scope: str) -> None:
        policy = _parse(text)
        self.of_body = scope == BODY
        if not self.of_body and _is_nested(policy):
            raise invalid(
                "Filter policy scope MessageAttributes does not support nested filter policy"
            )
        _check_size(policy)
        try:
            self.pattern = Pattern(text)
        except InvalidPattern as error:
            raise invalid(f"FilterPolicy: {explain(text) or error}") from error

    def takes(self, body: str, attributes: Mapping[str, Mapping[str, Any]]) -> bool:
        """Say whether a message is wanted.

        Args:
            body: The message.
            attributes: Its attributes.
        """
        event = of_body(body) if self.of_body else of_attributes(attributes)
        return event is not None and self.pattern.matches(event)


def of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a policy of the scope MessageAttributes looks at."""
    return {name: _value(attribute) for name, attribute in attributes.items()}


def of_body(body: str) -> dict[str, Any] | None:
    """Return what a policy of the scope MessageBody looks at; None: it wants no such message."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None


def _parse(text: str) -> dict[str, Any]:
    try:
        policy = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid("FilterPolicy: failed to parse JSON.") from error
    if not isinstance(policy, dict):
        raise invalid("FilterPolicy: Filter policy must be a JSON object")
    return policy


def _is_nested(policy: Mapping[str, Any]) -> bool:
    return any(
        isinstance(value, dict)
        or (
            name == "$or"
            and isinstance(value, list)
            and any(isinstance(each, dict) and _is_nested(each) for each in value)
        )
        for name, value in policy.items()
    )


def _check_size(policy: Mapping[str, Any]) -> None:
    keys, combinations = _size(policy, 1)
    if keys > _MOST_KEYS:
        raise invalid(f"FilterPolicy: Filter policy can not have more than {_MOST_KEYS} keys")
    if combinations > _MOST_COMBINATIONS:
        raise bad("Invalid parameter: FilterPolicy: Filter policy is too complex")


def _size(policy: Mapping[str, Any], depth: int) -> tuple[int, int]:
    keys, combinations = 0, 1
    for name, value in policy.items():
        if isinstance(value, dict):
            below, factor = _size(value, depth + 1)
            keys, combinations = keys + below, combinations * factor
        elif name == "$or" and isinstance(value, list):
            found = [_size(each, depth) for each in value if isinstance(each, dict)]
            keys += sum(each[0] for each in found)
            combinations *= max(1, sum(each[1] for each in found))
        elif isinstance(value, list):
            keys, combinations = keys + 1, combinations * max(1, len(value)) * depth
    return keys, combinations


def _value(attribute: Mapping[str, Any]) -> Any:
    """Return what a pattern sees of a message attribute."""
    kind = attribute.get("DataType", "String")
    text = attribute.get("StringValue", "")
    if kind.startswith("Number"):
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return float(text)
        except ValueError:
            return text
    if kind == "String.Array":
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text
