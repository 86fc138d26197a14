"""Lifecycles act: on a clock that jumps, objects expire at the midnight that S3 names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.patience import until

DAY_S = 86_400


@pytest.fixture
def clock() -> JumpingClock:
    clock = JumpingClock()
    # An hour of a day is over: none ends while a test is under way.
    clock.jump(DAY_S - clock.now() % DAY_S + 3600)
    return clock


@pytest.fixture
def running(clock: JumpingClock) -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver(), clock=clock)
    yield running
    running.stop()


@pytest.fixture
def s3(running: Running) -> Iterator[Any]:
    client = running.client("s3")
    yield client
    client.close()


def put_rules(s3: Any, bucket: str, *rules: dict[str, Any]) -> None:
    named = [{"ID": f"r{n}", "Status": "Enabled", **rule} for n, rule in enumerate(rules)]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": named})


def keys(s3: Any, bucket: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_objects_expire(running: Running, s3: Any, clock: JumpingClock) -> None:
    s3.create_bucket(Bucket="expiring")
    put_rules(
        s3,
        "expiring",
        {"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 2}},
        {"Filter": {"And": {"Prefix": "t/", "Tags": [{"Key": "k", "Value": "v"}],
                            "ObjectSizeGreaterThan": 2}},
         "Expiration": {"Days": 1}},
        {"Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}},
    )  # fmt: skip
    put = s3.put_object(Bucket="expiring", Key="logs/1", Body=b"x" * 100_000)
    s3.put_object(Bucket="expiring", Key="kept", Body=b"")
    for key, body, tag in (("t/1", b"123", "k=v"), ("t/2", b"12", "k=v"), ("t/3", b"123", "k=w")):
        s3.put_object(Bucket="expiring", Key=key, Body=body, Tagging=tag)
    assert 'rule-id="r0"' in put["Expiration"]
    said = parsedate_to_datetime(put["Expiration"].split('"')[1]).timestamp()
    assert said % DAY_S == 0
    assert clock.now() + 2 * DAY_S < said <= clock.now() + 3 * DAY_S
    assert s3.head_object(Bucket="expiring", Key="logs/1")["Expiration"] == put["Expiration"]
    assert "Expiration" not in s3.head_object(Bucket="expiring", Key="kept")

    running.call(lambda: clock.jump(said - DAY_S - clock.now() + 1))
    until(lambda: keys(s3, "expiring") == ["kept", "logs/1", "t/2", "t/3"])
    running.call(lambda: clock.jump(said - clock.now() + 1))
    until(lambda: keys(s3, "expiring") == ["kept", "t/2", "t/3"])
    files = (running.emulator.state / "objects").glob("??/*")
    until(lambda: not list(files))


def test_versions_markers_and_uploads(running: Running, s3: Any, clock: JumpingClock) -> None:
    s3.create_bucket(Bucket="versioned", ObjectLockEnabledForBucket=True)
    put_rules(
        s3,
        "versioned",
        {
            "Filter": {"Prefix": ""},
            "Expiration": {"Days": 1},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
        },
    )
    locked = s3.put_object(Bucket="versioned", Key="k", Body=b"0", ObjectLockLegalHoldStatus="ON")
    for number in range(3):
        s3.put_object(Bucket="versioned", Key="k", Body=str(number).encode())
    s3.create_multipart_upload(Bucket="versioned", Key="never")

    def jump_to_next_midnight() -> None:
        clock.jump(DAY_S - clock.now() % DAY_S + 1)

    def versions() -> int:
        return len(s3.list_object_versions(Bucket="versioned").get("Versions", ()))

    running.call(lambda: clock.jump(DAY_S))
    running.call(jump_to_next_midnight)
    # The newest is hidden, and of those behind it one more than is kept and the locked one stay.
    until(lambda: bool(s3.list_object_versions(Bucket="versioned").get("DeleteMarkers")))
    assert keys(s3, "versioned") == []
    until(lambda: versions() == 3)
    assert s3.list_multipart_uploads(Bucket="versioned")["Uploads"]
    running.call(lambda: clock.jump(DAY_S))
    running.call(jump_to_next_midnight)
    until(lambda: "Uploads" not in s3.list_multipart_uploads(Bucket="versioned"))
    until(lambda: versions() == 2)
    left = {each["VersionId"] for each in s3.list_object_versions(Bucket="versioned")["Versions"]}
    assert locked["VersionId"] in left


def test_what_came_due_while_nothing_ran(tmp_path: Path, clock: JumpingClock) -> None:
    first = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver(), clock=clock)
    s3 = first.client("s3")
    s3.create_bucket(Bucket="expiring")
    put_rules(s3, "expiring", {"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}})
    s3.put_object(Bucket="expiring", Key="k", Body=b"")
    s3.close()
    first.stop()
    clock.jump(3 * DAY_S)
    second = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver(), clock=clock)
    # It is opened for the rules: nobody has to call it first.
    assert second.emulator.table.find("s3").is_open
    s3 = second.client("s3")
    until(lambda: keys(s3, "expiring") == [])
    s3.delete_bucket_lifecycle(Bucket="expiring")
    s3.close()
    second.stop()
    third = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver(), clock=clock)
    assert not third.emulator.table.find("s3").is_open
    third.stop()


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"Expiration": {"Days": -1}}, "InvalidArgument"),
        ({"Expiration": {"Date": "2030-01-01T10:00:00Z"}}, "InvalidArgument"),
        ({"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}, "InvalidArgument"),
        ({}, "InvalidRequest"),
    ],
)
def test_rules_that_mean_nothing(s3: Any, rule: dict[str, Any], code: str) -> None:
    s3.create_bucket(Bucket="wrong")
    with pytest.raises(ClientError) as raised:
        put_rules(s3, "wrong", {"Filter": {"Prefix": ""}, **rule})
    assert raised.value.response["Error"]["Code"] == code


def test_what_expires_is_told(running: Running, s3: Any, clock: JumpingClock) -> None:
    sqs = running.client("sqs")
    url = sqs.create_queue(QueueName="expired")["QueueUrl"]
    for bucket in ("plain", "marked"):
        s3.create_bucket(Bucket=bucket)
        put_rules(s3, bucket, {"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}})
        entry = {
            "QueueArn": "arn:aws:sqs:us-east-1:000000000000:expired",
            "Events": ["s3:LifecycleExpiration:*"],
        }
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [entry]}
        )
    versioning = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket="marked", VersioningConfiguration=versioning)
    for bucket in ("plain", "marked"):
        s3.put_object(Bucket=bucket, Key="old", Body=b"")
    running.call(lambda: clock.jump(2 * DAY_S - clock.now() % DAY_S + 1))
    told: dict[str, dict[str, Any]] = {}

    def all_told() -> bool:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            for record in json.loads(message["Body"]).get("Records", ()):
                told[record["eventName"]] = record
        return len(told) == 2

    until(all_told)
    gone, marked = (
        told[f"LifecycleExpiration:{each}"] for each in ("Delete", "DeleteMarkerCreated")
    )
    assert gone["eventVersion"] == "2.3"
    assert gone["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert gone["s3"]["object"].keys() == {"key", "sequencer"}
    assert marked["s3"]["object"].keys() == {"key", "sequencer", "versionId", "eTag"}
