"""What buckets tell of their objects: queues, topics, functions, EventBridge."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.api.conftest import Running, create
from tests.messages import taken

BUCKET = "pictures"
ALL = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]


class Queue:
    """A queue that a bucket tells."""

    def __init__(self, running: Running, name: str = "told") -> None:
        self.sqs = running.client("sqs")
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"

    def receive(self) -> Any:
        """Return what the next message says; wait for it."""
        return json.loads(taken(self.sqs, self.url)["Body"])

    def record(self) -> dict[str, Any]:
        (record,) = self.receive()["Records"]
        return record


@pytest.fixture
def scripted(emptied: Running) -> Running:
    return emptied


@pytest.fixture
def s3(scripted: Running) -> Any:
    client = scripted.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def queue(scripted: Running) -> Queue:
    return Queue(scripted)


def tell(s3: Any, queue: Queue, *events: str, **more: Any) -> None:
    """Have a queue told, and take the test event off it."""
    entry = {"QueueArn": queue.arn, "Events": list(events), **more}
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [entry]}
    )
    test = queue.receive()
    assert (test["Service"], test["Event"], test["Bucket"]) == (
        "Amazon S3",
        "s3:TestEvent",
        BUCKET,
    )


def test_a_record_says_what_aws_says(s3: Any, queue: Queue) -> None:
    tell(s3, queue, *ALL, Id="all")
    s3.put_object(Bucket=BUCKET, Key="a folder/grüße+1.txt", Body=b"hello")
    record = queue.record()
    assert record.pop("eventTime").endswith("Z")
    elements = record.pop("responseElements")
    assert elements.keys() == {"x-amz-request-id", "x-amz-id-2"}
    user = record.pop("userIdentity")["principalId"]
    owner = record["s3"]["bucket"].pop("ownerIdentity")["principalId"]
    assert user != owner
    assert len(record["s3"]["object"].pop("sequencer")) == 18
    assert record == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventName": "ObjectCreated:Put",
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "all",
            "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
            "object": {
                "key": "a+folder/gr%C3%BC%C3%9Fe%2B1.txt",
                "size": 5,
                "eTag": "5d41402abc4b2a76b9719d911017c592",
            },
        },
    }


def test_each_way_to_make_and_remove_an_object_has_its_event(
    scripted: Running, s3: Any, queue: Queue
) -> None:
    tell(s3, queue, *ALL, "s3:ObjectTagging:*", "s3:ObjectAcl:Put")
    seen: list[tuple[str, str]] = []
    s3.put_object(Bucket=BUCKET, Key="one", Body=b"1")
    s3.copy_object(Bucket=BUCKET, Key="two", CopySource={"Bucket": BUCKET, "Key": "one"})
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="three")["UploadId"]
    named = {"Bucket": BUCKET, "Key": "three", "UploadId": upload}
    part = s3.upload_part(**named, PartNumber=1, Body=b"3")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    form = s3.generate_presigned_post(BUCKET, "four")
    answer = requests.post(form["url"], data=form["fields"], files={"file": b"4"}, timeout=60)
    assert answer.status_code == 204
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    s3.put_object_tagging(Bucket=BUCKET, Key="one", Tagging=tags)
    s3.delete_object_tagging(Bucket=BUCKET, Key="one")
    s3.put_object_acl(Bucket=BUCKET, Key="one", ACL="bucket-owner-full-control")
    s3.delete_object(Bucket=BUCKET, Key="never was")
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "one"}, {"Key": "two"}]})
    for _ in range(9):
        record = queue.record()
        seen.append((record["eventName"], record["s3"]["object"]["key"]))
        newer = record["eventName"].startswith(("ObjectTagging", "ObjectAcl"))
        assert record["eventVersion"] == ("2.3" if newer else "2.1")
        assert ("sequencer" in record["s3"]["object"]) != newer
    assert sorted(seen) == sorted(
        [
            ("ObjectCreated:Put", "one"),
            ("ObjectCreated:Copy", "two"),
            ("ObjectCreated:CompleteMultipartUpload", "three"),
            ("ObjectCreated:Post", "four"),
            ("ObjectTagging:Put", "one"),
            ("ObjectTagging:Delete", "one"),
            ("ObjectAcl:Put", "one"),
            ("ObjectRemoved:Delete", "one"),
            ("ObjectRemoved:Delete", "two"),
        ]
    )


def test_versions_and_delete_markers_are_told(s3: Any, queue: Queue) -> None:
    tell(s3, queue, *ALL)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=BUCKET, Key="one", Body=b"1")["VersionId"]
    made = queue.record()["s3"]["object"]
    marker = s3.delete_object(Bucket=BUCKET, Key="one")["VersionId"]
    record = queue.record()
    assert record["eventName"] == "ObjectRemoved:DeleteMarkerCreated"
    marked = record["s3"]["object"]
    s3.delete_object(Bucket=BUCKET, Key="one", VersionId=version)
    record = queue.record()
    assert record["eventName"] == "ObjectRemoved:Delete"
    gone = record["s3"]["object"]
    assert made["versionId"] == gone["versionId"] == version
    assert marked["versionId"] == marker
    assert made["sequencer"] < marked["sequencer"] < gone["sequencer"]
    assert "eTag" not in gone
    assert "size" not in gone


def test_filters_choose_by_prefix_and_suffix(s3: Any, queue: Queue) -> None:
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "SUFFIX", "Value": ".jpg"}]
    tell(s3, queue, "s3:ObjectCreated:*", Filter={"Key": {"FilterRules": rules}})
    for key in ("in/a.png", "out/a.jpg", "a.jpg", "in/a.jpg"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    s3.delete_object(Bucket=BUCKET, Key="in/a.jpg")
    assert queue.record()["s3"]["object"]["key"] == "in/a.jpg"
    kept = s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
    assert kept[0]["Filter"]["Key"]["FilterRules"] == [
        {"Name": "Prefix", "Value": "in/"},
        {"Name": "Suffix", "Value": ".jpg"},
    ]
    assert kept[0]["Id"]
    tell_nobody = s3.put_bucket_notification_configuration
    tell_nobody(Bucket=BUCKET, NotificationConfiguration={})
    answer = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    assert answer.keys() == {"ResponseMetadata"}


def test_topics_and_functions_are_told(scripted: Running, s3: Any, queue: Queue) -> None:
    sns = scripted.client("sns")
    topic = sns.create_topic(Name="uploads")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    results = Queue(scripted, "results")
    function = create(scripted.client("lambda"), "resize")["FunctionArn"]
    scripted.client("lambda").put_function_event_invoke_config(
        FunctionName="resize", DestinationConfig={"OnSuccess": {"Destination": results.arn}}
    )
    configuration = {
        "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}],
        "LambdaFunctionConfigurations": [
            {"LambdaFunctionArn": function, "Events": ["s3:ObjectRemoved:*"]}
        ],
    }
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)
    test = queue.receive()
    assert test["Subject"] == "Amazon S3 Notification"
    assert json.loads(test["Message"])["Event"] == "s3:TestEvent"
    s3.put_object(Bucket=BUCKET, Key="one", Body=b"")
    message = queue.receive()
    assert message["Subject"] == "Amazon S3 Notification"
    (record,) = json.loads(message["Message"])["Records"]
    assert record["eventName"] == "ObjectCreated:Put"
    s3.delete_object(Bucket=BUCKET, Key="one")
    (record,) = results.receive()["requestPayload"]["Records"]
    assert record["eventName"] == "ObjectRemoved:Delete"


def test_eventbridge_is_told_of_everything(scripted: Running, s3: Any, queue: Queue) -> None:
    events = scripted.client("events")
    events.put_rule(Name="uploads", EventPattern=json.dumps({"source": ["aws.s3"]}))
    events.put_targets(Rule="uploads", Targets=[{"Id": "1", "Arn": queue.arn}])
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket=BUCKET, Key="a b", Body=b"hello")
    event = queue.receive()
    assert len(event["detail"]["object"].pop("sequencer")) == 18
    assert event["detail"].pop("request-id")
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["resources"] == [f"arn:aws:s3:::{BUCKET}"]
    assert event["detail"] == {
        "version": "0",
        "bucket": {"name": BUCKET},
        "object": {"key": "a b", "size": 5, "etag": "5d41402abc4b2a76b9719d911017c592"},
        "requester": "000000000000",
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }
    s3.delete_object(Bucket=BUCKET, Key="a b")
    event = queue.receive()
    assert event["detail-type"] == "Object Deleted"
    assert event["detail"]["deletion-type"] == "Permanently Deleted"


def refusal(s3: Any, configuration: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration=configuration
        )
    error: dict[str, Any] = caught.value.response["Error"]
    return error


def test_destinations_must_be_there(s3: Any) -> None:
    arns = {
        "QueueConfigurations": ("QueueArn", "arn:aws:sqs:us-east-1:000000000000:none"),
        "TopicConfigurations": ("TopicArn", "arn:aws:sns:us-east-1:000000000000:none"),
        "LambdaFunctionConfigurations": (
            "LambdaFunctionArn",
            "arn:aws:lambda:us-east-1:000000000000:function:none",
        ),
    }
    reasons = {
        "QueueConfigurations": "The destination queue does not exist",
        "TopicConfigurations": "The destination topic does not exist",
        "LambdaFunctionConfigurations": (
            "Not authorized to invoke function"
            " [arn:aws:lambda:us-east-1:000000000000:function:none]"
        ),
    }
    for member, (name, arn) in arns.items():
        error = refusal(s3, {member: [{name: arn, "Events": ["s3:ObjectCreated:*"]}]})
        assert error["Code"] == "InvalidArgument"
        assert error["Message"] == "Unable to validate the following destination configurations"
        assert error["ArgumentName1"].startswith(arn)
        assert error["ArgumentValue1"] == reasons[member]
    other = {
        "QueueArn": "arn:aws:sqs:eu-west-1:000000000000:none",
        "Events": ["s3:ObjectCreated:*"],
    }
    error = refusal(s3, {"QueueConfigurations": [other]})
    assert error["ArgumentValue1"].startswith("The notification destination service region")
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={"QueueConfigurations": [other]},
        SkipDestinationValidation=True,
    )


def test_what_is_ambiguous_or_unknown_is_refused(s3: Any, queue: Queue) -> None:
    def entry(event: str, prefix: str = "", suffix: str = "", **more: Any) -> dict[str, Any]:
        rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
        filtered = {"Filter": {"Key": {"FilterRules": rules}}}
        return {"QueueArn": queue.arn, "Events": [event], **filtered, **more}

    both = [entry("s3:ObjectCreated:*", "a"), entry("s3:ObjectCreated:Put", "ab")]
    message = refusal(s3, {"QueueConfigurations": both})["Message"]
    assert message.startswith("Configuration is ambiguously defined.")
    error = refusal(s3, {"QueueConfigurations": [entry("s3:ObjectEaten")]})
    assert error["Message"] == "The event is not supported for notifications"
    wrong = {"Key": {"FilterRules": [{"Name": "middle", "Value": "x"}]}}
    error = refusal(s3, {"QueueConfigurations": [entry("s3:ObjectCreated:*", Filter=wrong)]})
    assert error["Message"] == "filter rule name must be either prefix or suffix"
    apart = [entry("s3:ObjectCreated:*", "a"), entry("s3:ObjectCreated:*", "b", Id="b")]
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": apart}
    )


def test_templates_wire_buckets(scripted: Running) -> None:
    queue = Queue(scripted)
    notification = {"QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": queue.arn}]}
    template: dict[str, Any] = {
        "Resources": {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"BucketName": BUCKET, "NotificationConfiguration": notification},
            }
        }
    }
    cloudformation = scripted.client("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s")
    assert queue.receive()["Event"] == "s3:TestEvent"
    s3 = scripted.client("s3")
    s3.put_object(Bucket=BUCKET, Key="one", Body=b"")
    assert queue.record()["s3"]["object"]["key"] == "one"
    del template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]
    cloudformation.update_stack(StackName="s", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="s")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=BUCKET)


def test_what_is_archived_is_restored_at_once(s3: Any) -> None:
    wanted = {"Bucket": BUCKET, "Key": "old", "RestoreRequest": {"Days": 2}}
    s3.put_object(Bucket=BUCKET, Key="old", Body=b"", StorageClass="GLACIER")
    assert s3.restore_object(**wanted)["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert s3.restore_object(**wanted)["ResponseMetadata"]["HTTPStatusCode"] == 200
    shown = s3.head_object(Bucket=BUCKET, Key="old")["Restore"]
    assert shown.startswith('ongoing-request="false", expiry-date="')
    assert shown.endswith(' 00:00:00 GMT"')
    s3.put_object(Bucket=BUCKET, Key="old", Body=b"")
    with pytest.raises(ClientError) as caught:
        s3.restore_object(**wanted)
    assert caught.value.response["Error"]["Code"] == "InvalidObjectState"


def test_buckets_may_be_the_first_to_tell_at_once(scripted_state: Running) -> None:
    s3, queue = scripted_state.client("s3"), Queue(scripted_state)
    names = [f"pictures-{number}" for number in range(6)]
    for name in names:
        s3.create_bucket(Bucket=name)
    entry = {"QueueArn": queue.arn, "Events": ALL}
    configuration = {"QueueConfigurations": [entry]}

    def configure(name: str) -> None:
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration=configuration
        )

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(configure, names))
