"""SQS's query protocol, by hand: what clients from before its JSON protocol send and read."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from emulator.model.errors import AwsError
from tests.codecs import codec

SQS = codec("sqs", "query")
URL = "http://localhost:4566/000000000000/q"


def read(action: str, **parameters: str) -> dict[str, object]:
    body = urlencode({"Action": action, "Version": "2012-11-05", **parameters}).encode()
    return SQS.parse(SQS.operation(action), params={}, query="", headers={}, body=body)


@pytest.mark.parametrize(
    ("action", "form", "request_"),
    [
        (
            "CreateQueue",
            {
                "QueueName": "q",
                "Attribute.1.Name": "DelaySeconds",
                "Attribute.1.Value": "5",
                "Attribute.2.Name": "Policy",
                "Attribute.2.Value": "",
                "Tag.1.Key": "k",
                "Tag.1.Value": "v",
            },
            {
                "QueueName": "q",
                "Attributes": {"DelaySeconds": "5", "Policy": ""},
                "tags": {"k": "v"},
            },
        ),
        (
            "SendMessage",
            {
                "QueueUrl": URL,
                "MessageBody": "a+b &=ü",
                "DelaySeconds": "0",
                "MessageAttribute.1.Name": "n",
                "MessageAttribute.1.Value.DataType": "String",
                "MessageAttribute.1.Value.StringValue": "v",
                "MessageAttribute.2.Name": "b",
                "MessageAttribute.2.Value.DataType": "Binary",
                "MessageAttribute.2.Value.BinaryValue": "AAE=",
            },
            {
                "QueueUrl": URL,
                "MessageBody": "a+b &=ü",
                "DelaySeconds": 0,
                "MessageAttributes": {
                    "n": {"DataType": "String", "StringValue": "v"},
                    "b": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
                },
            },
        ),
        (
            "SendMessageBatch",
            {
                f"SendMessageBatchRequestEntry.{n}.{key}": f"{value}{n}"
                for n in (10, 9, 2)
                for key, value in (("Id", "i"), ("MessageBody", "b"))
            },
            {"Entries": [{"Id": f"i{n}", "MessageBody": f"b{n}"} for n in (2, 9, 10)]},
        ),
        (
            "ReceiveMessage",
            {
                "AttributeName.1": "All",
                "MessageAttributeName.1": "a",
                "MessageSystemAttributeName.1": "SenderId",
                "MaxNumberOfMessages": "10",
            },
            {
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["a"],
                "MessageSystemAttributeNames": ["SenderId"],
                "MaxNumberOfMessages": 10,
            },
        ),
        (
            "AddPermission",
            {"AWSAccountId.1": "1", "AWSAccountId.2": "2", "ActionName.1": "*"},
            {"AWSAccountIds": ["1", "2"], "Actions": ["*"]},
        ),
        ("UntagQueue", {"TagKey.1": "a"}, {"TagKeys": ["a"]}),
        ("ListQueues", {"Nonsense.1.2.3": "x"}, {}),
    ],
)
def test_requests(action: str, form: dict[str, str], request_: dict[str, object]) -> None:
    assert read(action, **form) == request_


def test_a_get_and_the_queue_of_the_path() -> None:
    found = SQS.parse(
        SQS.operation("SendMessage"),
        params={"QueueUrl": URL},
        query="Action=SendMessage&MessageBody=m",
        headers={},
        body=b"",
    )
    assert found == {"QueueUrl": URL, "MessageBody": "m"}


def test_a_received_message_on_the_wire() -> None:
    message = {
        "MessageId": "m",
        "Body": "<a>&\r\n",
        "Attributes": {"SenderId": "s"},
        "MessageAttributes": {"n": {"DataType": "Binary", "BinaryValue": b"\x00\x01"}},
    }
    status, headers, body = SQS.serialise(
        SQS.operation("ReceiveMessage"), {"Messages": [message]}, "the-id"
    )
    assert status == 200
    assert (b"content-type", b"text/xml") in headers
    assert body.decode() == (
        '<?xml version="1.0"?>'
        '<ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        "<ReceiveMessageResult><Message><MessageId>m</MessageId>"
        "<Body>&lt;a&gt;&amp;&#xd;\n</Body>"
        "<Attribute><Name>SenderId</Name><Value>s</Value></Attribute>"
        "<MessageAttribute><Name>n</Name><Value><DataType>Binary</DataType>"
        "<BinaryValue>AAE=</BinaryValue></Value></MessageAttribute>"
        "</Message></ReceiveMessageResult>"
        "<ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata>"
        "</ReceiveMessageResponse>"
    )


def test_an_answer_without_result() -> None:
    _, _, body = SQS.serialise(SQS.operation("DeleteQueue"), {}, "r")
    assert b"DeleteQueueResult" not in body
    assert b"<RequestId>r</RequestId>" in body


@pytest.mark.parametrize(
    "form",
    [
        {"DelaySeconds": "soon"},
        {"MessageAttribute.1.Value.DataType": "String"},
        {
            "MessageAttribute.1.Name": "n",
            "MessageAttribute.1.Value.BinaryValue": "no base64!",
        },
    ],
)
def test_forms_that_cannot_be_read(form: dict[str, str]) -> None:
    with pytest.raises(AwsError):
        read("SendMessage", **form)
