"""What templates say of a bucket, in the forms of the API: pure functions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that have a value."""
    return {name: value for name, value in values.items() if value not in (None, [], {})}


def filtered(given: Mapping[str, Any], *sizes: str) -> dict[str, Any]:
    """Return the filter of a rule: one condition by itself, several within ``And``.

    Args:
        given: With its ``Prefix`` and ``TagFilters``.
        sizes: Other members that are conditions.
    """
    tags = list(given.get("TagFilters") or [])
    conditions = present({name: given.get(name) for name in ("Prefix", *sizes)})
    if len(conditions) + len(tags) > 1:
        return {"And": {**conditions, **({"Tags": tags} if tags else {})}}
    return {"Tag": tags[0]} if tags else conditions


def lifecycle(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of PutBucketLifecycleConfiguration for ``LifecycleConfiguration``."""
    rules = [_lifecycle_rule(rule) for rule in given.get("Rules") or []]
    least = given.get("TransitionDefaultMinimumObjectSize")
    return {
        "LifecycleConfiguration": {"Rules": rules},
        **({"TransitionDefaultMinimumObjectSize": least} if least else {}),
    }


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    sizes = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
    found: dict[str, Any] = {
        "ID": rule.get("Id"),
        "Status": rule.get("Status", "Enabled"),
        "Filter": filtered(rule, *sizes) or {"Prefix": ""},
        "Transitions": [
            present(
                {
                    "Days": each.get("TransitionInDays"),
                    "Date": each.get("TransitionDate"),
                    "StorageClass": each.get("StorageClass"),
                }
            )
            for each in _several(rule, "Transition")
        ],
        "NoncurrentVersionTransitions": [
            present(
                {
                    "NoncurrentDays": each.get("TransitionInDays"),
                    "NewerNoncurrentVersions": each.get("NewerNoncurrentVersions"),
                    "StorageClass": each.get("StorageClass"),
                }
            )
            for each in _several(rule, "NoncurrentVersionTransition")
        ],
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
        "NoncurrentVersionExpiration": present(
            {
                "NoncurrentDays": rule.get("NoncurrentVersionExpirationInDays"),
                **(rule.get("NoncurrentVersionExpiration") or {}),
            }
        ),
    }
    if "ExpirationInDays" in rule:
        found["Expiration"] = {"Days": rule["ExpirationInDays"]}
    elif "ExpirationDate" in rule:
        found["Expiration"] = {"Date": rule["ExpirationDate"]}
    elif rule.get("ExpiredObjectDeleteMarker"):
        found["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    return present(found)


def _several(rule: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return what a rule has in the plural, and in the singular that came before it."""
    one = rule.get(name)
    return [*(rule.get(f"{name}s") or []), *([one] if one else [])]


def notification(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's form of ``NotificationConfiguration``."""
    kinds = {
        "LambdaConfigurations": ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
        "QueueConfigurations": ("QueueConfigurations", "Queue", "QueueArn"),
        "TopicConfigurations": ("TopicConfigurations", "Topic", "TopicArn"),
    }
    found: dict[str, Any] = {}
    for name, (member, target, arn) in kinds.items():
        for each in given.get(name) or []:
            entry = {arn: each.get(target), "Events": [each.get("Event")]}
            rules = ((each.get("Filter") or {}).get("S3Key") or {}).get("Rules")
            if rules:
                entry["Filter"] = {"Key": {"FilterRules": rules}}
            found.setdefault(member, []).append(entry)
    bridge = given.get("EventBridgeConfiguration")
    if bridge is not None and str(bridge.get("EventBridgeEnabled", True)).lower() == "true":
        found["EventBridgeConfiguration"] = {}
    return found


def encryption(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's form of ``BucketEncryption``."""
    rules = [
        present(
            {
                **rule,
                "ServerSideEncryptionByDefault": None,
                "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault"),
            }
        )
        for rule in given.get("ServerSideEncryptionConfiguration") or []
    ]
    return {"Rules": rules}


def logging(given: Mapping[str, Any], bucket: str) -> dict[str, Any]:
    """Return the API's form of ``LoggingConfiguration``."""
    target = {
        "TargetBucket": given.get("DestinationBucketName", bucket),
        "TargetPrefix": given.get("LogFilePrefix", ""),
    }
    if given.get("TargetObjectKeyFormat"):
        target["TargetObjectKeyFormat"] = given["TargetObjectKeyFormat"]
    return {"LoggingEnabled": target}


def replication(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's form of ``ReplicationConfiguration``."""

    def renamed(conditions: Mapping[str, Any]) -> dict[str, Any]:
        names = {"TagFilter": "Tag", "TagFilters": "Tags"}
        found = {names.get(name, name): value for name, value in conditions.items()}
        if isinstance(both := found.get("And"), Mapping):
            found["And"] = renamed(both)
        return found

    rules = [
        {**rule, **({"Filter": renamed(rule["Filter"])} if rule.get("Filter") else {})}
        for rule in given.get("Rules") or []
    ]
    return {**given, "Rules": rules}


def website(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's form of ``WebsiteConfiguration``."""
    found = dict(given)
    if isinstance(index := found.get("IndexDocument"), str):
        found["IndexDocument"] = {"Suffix": index}
    if isinstance(error := found.get("ErrorDocument"), str):
        found["ErrorDocument"] = {"Key": error}
    names = {"RoutingRuleCondition": "Condition", "RedirectRule": "Redirect"}
    if "RoutingRules" in found:
        found["RoutingRules"] = [
            {names.get(key, key): item for key, item in rule.items()}
            for rule in found["RoutingRules"]
        ]
    return found


def cors(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's form of ``CorsConfiguration``."""
    names = {"MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    rules = [
        {names.get(key, key): value for key, value in rule.items()}
        for rule in given.get("CorsRules") or []
    ]
    return {"CORSRules": rules}


def metrics(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's form of an element of ``MetricsConfigurations``."""
    return present({"Id": given.get("Id"), "Filter": filtered(given, "AccessPointArn")})


def tiering(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's form of an element of ``IntelligentTieringConfigurations``."""
    kept = {name: given.get(name) for name in ("Id", "Status", "Tierings")}
    return present({**kept, "Filter": filtered(given)})


def analytics(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's form of an element of ``AnalyticsConfigurations``."""
    analysis = dict(given.get("StorageClassAnalysis") or {})
    if export := analysis.get("DataExport"):
        place = _destination(export.get("Destination") or {})
        analysis["DataExport"] = {**export, "Destination": {"S3BucketDestination": place}}
    return {
        **present({"Id": given.get("Id"), "Filter": filtered(given)}),
        "StorageClassAnalysis": analysis,
    }


def inventory(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's form of an element of ``InventoryConfigurations``."""
    kept = ("Id", "IncludedObjectVersions", "OptionalFields")
    prefix = given.get("Prefix")
    return {
        **present({name: given.get(name) for name in kept}),
        **({"Filter": {"Prefix": prefix}} if prefix else {}),
        "IsEnabled": given.get("Enabled"),
        "Destination": {"S3BucketDestination": _destination(given.get("Destination") or {})},
        "Schedule": {"Frequency": given.get("ScheduleFrequency")},
    }


def _destination(given: Mapping[str, Any]) -> dict[str, Any]:
    names = {"BucketArn": "Bucket", "BucketAccountId": "AccountId"}
    return {names.get(key, key): value for key, value in given.items()}


def named(configurations: Sequence[Mapping[str, Any]] | None) -> dict[str, Mapping[str, Any]]:
    """Return configurations by their ids."""
    return {str(each.get("Id")): each for each in configurations or ()}
