"""S3's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_S3.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    ServiceKind,
    Wanted,
    forgiving,
    merge_tags,
)

#: Properties of a bucket that are documents: the operation that puts each, the member that holds
#: it, and the one that removes it.
_DOCUMENTS = {
    "AccelerateConfiguration": ("PutBucketAccelerateConfiguration", "AccelerateConfiguration", ""),
    "CorsConfiguration": ("PutBucketCors", "CORSConfiguration", "DeleteBucketCors"),
    "OwnershipControls": (
        "PutBucketOwnershipControls",
        "OwnershipControls",
        "DeleteBucketOwnershipControls",
    ),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock",
        "PublicAccessBlockConfiguration",
        "DeletePublicAccessBlock",
    ),
    "ReplicationConfiguration": (
        "PutBucketReplication",
        "ReplicationConfiguration",
        "DeleteBucketReplication",
    ),
    "WebsiteConfiguration": ("PutBucketWebsite", "WebsiteConfiguration", "DeleteBucketWebsite"),
}


class Bucket(ServiceKind):
    """AWS::S3::Bucket."""

    reading = Reading(service="s3", lists="ListBuckets", listed="Buckets", item="Name")

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name("BucketName", longest=63, lower=True)
        request: dict[str, Any] = {"Bucket": name}
        if call.region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": call.region}
        if str(wanted.properties.get("ObjectLockEnabled", "")).lower() == "true":
            request["ObjectLockEnabledForBucket"] = True
        await call("s3", "CreateBucket", request)
        try:
            await self._apply(call, name, {}, wanted)
        except AwsError:
            await call("s3", "DeleteBucket", {"Bucket": name})
            raise
        return Made(
            physical=name,
            attributes={
                "Arn": f"arn:aws:s3:::{name}",
                "DomainName": f"{name}.s3.amazonaws.com",
                "DualStackDomainName": f"{name}.s3.dualstack.{call.region}.amazonaws.com",
                "RegionalDomainName": f"{name}.s3.{call.region}.amazonaws.com",
                "WebsiteURL": f"http://{name}.s3-website-{call.region}.amazonaws.com",
            },
        )

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        await self._apply(call, made.physical, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "s3", "DeleteBucket", {"Bucket": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("BucketName", longest=63, lower=True)
        found = await forgiving(call, "s3", "HeadBucket", {"Bucket": name})
        return [] if found is None else [Made(physical=name)]

    async def _apply(
        self, call: Call, name: str, before: Mapping[str, Any], wanted: Wanted
    ) -> None:
        after = wanted.properties
        # Replication wants versions to be there.
        status = (after.get("VersioningConfiguration") or {}).get("Status")
        if status:
            versioning = {"Bucket": name, "VersioningConfiguration": {"Status": status}}
            await call("s3", "PutBucketVersioning", versioning)
        for given, (put, member, delete) in _DOCUMENTS.items():
            if given in after:
                request = call.fit("s3", put, {"Bucket": name, member: _renamed(after[given])})
                await call("s3", put, request)
            elif given in before and delete:
                await call("s3", delete, {"Bucket": name})
        tags = merge_tags(wanted.tags, after.get("Tags"))
        if tags:
            await call("s3", "PutBucketTagging", {"Bucket": name, "Tagging": {"TagSet": tags}})
        if before.get("NotificationConfiguration") and not after.get("NotificationConfiguration"):
            nothing = {"Bucket": name, "NotificationConfiguration": {}}
            await call("s3", "PutBucketNotificationConfiguration", nothing)
        for put, request in _special(name, after):
            await call("s3", put, call.fit("s3", put, request))


def _special(name: str, after: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the operations for properties whose members are called otherwise."""
    found: list[tuple[str, dict[str, Any]]] = []
    encryption = after.get("BucketEncryption")
    if encryption:
        rules = [
            {
                "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault"),
                "BucketKeyEnabled": rule.get("BucketKeyEnabled"),
            }
            for rule in encryption.get("ServerSideEncryptionConfiguration") or []
        ]
        configuration = {"Rules": rules}
        body = {"Bucket": name, "ServerSideEncryptionConfiguration": configuration}
        found.append(("PutBucketEncryption", body))
    lifecycle = after.get("LifecycleConfiguration")
    if lifecycle:
        rules = [_rule(rule) for rule in lifecycle.get("Rules") or []]
        body = {"Bucket": name, "LifecycleConfiguration": {"Rules": rules}}
        found.append(("PutBucketLifecycleConfiguration", body))
    notification = after.get("NotificationConfiguration")
    if notification:
        body = {"Bucket": name, "NotificationConfiguration": _notification(notification)}
        found.append(("PutBucketNotificationConfiguration", body))
    lock = after.get("ObjectLockConfiguration")
    if lock:
        body = {"Bucket": name, "ObjectLockConfiguration": lock}
        found.append(("PutObjectLockConfiguration", body))
    logging = after.get("LoggingConfiguration")
    if logging:
        target = {
            "TargetBucket": logging.get("DestinationBucketName", name),
            "TargetPrefix": logging.get("LogFilePrefix", ""),
        }
        body = {"Bucket": name, "BucketLoggingStatus": {"LoggingEnabled": target}}
        found.append(("PutBucketLogging", body))
    return found


def _renamed(value: Any) -> Any:
    """Return a property with the members of the API: ``CorsRules`` is ``CORSRules``."""
    if not isinstance(value, Mapping):
        return value
    plain = dict(value)
    if isinstance(index := plain.get("IndexDocument"), str):
        plain["IndexDocument"] = {"Suffix": index}
    if isinstance(error := plain.get("ErrorDocument"), str):
        plain["ErrorDocument"] = {"Key": error}
    names = {"RoutingRuleCondition": "Condition", "RedirectRule": "Redirect"}
    if "RoutingRules" in plain:
        plain["RoutingRules"] = [
            {names.get(key, key): item for key, item in rule.items()}
            for rule in plain["RoutingRules"]
        ]
    for rule in plain.get("CorsRules") or []:
        if "MaxAge" in rule:
            rule["MaxAgeSeconds"] = rule.pop("MaxAge")
        if "Id" in rule:
            rule["ID"] = rule.pop("Id")
        if "ExposedHeaders" in rule:
            rule["ExposeHeaders"] = rule.pop("ExposedHeaders")
    return plain


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ID": rule.get("Id"),
        "Status": rule.get("Status", "Enabled"),
        "Filter": {"Prefix": rule.get("Prefix", "")},
        "Transitions": [
            {"Days": each.get("TransitionInDays"), "StorageClass": each.get("StorageClass")}
            for each in rule.get("Transitions") or []
        ]
        or None,
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
    }
    if "ExpirationInDays" in rule:
        found["Expiration"] = {"Days": rule["ExpirationInDays"]}
    elif "ExpirationDate" in rule:
        found["Expiration"] = {"Date": rule["ExpirationDate"]}
    elif rule.get("ExpiredObjectDeleteMarker"):
        found["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    noncurrent = rule.get("NoncurrentVersionExpiration") or {}
    days = noncurrent.get("NoncurrentDays", rule.get("NoncurrentVersionExpirationInDays"))
    if days is not None:
        found["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    return {name: value for name, value in found.items() if value is not None}


def _notification(given: Mapping[str, Any]) -> dict[str, Any]:
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


class BucketPolicy(ServiceKind):
    """AWS::S3::BucketPolicy."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        bucket = str(wanted.properties.get("Bucket"))
        document = wanted.properties.get("PolicyDocument")
        text = document if isinstance(document, str) else json.dumps(document)
        await call("s3", "PutBucketPolicy", {"Bucket": bucket, "Policy": text})
        return Made(physical=bucket)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self.create(call, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "s3", "DeleteBucketPolicy", {"Bucket": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        bucket = str(wanted.properties.get("Bucket"))
        found = await forgiving(call, "s3", "GetBucketPolicy", {"Bucket": bucket})
        return [] if found is None else [Made(physical=bucket)]


KINDS: dict[str, Kind] = {
    "AWS::S3::Bucket": Bucket(),
    "AWS::S3::BucketPolicy": BucketPolicy(),
}
