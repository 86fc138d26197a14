"""A bucket's notification configuration: checked, and asked who wants an event. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from emulator.services.s3 import errors

#: The kind of the bucket's document.
KIND = "notification"
#: Members of the document: each with that of its ARN, and what S3's XML calls that.
DESTINATIONS = {
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "CloudFunction", "lambda"),
    "QueueConfigurations": ("QueueArn", "Queue", "sqs"),
    "TopicConfigurations": ("TopicArn", "Topic", "sns"),
}
_GROUPS = {
    "ObjectCreated": ("Put", "Post", "Copy", "CompleteMultipartUpload"),
    "ObjectRemoved": ("Delete", "DeleteMarkerCreated"),
    "ObjectRestore": ("Post", "Completed", "Delete"),
    "Replication": (
        "OperationFailedReplication",
        "OperationMissedThreshold",
        "OperationNotTracked",
        "OperationReplicatedAfterThreshold",
    ),
    "LifecycleExpiration": ("Delete", "DeleteMarkerCreated"),
    "ObjectTagging": ("Put", "Delete"),
    "ObjectAnnotation": ("Put", "Delete"),
}
_SINGLE = (
    "s3:ReducedRedundancyLostObject",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAcl:Put",
)
#: Every event that a configuration may name.
EVENTS = frozenset(
    {
        *_SINGLE,
        *(f"s3:{group}:*" for group in _GROUPS),
        *(f"s3:{group}:{each}" for group, events in _GROUPS.items() for each in events),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who is told of which events."""

    id: str
    arn: str
    #: "s3:ObjectCreated:*"
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    def wants(self, event: str, key: str) -> bool:
        """Say whether an event ("ObjectCreated:Put") of an object is told."""
        return (
            key.startswith(self.prefix)
            and key.endswith(self.suffix)
            and any(_covers(each, f"s3:{event}") for each in self.events)
        )

    def overlaps(self, other: Rule) -> bool:
        """Say whether an event of an object may be meant by both."""
        return (
            any(_share(one, two) for one in self.events for two in other.events)
            and _nested(self.prefix, other.prefix, str.startswith)
            and _nested(self.suffix, other.suffix, str.endswith)
        )


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a bucket tells."""

    rules: tuple[Rule, ...]
    #: EventBridge is told of everything.
    bridge: bool = False

    def wanting(self, event: str, key: str) -> list[Rule]:
        """Return the rules that want an event of an object."""
        return [rule for rule in self.rules if rule.wants(event, key)]


def _covers(wanted: str, event: str) -> bool:
    return wanted == event or (wanted.endswith(":*") and event.startswith(wanted[:-1]))


def _share(one: str, two: str) -> bool:
    return _covers(one, two) or _covers(two, one)


def _nested(one: str, two: str, within: Any) -> bool:
    return bool(within(one, two) or within(two, one))


def active(document: Mapping[str, Any] | None) -> Configuration | None:
    """Return the configuration of a document; None: nobody is told."""
    document = document or {}
    rules = tuple(_rule(each, arn) for each, arn, _ in _entries(document))
    bridge = document.get("EventBridgeConfiguration") is not None
    return Configuration(rules, bridge) if rules or bridge else None


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    for member, (arn, title, _) in DESTINATIONS.items():
        for each in document.get(member) or ():
            yield each, str(each.get(arn) or ""), title


def _rule(entry: Mapping[str, Any], arn: str) -> Rule:
    parts = {rule["Name"].lower(): rule.get("Value") or "" for rule in _filter_rules(entry)}
    return Rule(
        id=entry.get("Id") or "",
        arn=arn,
        events=tuple(entry.get("Events") or ()),
        prefix=parts.get("prefix", ""),
        suffix=parts.get("suffix", ""),
    )


def _filter_rules(entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = ((entry.get("Filter") or {}).get("Key") or {}).get(
        "FilterRules"
    ) or ()
    return found


def normalised(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document as it is kept and shown: with ids, and names of rules in S3's spelling.

    Raises:
        AwsError: InvalidArgument: it makes no sense.
    """
    found: dict[str, Any] = {}
    for member in DESTINATIONS:
        entries = [_normalised(each) for each in document.get(member) or ()]
        if entries:
            found[member] = entries
    if document.get("EventBridgeConfiguration") is not None:
        found["EventBridgeConfiguration"] = {}
    _check(found)
    return found


def _normalised(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in entry.items() if value is not None}
    if not found.get("Id"):
        found["Id"] = b64encode(secrets.token_hex(18).encode()).decode()
    if not found.get("Events"):
        raise errors.malformed()
    for event in found["Events"]:
        if event not in EVENTS:
            raise errors.invalid(
                "The event is not supported for notifications",
                ArgumentName="Event",
                ArgumentValue=str(event),
            )
    rules = _filter_rules(entry)
    if rules:
        found["Filter"] = {"Key": {"FilterRules": [_filter_rule(each) for each in rules]}}
        names = [each["Name"] for each in found["Filter"]["Key"]["FilterRules"]]
        for name in ("Prefix", "Suffix"):
            if names.count(name) > 1:
                raise errors.invalid(
                    f"Cannot specify more than one {name.lower()} rule in a filter.",
                    ArgumentName="FilterRule.Name",
                    ArgumentValue=name.lower(),
                )
    return found


def _filter_rule(rule: Mapping[str, Any]) -> dict[str, str]:
    name = str(rule.get("Name") or "")
    if name.lower() not in ("prefix", "suffix"):
        raise errors.invalid(
            "filter rule name must be either prefix or suffix",
            ArgumentName="FilterRule.Name",
            ArgumentValue=name,
        )
    value = str(rule.get("Value") or "")
    if len(value.encode()) > 1024:
        raise errors.invalid(
            "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
            ArgumentName="FilterRule.Value",
            ArgumentValue=value,
        )
    return {"Name": name.capitalize(), "Value": value}


def _check(document: Mapping[str, Any]) -> None:
    """Refuse ids that come twice, and two rules that may mean the same event."""
    rules = [_rule(each, arn) for each, arn, _ in _entries(document)]
    ids = [rule.id for rule in rules]
    if len(set(ids)) < len(ids):
        raise errors.invalid("Same ID used for multiple configurations. IDs must be unique")
    for one, other in combinations(rules, 2):
        if one.overlaps(other):
            raise errors.invalid(
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two"
                " rules if the prefixes are overlapping for the same event type."
            )


def arns(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the ARNs of a document, each with what S3's XML calls it."""
    return [(arn, title) for _, arn, title in _entries(document)]
