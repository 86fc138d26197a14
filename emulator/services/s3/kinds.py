"""S3's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_S3.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from emulator.model.errors import AwsError
from emulator.services.s3 import template_forms as forms
from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    ServiceKind,
    Wanted,
    forgiving,
)
from emulator.stack.tagging import merge_tags


class _Document(NamedTuple):
    """A property of a bucket that has operations of its own."""

    put: str
    #: The put operation's members for the property's value, and the bucket's name.
    members: Callable[[Any, str], dict[str, Any]]
    #: The operation that removes it; "" where it is put as it is in a new bucket.
    delete: str = ""
    usual: Mapping[str, Any] | None = None


def _as(member: str, form: Callable[[Any], Any] = lambda value: value) -> Any:
    """Return what makes a member of a property's value."""
    return lambda value, bucket: {member: form(value)}


#: In the order in which they are put: replication wants versions to be there.
_DOCUMENTS = {
    "VersioningConfiguration": _Document(
        "PutBucketVersioning",
        _as("VersioningConfiguration"),
        usual={"VersioningConfiguration": {"Status": "Suspended"}},
    ),
    "AccelerateConfiguration": _Document(
        "PutBucketAccelerateConfiguration",
        lambda value, bucket: {
            "AccelerateConfiguration": {"Status": value.get("AccelerationStatus")}
        },
        usual={"AccelerateConfiguration": {"Status": "Suspended"}},
    ),
    "CorsConfiguration": _Document(
        "PutBucketCors", _as("CORSConfiguration", forms.cors), "DeleteBucketCors"
    ),
    "OwnershipControls": _Document(
        "PutBucketOwnershipControls", _as("OwnershipControls"), "DeleteBucketOwnershipControls"
    ),
    "PublicAccessBlockConfiguration": _Document(
        "PutPublicAccessBlock", _as("PublicAccessBlockConfiguration"), "DeletePublicAccessBlock"
    ),
    "ReplicationConfiguration": _Document(
        "PutBucketReplication",
        _as("ReplicationConfiguration", forms.replication),
        "DeleteBucketReplication",
    ),
    "WebsiteConfiguration": _Document(
        "PutBucketWebsite", _as("WebsiteConfiguration", forms.website), "DeleteBucketWebsite"
    ),
    "BucketEncryption": _Document(
        "PutBucketEncryption",
        _as("ServerSideEncryptionConfiguration", forms.encryption),
        "DeleteBucketEncryption",
    ),
    "LifecycleConfiguration": _Document(
        "PutBucketLifecycleConfiguration",
        lambda value, bucket: forms.lifecycle(value),
        "DeleteBucketLifecycle",
    ),
    "NotificationConfiguration": _Document(
        "PutBucketNotificationConfiguration",
        _as("NotificationConfiguration", forms.notification),
        usual={"NotificationConfiguration": {}},
    ),
    "ObjectLockConfiguration": _Document(
        "PutObjectLockConfiguration",
        _as("ObjectLockConfiguration"),
        usual={"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
    ),
    "LoggingConfiguration": _Document(
        "PutBucketLogging",
        lambda value, bucket: {"BucketLoggingStatus": forms.logging(value, bucket)},
        usual={"BucketLoggingStatus": {}},
    ),
}
#: Properties that are lists of configurations with ids: what each is called in the API, and how it
#: is written there.
_LISTS = {
    "AnalyticsConfigurations": ("AnalyticsConfiguration", forms.analytics),
    "IntelligentTieringConfigurations": ("IntelligentTieringConfiguration", forms.tiering),
    "InventoryConfigurations": ("InventoryConfiguration", forms.inventory),
    "MetricsConfigurations": ("MetricsConfiguration", forms.metrics),
}


class Bucket(ServiceKind):
    """AWS::S3::Bucket."""

    reading = Reading(service="s3", lists="ListBuckets", listed="Buckets", item="Name")
    noted = (
        "AbacStatus",
        "BucketNamePrefix",
        "BucketNamespace",
        "MetadataConfiguration",
        "MetadataTableConfiguration",
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name("BucketName", longest=63, lower=True)
        request: dict[str, Any] = {"Bucket": name}
        if call.region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": call.region}
        if str(wanted.properties.get("ObjectLockEnabled", "")).lower() == "true":
            request["ObjectLockEnabledForBucket"] = True
        ownership = _ownership(wanted.properties)
        if ownership:
            request["ObjectOwnership"] = ownership
        elif "AccessControl" in wanted.properties:
            request["ACL"] = _acl(wanted.properties)
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
        for given, document in _DOCUMENTS.items():
            if after.get(given):
                request = {"Bucket": name, **document.members(after[given], name)}
                await call("s3", document.put, call.fit("s3", document.put, request))
            elif before.get(given):
                request = {"Bucket": name, **(document.usual or {})}
                await call("s3", document.delete or document.put, request)
        for given, (called, form) in _LISTS.items():
            old, new = (forms.named(each.get(given)) for each in (before, after))
            for identity in old.keys() - new.keys():
                request = {"Bucket": name, "Id": identity}
                await call("s3", f"DeleteBucket{called}", request)
            for identity, each in new.items():
                if old.get(identity) != each:
                    request = {"Bucket": name, "Id": identity, called: form(each)}
                    put = f"PutBucket{called}"
                    await call("s3", put, call.fit("s3", put, request))
        if (_ownership(after) or before) and _acl(after) != _acl(before):
            await call("s3", "PutBucketAcl", {"Bucket": name, "ACL": _acl(after)})
        tags = merge_tags(wanted.tags, after.get("Tags"))
        if tags:
            await call("s3", "PutBucketTagging", {"Bucket": name, "Tagging": {"TagSet": tags}})
        elif before.get("Tags"):
            await call("s3", "DeleteBucketTagging", {"Bucket": name})


def _ownership(properties: Mapping[str, Any]) -> str:
    rules = (properties.get("OwnershipControls") or {}).get("Rules") or [{}]
    return str(rules[0].get("ObjectOwnership") or "")


def _acl(properties: Mapping[str, Any]) -> str:
    """Return the API's name of an access control list: ``PublicRead`` is "public-read"."""
    name = str(properties.get("AccessControl") or "Private")
    return re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()


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
