"""What is told of an event: S3's own record, and EventBridge's. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import hashlib
from base64 import b32encode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from emulator.services.s3.rows import NULL, Bucket, StoredObject

#: The ETag of a delete marker: that of nothing.
_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
#: Groups of events that the newer version of records tells of.
_NEWER = ("ObjectTagging", "ObjectAcl", "LifecycleExpiration")
_BRIDGED = {
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "LifecycleExpiration": "Object Deleted",
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
    "ObjectAcl:Put": "Object ACL Updated",
    "ObjectRestore:Post": "Object Restore Initiated",
    "ObjectRestore:Completed": "Object Restore Completed",
    "ObjectRestore:Delete": "Object Restore Expired",
}


class Cause(NamedTuple):
    """Who made something happen, and how."""

    #: The account of the caller; "s3.amazonaws.com" where nobody called.
    requester: str
    request_id: str
    #: The operation, as EventBridge's events name it.
    reason: str
    #: "" where nobody called.
    address: str = "127.0.0.1"


def event_body(
    event: str, bucket: Bucket, found: StoredObject, cause: Cause, at: float, **more: Any
) -> dict[str, Any]:
    """Return what is kept of an event until it is told.

    Args:
        event: "ObjectCreated:Put".
        bucket: Whose object it is.
        found: The object that came, or is gone.
        cause: Why.
        at: When.
        more: Of a restoration: "expiry" and "storage_class".
    """
    return {
        "event": event,
        "bucket": bucket.name,
        "account": bucket.account,
        "region": bucket.region,
        "key": found.key,
        "version": "" if found.version == NULL else found.version,
        "size": found.size,
        "etag": _NOTHING if found.is_delete_marker else found.etag,
        "at": at,
        "cause": list(cause),
        **more,
    }


def _group(event: str) -> str:
    return event.partition(":")[0]


def sequencer(number: int) -> str:
    """Return what tells of two events of an object which came later: that with the greater text."""
    return f"0066{number:014X}"


def record(body: Mapping[str, Any], number: int, configuration: str) -> dict[str, Any]:
    """Return S3's record of an event.

    Args:
        body: What was kept of it.
        number: Its number.
        configuration: The id of the rule that wants it.
    """
    event, cause = body["event"], Cause(*body["cause"])
    owner = principal(body["account"])
    made: dict[str, Any] = {
        "eventVersion": "2.3" if _group(event) in _NEWER else "2.1",
        "eventSource": "aws:s3",
        "awsRegion": body["region"],
        "eventTime": iso(body["at"]),
        "eventName": event,
        "userIdentity": {"principalId": _user(cause, event, owner)},
        "requestParameters": {"sourceIPAddress": cause.address or "s3.amazonaws.com"},
        "responseElements": {
            "x-amz-request-id": cause.request_id,
            "x-amz-id-2": host_id(cause.request_id),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": body["bucket"],
                "ownerIdentity": {"principalId": owner},
                "arn": f"arn:aws:s3:::{body['bucket']}",
            },
            "object": _object(body, number),
        },
    }
    if event == "ObjectRestore:Completed":
        made["glacierEventData"] = {
            "restoreEventData": {
                "lifecycleRestorationExpiryTime": iso(body["expiry"]),
                "lifecycleRestoreStorageClass": body["storage_class"],
            }
        }
    return made


def _object(body: Mapping[str, Any], number: int) -> dict[str, Any]:
    event = body["event"]
    # As URLEncoder of Java writes it, but for slashes.
    made: dict[str, Any] = {"key": quote_plus(body["key"], safe="/*").replace("~", "%7E")}
    if _has_size(event):
        made["size"] = body["size"]
    if not _is_gone(event):
        made["eTag"] = body["etag"]
    if body["version"]:
        made["versionId"] = body["version"]
    if _group(event) not in ("ObjectTagging", "ObjectAcl"):
        made["sequencer"] = sequencer(number)
    return made


def _has_size(event: str) -> bool:
    return _group(event) in ("ObjectCreated", "ObjectRestore")


def _is_gone(event: str) -> bool:
    return event in ("ObjectRemoved:Delete", "LifecycleExpiration:Delete")


def bridged(body: Mapping[str, Any], number: int) -> tuple[str, dict[str, Any]]:
    """Return the type and the detail of EventBridge's event."""
    event, cause = body["event"], Cause(*body["cause"])
    group = _group(event)
    thing: dict[str, Any] = {"key": body["key"]}
    if _has_size(event):
        thing["size"] = body["size"]
    if not _is_gone(event):
        thing["etag"] = body["etag"]
    if body["version"]:
        thing["version-id"] = body["version"]
    if group in ("ObjectCreated", "ObjectRemoved", "LifecycleExpiration"):
        thing["sequencer"] = sequencer(number)
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": body["bucket"]},
        "object": thing,
        "request-id": cause.request_id,
        "requester": cause.requester,
    }
    if cause.address:
        detail["source-ip-address"] = cause.address
    if group in ("ObjectCreated", "ObjectRemoved", "LifecycleExpiration"):
        detail["reason"] = cause.reason
    if group in ("ObjectRemoved", "LifecycleExpiration"):
        gone = event.endswith(":Delete")
        detail["deletion-type"] = "Permanently Deleted" if gone else "Delete Marker Created"
    if group == "ObjectRestore":
        detail["source-storage-class"] = body["storage_class"]
    if event == "ObjectRestore:Completed":
        detail["restore-expiry-time"] = iso(body["expiry"])
    return _BRIDGED.get(event) or _BRIDGED[group], detail


def test_event(bucket: str, request_id: str, at: float) -> dict[str, Any]:
    """Return what a new destination is sent first, to see whether it takes it."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso(at),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": host_id(request_id),
    }


def principal(account: str) -> str:
    """Return the id by which S3's records call the owner of a bucket."""
    return "A" + b32encode(hashlib.sha256(account.encode()).digest())[:13].decode()


def _user(cause: Cause, event: str, owner: str) -> str:
    if event == "ObjectRestore:Completed":
        return f"AmazonCustomer:{owner}"
    if not cause.address:
        return cause.requester
    user = b32encode(hashlib.sha256(b"user" + cause.requester.encode()).digest())[:17].decode()
    return f"AWS:AIDA{user}"


def host_id(request_id: str) -> str:
    """Return the second id of a request, as S3 gives one to each."""
    return b64encode(hashlib.sha384(request_id.encode()).digest() + b"localfaas").decode()


def iso(instant: float) -> str:
    """Return an instant as S3's records write it."""
    text = datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
