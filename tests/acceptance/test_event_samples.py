"""The samples of schedules and uploads, and CDK's way to wire a bucket, through the command."""

from __future__ import annotations

import json
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import EMULATOR, ROOT, Up, localfaas_up
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.slow


def outputs(up: Up) -> dict[str, str]:
    cloudformation = up.client("cloudformation")

    def created() -> Any:
        return [
            each
            for each in cloudformation.describe_stacks()["Stacks"]
            if each["StackStatus"] == "CREATE_COMPLETE"
        ]

    (stack,) = until(created)
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def receive(up: Up, url: str) -> Any:
    """Return what the next message of a queue says; wait for it."""
    for _ in range(6):
        answer = up.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
        for message in answer.get("Messages", ()):
            up.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return json.loads(message["Body"])
    raise AssertionError(f"no message in {url}")


def command(up: Up, *words: str) -> str:
    done = subprocess.run(
        [*EMULATOR, *words, "--endpoint", up.url],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_nightly_report_counts_the_day() -> None:
    with localfaas_up(ROOT / "samples" / "nightly-report", "--no-watch") as up:
        names = outputs(up)
        for page in ("/", "/", "/about"):
            up.client("sqs").send_message(QueueUrl=names["Visits"], MessageBody=page)
        found = up.client("scheduler").get_schedule(Name="nightly-report")
        assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
        assert "schedule nightly-report" in command(up, "flow")
        command(up, "send", "schedule", "nightly-report")
        report = receive(up, names["Reports"])
        assert report["pages"] == {"/": 2, "/about": 1}
        assert report["night"].endswith("Z")


def picture(width: int, height: int) -> bytes:
    """Return a white picture, as PNG."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\xff" * width) * height
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in parts)


def test_a_picture_is_made_small_when_it_is_uploaded() -> None:
    with localfaas_up(ROOT / "samples" / "thumbnails", "--no-watch") as up:
        names = outputs(up)
        s3, sqs, lambda_ = up.client("s3"), up.client("sqs"), up.client("lambda")
        done = sqs.create_queue(QueueName="done")["QueueUrl"]
        (function,) = lambda_.list_functions()["Functions"]
        lambda_.put_function_event_invoke_config(
            FunctionName=function["FunctionName"],
            DestinationConfig={
                "OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:000000000000:done"}
            },
        )
        s3.put_object(Bucket=names["Pictures"], Key="a cat.png", Body=picture(200, 100))
        s3.put_object(Bucket=names["Pictures"], Key="note.txt", Body=b"no picture")
        (record,) = receive(up, done)["requestPayload"]["Records"]
        assert record["s3"]["object"]["key"] == "a+cat.png"
        answer = s3.get_object(Bucket=names["Thumbnails"], Key="a cat.png")
        assert struct.unpack(">II", answer["Body"].read()[16:24]) == (64, 32)
        assert answer["ContentType"] == "image/png"


_HANDLER = """
import boto3, json, urllib.request
s3 = boto3.client("s3")
def handler(event, context):
    asked = event["ResourceProperties"]
    told = {} if event["RequestType"] == "Delete" else asked["NotificationConfiguration"]
    skip = asked["SkipDestinationValidation"] == "true"
    s3.put_bucket_notification_configuration(
        Bucket=asked["BucketName"], NotificationConfiguration=told, SkipDestinationValidation=skip
    )
    same = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer = {**same, "Status": "SUCCESS", "PhysicalResourceId": event["LogicalResourceId"]}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, method="PUT")
    urllib.request.urlopen(request).close()
"""


def test_cdks_custom_resource_wires_a_bucket(tmp_path: Path) -> None:
    """CDK has buckets told by a function of its own, which calls S3."""
    role = {"Fn::GetAtt": ["Role", "Arn"]}
    told = {"QueueArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "Events": ["s3:ObjectCreated:*"]}
    handler = {
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": role,
        "Timeout": 60,
        "Code": {"ZipFile": _HANDLER},
    }
    wires = {
        "ServiceToken": {"Fn::GetAtt": ["Handler", "Arn"]},
        "BucketName": {"Ref": "Bucket"},
        "NotificationConfiguration": {"QueueConfigurations": [told]},
        "Managed": True,
        "SkipDestinationValidation": False,
    }
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    template = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": trust},
            },
            "Handler": {"Type": "AWS::Lambda::Function", "Properties": handler},
            "Wires": {"Type": "Custom::S3BucketNotifications", "Properties": wires},
        },
        "Outputs": {
            "Queue": {"Value": {"Ref": "Queue"}},
            "Bucket": {"Value": {"Ref": "Bucket"}},
        },
    }
    (tmp_path / "template.json").write_text(json.dumps(template))
    with localfaas_up(tmp_path / "template.json", "--no-watch") as up:
        names = outputs(up)
        assert receive(up, names["Queue"])["Event"] == "s3:TestEvent"
        up.client("s3").put_object(Bucket=names["Bucket"], Key="one", Body=b"")
        (record,) = receive(up, names["Queue"])["Records"]
        assert record["s3"]["object"]["key"] == "one"
