"""What buckets tell is what AWS was recorded to tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.api.conftest import Running
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION, new_name

FILE = "s3"
OTHER_REGION = "us-west-1"
RECORDED = "21-01-2025, 23:21:18"

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}"),
]


class Scenario:
    """One scenario under way, with a bucket and a queue of its own."""

    def __init__(self, comparison: Comparison, running: Running, region: str = REGION) -> None:
        self.comparison, self.running, self.region = comparison, running, region
        self.s3, self.sqs = self.client("s3"), self.client("sqs")
        self.bucket = new_name("bucket")
        where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.s3.create_bucket(Bucket=self.bucket, **(where if region != REGION else {}))
        name = new_name("queue")
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"

    def client(self, service: str, region: str = "") -> Any:
        return self.running.client(service, ACCOUNT, region or self.region)

    def tell(self, *events: str, **more: Any) -> None:
        entry = {"QueueArn": self.arn, "Events": list(events), **more}
        self.configure(QueueConfigurations=[entry])

    def configure(self, **configuration: Any) -> None:
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration=configuration
        )

    def shown(self, step: str) -> None:
        answer = self.s3.get_bucket_notification_configuration(Bucket=self.bucket)
        self.comparison.match(step, answer)

    def bridge(self) -> None:
        events, name = self.client("events"), new_name("rule")
        pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [self.bucket]}}}
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": self.arn}])
        self.configure(EventBridgeConfiguration={})

    def messages(self, count: int) -> list[Any]:
        """Return what the queue gets, but for the test event: records, or whole messages."""
        found: list[Any] = []
        while len(found) < count:
            answer = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=20)
            for message in answer.get("Messages", ()):
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                if "s3:TestEvent" not in message["Body"]:
                    body = json.loads(message["Body"])
                    found += body.get("Records", [body])
        return found


def object_created_put_in_different_region(it: Scenario) -> None:
    it.bridge()
    key = new_name("key")
    for region in (REGION, OTHER_REGION):
        it.client("s3", region).put_object(Bucket=it.bucket, Key=key, Body="data")
    it.comparison.match("object-created-different-regions", {"messages": it.messages(2)})


def object_created_put_versioned(it: Scenario) -> None:
    it.bridge()
    named = {"Bucket": it.bucket, "Key": new_name("key")}
    versioning: dict[str, Any] = {
        "Bucket": it.bucket,
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    it.s3.put_bucket_versioning(**versioning)
    one = it.s3.put_object(**named, Body="data")
    it.comparison.match("obj-ver1", one)
    it.comparison.match("obj-ver2", it.s3.put_object(**named, Body="data-version2"))
    marker = it.s3.delete_object(**named)
    it.comparison.match("delete-marker", marker)
    gone = it.s3.delete_object(**named, VersionId=one["VersionId"])
    it.comparison.match("delete-version", gone)
    gone = it.s3.delete_object(**named, VersionId=marker["VersionId"])
    it.comparison.match("del-delete-marker", gone)
    versioning["VersioningConfiguration"]["Status"] = "Suspended"
    it.s3.put_bucket_versioning(**versioning)
    it.comparison.match("add-null-version", it.s3.put_object(**named, Body="data-version3"))
    # Of each kind of event the last was recorded, twice.
    told = sorted(it.messages(6), key=lambda each: str(each["detail"]["object"]["sequencer"]))
    last = {each["detail-type"]: each for each in told}
    messages = [last["Object Created"], last["Object Deleted"]]
    it.comparison.match("message-versioning-active", messages)
    it.comparison.match("message-versioning-suspended", messages)


def restored(it: Scenario, key: str) -> None:
    it.s3.put_object(Bucket=it.bucket, Key=key, Body="something", StorageClass="GLACIER")
    wanted = {"Days": 3, "GlacierJobParameters": {"Tier": "Standard"}}
    answer = it.s3.restore_object(Bucket=it.bucket, Key=key, RestoreRequest=wanted)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202


def restore_object_bridged(it: Scenario) -> None:
    it.bridge()
    restored(it, new_name("key"))
    found = [each for each in it.messages(3) if "Restore" in each["detail-type"]]
    found.sort(key=lambda each: str(each["detail-type"]), reverse=True)
    it.comparison.match("messages", {"messages": found})


def restore_object(it: Scenario) -> None:
    it.tell("s3:ObjectRestore:*")
    restored(it, "my_key_restore")
    found = sorted(it.messages(2), key=lambda each: str(each["eventName"]), reverse=True)
    it.comparison.match("receive_messages", {"messages": found})


def bucket_notifications_with_filter(it: Scenario) -> None:
    sns = it.client("sns")
    topic = sns.create_topic(Name=new_name("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=it.arn)
    rules = [{"Name": "prefix", "Value": "testupload/"}, {"Name": "suffix", "Value": "file.txt"}]
    entry = {
        "TopicArn": topic,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    it.configure(TopicConfigurations=[entry])
    for key in ("test/other.txt", "testupload/dir1/testfile.txt"):
        body = "test-body-which-is-35-bytes-long.tx"
        it.s3.put_object(Bucket=it.bucket, Key=key, Body=body)
    (message,) = it.messages(1)
    message["Message"] = json.loads(message["Message"])
    message["Message"]["Records"][0]["s3"]["object"]["eTag"] = "f5260f0f41af2722d9fe17a57dfa9da5"
    it.comparison.match("message", message)


def notifications_with_filter(it: Scenario) -> None:
    rules = [
        {"Name": "prefix", "Value": "testupload/"},
        {"Name": "suffix", "Value": "testfile.txt"},
    ]
    chosen = {"QueueArn": it.arn, "Filter": {"Key": {"FilterRules": rules}}}
    first = {**chosen, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"]}
    second = {**chosen, "Id": "id0002", "Events": ["s3:ObjectTagging:*"]}
    it.configure(QueueConfigurations=[first, second])
    it.shown("config")
    body = "test-body-which-is-32-bytes-long"
    it.s3.put_object(Bucket=it.bucket, Key="testupload/dir1/testfile.txt", Body=body)
    (record,) = it.messages(1)
    record["s3"]["object"]["eTag"] = "f527a5c9f427867aeaf091c134949aa0"
    it.comparison.match("message", record)
    it.configure()
    it.shown("config_empty")
    it.tell("s3:ObjectCreated:*", Id="id123456")
    it.shown("config_updated")
    it.tell("s3:ObjectCreated:*", Id="id123456", Filter={"Key": {"FilterRules": rules[:1]}})
    it.shown("config_updated_filter")


def object_created_and_object_removed(it: Scenario) -> None:
    it.tell("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    source, target = new_name("source"), new_name("target")
    it.s3.put_object(Bucket=it.bucket, Key=source, Body="something")
    it.s3.copy_object(Bucket=it.bucket, Key=target, CopySource=f"{it.bucket}/{source}")
    it.s3.delete_object(Bucket=it.bucket, Key=source)
    found = sorted(it.messages(3), key=lambda each: str(each["eventName"]))
    it.comparison.match("receive_messages", {"messages": found})


def object_created_put_with_presigned_url_upload(it: Scenario) -> None:
    other = Scenario(it.comparison, it.running, OTHER_REGION)
    for one, step in ((it, "receive_messages"), (other, "receive_messages_region_2")):
        one.tell("s3:ObjectCreated:*")
        named = {"Bucket": one.bucket, "Key": "key-by-hostname"}
        url = one.s3.generate_presigned_url("put_object", Params=named)
        requests.put(url, data="something", timeout=60).raise_for_status()
        one.comparison.match(step, {"messages": one.messages(1)})


def object_put_acl(it: Scenario) -> None:
    # As in the recorded scenario: a new bucket takes no lists.
    it.s3.delete_bucket_ownership_controls(Bucket=it.bucket)
    it.s3.delete_public_access_block(Bucket=it.bucket)
    it.tell("s3:ObjectAcl:Put")
    named = {"Bucket": it.bucket, "Key": "my_key_acl"}
    it.s3.put_object(**named, Body="something")
    for acl in ("public-read", "public-read", "private"):
        it.s3.put_object_acl(**named, ACL=acl)
    it.comparison.match("receive_messages", {"messages": it.messages(3)})


_BRIDGED, _SNS, _SQS = (
    f"s3/test_s3_notifications_{name}::test_"
    for name in (
        "eventbridge.py::TestS3NotificationsToEventBridge",
        "sns.py::TestS3NotificationsToSns",
        "sqs.py::TestS3NotificationsToSQS",
    )
)
SCENARIOS: dict[str, Callable[[Scenario], None]] = {
    f"{_BRIDGED}object_created_put_in_different_region": object_created_put_in_different_region,
    f"{_BRIDGED}object_created_put_versioned": object_created_put_versioned,
    f"{_BRIDGED}restore_object": restore_object_bridged,
    f"{_SNS}bucket_notifications_with_filter": bucket_notifications_with_filter,
    f"{_SQS}notifications_with_filter": notifications_with_filter,
    f"{_SQS}object_created_and_object_removed": object_created_and_object_removed,
    f"{_SQS}object_created_put_with_presigned_url_upload": (
        object_created_put_with_presigned_url_upload
    ),
    f"{_SQS}object_put_acl": object_put_acl,
    f"{_SQS}restore_object": restore_object,
}


def _recordings() -> dict[str, dict[str, Any]]:
    if not FOLDER.is_dir():
        return {}
    return {name: each for name, each in load(FILE).items() if "notifications" in name}


def test_every_recording_is_replayed() -> None:
    assert _recordings().keys() == SCENARIOS.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, running: Running) -> None:
    comparison = Comparison(_recordings()[name])
    try:
        SCENARIOS[name](Scenario(comparison, running))
    finally:
        comparison.finish()
        RESULTS.setdefault("s3 notifications", {})[name] = comparison.differences
    assert comparison.differences == []


@pytest.mark.parametrize(("name", "event"), [("S3Put", "Put"), ("S3Delete", "Delete")])
def test_records_have_the_members_of_the_sample_payloads(
    name: str, event: str, running: Running
) -> None:
    it = Scenario(Comparison({"recorded-content": {}, "recorded-date": RECORDED}), running)
    it.tell("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    it.s3.put_object(Bucket=it.bucket, Key="key", Body="x")
    it.s3.delete_object(Bucket=it.bucket, Key="key")
    (record,) = [each for each in it.messages(2) if each["eventName"].endswith(event)]
    (sample,) = json.loads((FOLDER / "events" / f"{name}.json").read_text())["Records"]
    assert _members(record) == _members(sample)


def _members(value: Any, path: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {path}
    return {each for name, inner in value.items() for each in _members(inner, f"{path}.{name}")}
