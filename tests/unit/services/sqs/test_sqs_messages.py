import asyncio
import hashlib
import json
from typing import Any

import pytest

from emulator.services.sqs.messages import attributes_md5
from emulator.testing import FakeClock, until_idle
from tests.unit.services.sqs.conftest import Caller

INVALID = "InvalidParameterValueException"
ARN = "arn:aws:sqs:us-east-1:000000000000:"


def _text(value: str, kind: str = "String") -> dict[str, str]:
    return {"DataType": kind, "StringValue": value}


@pytest.fixture
async def url(sqs: Caller) -> str:
    return await sqs.create("orders")


@pytest.fixture
async def fifo(sqs: Caller) -> str:
    return await sqs.create("orders.fifo", FifoQueue="true")


async def _send(sqs: Caller, url: str, body: str = "msg", **options: Any) -> Any:
    return await sqs("SendMessage", QueueUrl=url, MessageBody=body, **options)


async def _receive(sqs: Caller, url: str, **options: Any) -> list[dict[str, Any]]:
    return (await sqs("ReceiveMessage", QueueUrl=url, **options)).get("Messages", [])


async def test_a_message_comes_back_with_its_md5(sqs: Caller, url: str) -> None:
    sent = await _send(sqs, url, "grüße 😀")
    (message,) = await _receive(sqs, url)
    digest = hashlib.md5("grüße 😀".encode(), usedforsecurity=False).hexdigest()
    assert sent == {"MessageId": message["MessageId"], "MD5OfMessageBody": digest}
    assert message == {
        "MessageId": sent["MessageId"],
        "ReceiptHandle": message["ReceiptHandle"],
        "Body": "grüße 😀",
        "MD5OfBody": digest,
    }
    assert await sqs("ReceiveMessage", QueueUrl=url) == {}


# The digests are recorded from AWS.
@pytest.mark.parametrize(
    ("names", "found", "digest"),
    [
        (["All"], "General Hello Help.Me", "4c360f3fdafd970e05fae2f149d997f5"),
        ([".*"], "General Hello Help.Me", "4c360f3fdafd970e05fae2f149d997f5"),
        (["Hello", "Never"], "Hello", "a311262e065454b75da111d535b8dacd"),
        (["General", "Hello"], "General Hello", "fca026605781cb4126a1e9044df24232"),
        (["Hel.*"], "Hello Help.Me", "83fee93c1bcd8b9a5a923ffacdc636c7"),
        (["Never"], "", None),
        (["AWS."], "", None),
        ([], "", None),
    ],
)
async def test_message_attributes_are_filtered_by_name(
    sqs: Caller, url: str, names: list[str] | list[Any], found: str, digest: str | None
) -> None:
    attributes = {
        "General": _text("Kenobi"),
        "Hello": _text("There"),
        "Help.Me": _text("Me"),
    }
    sent = await _send(sqs, url, MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == "4c360f3fdafd970e05fae2f149d997f5"
    (message,) = await _receive(sqs, url, MessageAttributeNames=names)
    assert message.get("MD5OfMessageAttributes") == digest
    assert message.get("MessageAttributes", {}) == {n: attributes[n] for n in found.split()}


async def test_binary_attributes_stay_bytes(sqs: Caller, url: str) -> None:
    value = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"
    attributes = {"attr1": {"DataType": "Binary", "BinaryValue": value}}
    await _send(sqs, url, MessageAttributes=attributes)
    (message,) = await _receive(sqs, url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == "8cbe4db156db8a94db8b801b7addb984"


def test_a_digest_recorded_from_aws() -> None:
    attributes = {"timestamp": _text("1493147359900", "Number")}
    assert attributes_md5(attributes) == "235c5c510d26fb653d073faed50ae77c"


async def test_system_attributes_are_told_on_request(
    sqs: Caller, url: str, clock: FakeClock
) -> None:
    header = _text("Root=1-3152b799-8954dae64eda91bc9a23a7e8;Sampled=1")
    sent = await _send(sqs, url, MessageSystemAttributes={"AWSTraceHeader": header})
    assert len(sent["MD5OfMessageSystemAttributes"]) == 32
    await clock.advance(2)
    (message,) = await _receive(sqs, url, AttributeNames=["All"], VisibilityTimeout=0)
    now = int(clock.now() * 1000)
    assert message["Attributes"] == {
        "SenderId": "000000000000",
        "SentTimestamp": str(now - 2000),
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": str(now),
        "AWSTraceHeader": header["StringValue"],
    }
    (message,) = await _receive(
        sqs,
        url,
        AttributeNames=["All"],
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    )
    assert message["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert await sqs.error("ReceiveMessage", QueueUrl=url, AttributeNames=["x"]) == (
        "InvalidAttributeName",
        "Unknown Attribute x.",
    )


async def test_a_fifo_message_tells_its_place(sqs: Caller, fifo: str) -> None:
    sent = await _send(sqs, fifo, MessageGroupId="g", MessageDeduplicationId="d")
    assert len(sent["SequenceNumber"]) == 20
    (message,) = await _receive(sqs, fifo, AttributeNames=["All"])
    told = message["Attributes"]
    assert told["SequenceNumber"] == sent["SequenceNumber"]
    assert (told["MessageGroupId"], told["MessageDeduplicationId"]) == ("g", "d")


async def test_a_fair_queue_keeps_the_group(sqs: Caller, url: str) -> None:
    sent = await _send(sqs, url, MessageGroupId="test")
    assert "SequenceNumber" not in sent
    (message,) = await _receive(sqs, url, AttributeNames=["All"])
    assert message["Attributes"]["MessageGroupId"] == "test"
    assert "SequenceNumber" not in message["Attributes"]


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        ({"MessageBody": ""}, "MissingRequiredParameterException", "parameter MessageBody."),
        ({"MessageBody": "\x00"}, "InvalidMessageContents", "Valid unicode characters are #x9"),
        ({"MessageBody": "\ufffe"}, "InvalidMessageContents", "Valid unicode"),
        ({"MessageBody": "\ud800"}, "InvalidMessageContents", "Valid unicode"),
        ({"DelaySeconds": 901}, INVALID, "DelaySeconds must be >= 0 and <= 900."),
        ({"DelaySeconds": -1}, INVALID, "Value -1 for parameter DelaySeconds"),
        ({"MessageBody": "x" * 2049}, INVALID, "Message must be shorter than 2048 bytes."),
        ({"MessageBody": "ü" * 1025}, INVALID, "Message must be shorter than 2048 bytes."),
        ({"MessageGroupId": ""}, INVALID, "Value  for parameter MessageGroupId is invalid."),
        ({"MessageGroupId": "a" * 129}, INVALID, "1 to 128 in length."),
        ({"MessageGroupId": "ü"}, INVALID, "alphanumeric and punctuation characters"),
        ({"MessageDeduplicationId": "d"}, INVALID, "not valid for this queue type."),
        ({"MessageAttributes": {"": _text("x")}}, INVALID, "non-empty message attribute name"),
        ({"MessageAttributes": {"a b": _text("x")}}, INVALID, "can contain: A-Z"),
        ({"MessageAttributes": {".a": _text("x")}}, INVALID, "can contain: A-Z"),
        ({"MessageAttributes": {"a" * 257: _text("x")}}, INVALID, "256 Bytes"),
        ({"MessageAttributes": {"AWS.x": _text("x")}}, INVALID, "reserved for internal use."),
        ({"MessageAttributes": {"amazon.x": _text("x")}}, INVALID, "reserved"),
        ({"MessageAttributes": {"a": _text("x", "Text")}}, INVALID, "Binary, Number, and String."),
        ({"MessageAttributes": {"a": {"StringValue": "x"}}}, INVALID, "attribute type."),
        ({"MessageAttributes": {"a": _text("")}}, INVALID, "non-empty"),
        ({"MessageAttributes": {"a": {"DataType": "Binary"}}}, INVALID, "type 'Binary'."),
        ({"MessageAttributes": {"a": _text("x", "Number")}}, INVALID, "to number."),
        ({"MessageAttributes": {"a": _text("\x01")}}, INVALID, "invalid characters"),
        ({"MessageAttributes": {str(n): _text("x") for n in range(11)}}, INVALID, "[11] exceeds"),
        ({"MessageSystemAttributes": {"Other": _text("x")}}, INVALID, "'Other' is invalid."),
        ({"MessageSystemAttributes": {"AWSTraceHeader": _text("")}}, INVALID, "non-empty"),
        ({"MessageSystemAttributes": {"AWSTraceHeader": _text("1", "Number")}}, INVALID, "type"),
    ],
)
async def test_what_cannot_be_sent(
    sqs: Caller, request_: dict[str, Any], code: str, text: str
) -> None:
    url = await sqs.create("small", MaximumMessageSize="2048")
    got = await sqs.error("SendMessage", QueueUrl=url, **{"MessageBody": "a", **request_})
    assert got[0] == code
    assert text in got[1]
    assert await sqs.bodies(url) == []


@pytest.mark.parametrize("number", ["1", "-1.5", "+2e10", ".5", "5."])
async def test_numbers_of_all_forms_are_taken(sqs: Caller, url: str, number: str) -> None:
    await _send(sqs, url, MessageAttributes={"n": _text(number, "Number.float")})


async def test_what_a_fifo_queue_asks_for(sqs: Caller, fifo: str) -> None:
    assert await sqs.error("SendMessage", QueueUrl=fifo, MessageBody="a") == (
        "MissingRequiredParameterException",
        "The request must contain the parameter MessageGroupId.",
    )
    code, text = await sqs.error("SendMessage", QueueUrl=fifo, MessageBody="a", MessageGroupId="g")
    assert code == INVALID
    assert text.startswith("The queue should either have ContentBasedDeduplication enabled")
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    code, text = await sqs.error(
        "SendMessage", QueueUrl=fifo, MessageBody="a", DelaySeconds=1, **ids
    )
    assert text.endswith("The request include parameter that is not valid for this queue type.")
    await _send(sqs, fifo, DelaySeconds=0, **ids)


async def test_a_batch_answers_each_entry(sqs: Caller, url: str) -> None:
    answer = await sqs(
        "SendMessageBatch",
        QueueUrl=url,
        Entries=[
            {"Id": "a", "MessageBody": "one"},
            {"Id": "b", "MessageBody": "\x00"},
            {"Id": "c", "MessageBody": "two", "DelaySeconds": 1000},
            {"Id": "d", "MessageBody": "three", "MessageAttributes": {"n": _text("1")}},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["a", "d"]
    assert "MD5OfMessageAttributes" in answer["Successful"][1]
    assert [(e["Id"], e["Code"], e["SenderFault"]) for e in answer["Failed"]] == [
        ("b", "InvalidMessageContents", True),
        ("c", "InvalidParameterValue", True),
    ]
    got = await _receive(sqs, url, MaxNumberOfMessages=10)
    assert [message["Body"] for message in got] == ["one", "three"]
    entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(got)]
    answer = await sqs(
        "ChangeMessageVisibilityBatch",
        QueueUrl=url,
        Entries=[
            {**entries[0], "VisibilityTimeout": 10},
            {**entries[1], "VisibilityTimeout": -1},
            {**entries[1], "Id": "x", "ReceiptHandle": "y", "VisibilityTimeout": 1},
        ],
    )
    assert answer["Successful"] == [{"Id": "0"}]
    assert [(e["Id"], e["Code"]) for e in answer["Failed"]] == [
        ("1", "InvalidParameterValue"),
        ("x", "ReceiptHandleIsInvalid"),
    ]
    entries.append({"Id": "x", "ReceiptHandle": "y"})
    answer = await sqs("DeleteMessageBatch", QueueUrl=url, Entries=entries)
    assert answer["Successful"] == [{"Id": "0"}, {"Id": "1"}]
    assert [(e["Id"], e["Code"]) for e in answer["Failed"]] == [("x", "ReceiptHandleIsInvalid")]


@pytest.mark.parametrize(
    ("operation", "entry"),
    [
        ("SendMessageBatch", {"MessageBody": "a"}),
        ("DeleteMessageBatch", {"ReceiptHandle": "a"}),
        ("ChangeMessageVisibilityBatch", {"ReceiptHandle": "a", "VisibilityTimeout": 1}),
    ],
)
async def test_batches_have_rules(
    sqs: Caller, url: str, operation: str, entry: dict[str, Any]
) -> None:
    async def error(*ids: str) -> tuple[str, str]:
        entries = [{"Id": id, **entry} for id in ids]
        return await sqs.error(operation, QueueUrl=url, Entries=entries)

    assert await error() == (
        "EmptyBatchRequest",
        f"There should be at least one {operation}RequestEntry in the request.",
    )
    assert await error(*[str(n) for n in range(20)]) == (
        "TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 20.",
    )
    for id in ("", "a b", "x" * 81, "ü"):
        assert await error(id) == (
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.",
        )
    assert await error("a", "a") == ("BatchEntryIdsNotDistinct", "Id a repeated.")


async def test_a_batch_has_a_total_size(sqs: Caller, url: str) -> None:
    entries = [{"Id": str(n), "MessageBody": "x" * 524_289} for n in range(2)]
    assert await sqs.error("SendMessageBatch", QueueUrl=url, Entries=entries) == (
        "BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes.",
    )
    assert await sqs.bodies(url) == []


async def test_a_fifo_batch_without_a_group_fails_whole(sqs: Caller, fifo: str) -> None:
    entries = [
        {"Id": "a", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "1"},
        {"Id": "b", "MessageBody": "b", "MessageDeduplicationId": "2"},
    ]
    assert await sqs.error("SendMessageBatch", QueueUrl=fifo, Entries=entries) == (
        INVALID,
        "The request must contain the parameter MessageGroupId.",
    )
    assert await sqs.bodies(fifo) == []


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"MaxNumberOfMessages": 0}, "Must be between 1 and 10, if provided."),
        ({"MaxNumberOfMessages": 11}, "Value 11 for parameter MaxNumberOfMessages"),
        ({"WaitTimeSeconds": 21}, "Must be >= 0 and <= 20, if provided."),
        ({"WaitTimeSeconds": -1}, "Value -1 for parameter WaitTimeSeconds"),
        ({"VisibilityTimeout": 43201}, "Must be >= 0 and <= 43200, if provided."),
        ({"ReceiveRequestAttemptId": "x"}, "not valid for this queue type."),
    ],
)
async def test_what_cannot_be_received(
    sqs: Caller, url: str, options: dict[str, Any], text: str
) -> None:
    code, message = await sqs.error("ReceiveMessage", QueueUrl=url, **options)
    assert code == INVALID
    assert text in message


async def test_a_queue_may_wait_by_default(sqs: Caller, clock: FakeClock) -> None:
    url = await sqs.create("patient", ReceiveMessageWaitTimeSeconds="10")
    poll = asyncio.ensure_future(sqs("ReceiveMessage", QueueUrl=url))
    await clock.advance(9)
    assert not poll.done()
    await _send(sqs, url, "late")
    assert (await poll)["Messages"][0]["Body"] == "late"
    poll = asyncio.ensure_future(sqs("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=0))
    await until_idle()
    assert await poll == {}


async def test_receipt_handles_have_their_errors(
    sqs: Caller, url: str, fifo: str, clock: FakeClock
) -> None:
    for operation in ("DeleteMessage", "ChangeMessageVisibility"):
        for handle in ("garbage", "", "ü" * 1000):
            request = {"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 1}
            assert await sqs.error(operation, **request) == (
                "ReceiptHandleIsInvalid",
                f'The input receipt handle "{handle}" is not a valid receipt handle.',
            )
    await _send(sqs, url)
    (message,) = await _receive(sqs, url)
    handle = message["ReceiptHandle"]
    other = await sqs.create("other")
    assert (await sqs.error("DeleteMessage", QueueUrl=other, ReceiptHandle=handle))[0] == (
        "ReceiptHandleIsInvalid"
    )
    request = {"QueueUrl": url, "ReceiptHandle": handle}
    assert (await sqs.error("ChangeMessageVisibility", **request, VisibilityTimeout=43201))[
        0
    ] == INVALID
    await clock.advance(1)
    code, text = await sqs.error("ChangeMessageVisibility", **request, VisibilityTimeout=43200)
    assert text == (
        "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout "
        "for the message is beyond the limit [43200 seconds]"
    )
    await clock.advance(30)
    # Late, but nobody else has received it.
    await sqs("ChangeMessageVisibility", **request, VisibilityTimeout=1)
    await sqs("DeleteMessage", **request)
    code, text = await sqs.error("ChangeMessageVisibility", **request, VisibilityTimeout=1)
    assert code == INVALID
    assert text.endswith("not available for visibility timeout change.")
    await _send(sqs, fifo, MessageGroupId="g", MessageDeduplicationId="d")
    (message,) = await _receive(sqs, fifo)
    await clock.advance(30)
    assert await sqs.error(
        "DeleteMessage", QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"]
    ) == (
        INVALID,
        f"Value {message['ReceiptHandle']} for parameter ReceiptHandle is invalid. "
        "Reason: The receipt handle has expired.",
    )


async def test_dead_letters_tell_where_they_come_from(sqs: Caller, clock: FakeClock) -> None:
    dead = await sqs.create("dead")
    policy = json.dumps({"deadLetterTargetArn": ARN + "dead", "maxReceiveCount": 1})
    url = await sqs.create("orders", RedrivePolicy=policy, VisibilityTimeout="1")
    sent = await _send(sqs, url, "poison", MessageAttributes={"a": _text("1")})
    await _receive(sqs, url)
    await clock.advance(1)
    assert await _receive(sqs, url) == []
    (message,) = await _receive(
        sqs, dead, AttributeNames=["All"], MessageAttributeNames=["All"], WaitTimeSeconds=5
    )
    assert message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"] == {"a": _text("1")}
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == ARN + "orders"
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"


async def test_too_many_in_flight_is_over_the_limit(sqs: Caller, url: str) -> None:
    found = sqs.sqs.find("000000000000", "us-east-1", "orders")
    assert found is not None
    queue = found.queue
    queue.change(queue.settings.with_(max_in_flight=1), queue.body)
    await _send(sqs, url, "a")
    await _send(sqs, url, "b")
    await _receive(sqs, url)
    assert (await sqs.error("ReceiveMessage", QueueUrl=url))[0] == "OverLimit"


async def test_a_fifo_batch_that_lacks_an_id_sends_nothing(sqs: Caller, fifo: str) -> None:
    whole = {"Id": "1", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for missing, text in (
        ("MessageGroupId", "The request must contain the parameter MessageGroupId."),
        (
            "MessageDeduplicationId",
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly",
        ),
    ):
        lacking = {k: v for k, v in whole.items() if k != missing} | {"Id": "2"}
        request = {"QueueUrl": fifo, "Entries": [whole, lacking]}
        assert await sqs.error("SendMessageBatch", **request) == (INVALID, text)
    assert await sqs.bodies(fifo) == []


@pytest.mark.parametrize("word", ["All", ".*", "*"])
async def test_a_star_stands_for_all_attributes(sqs: Caller, url: str, word: str) -> None:
    values = {
        "attr.1øßä": {"DataType": "String", "StringValue": "x"},
        "属性": {"DataType": "Number", "StringValue": "1"},
    }
    sent = await sqs("SendMessage", QueueUrl=url, MessageBody="a", MessageAttributes=values)
    answer = await sqs("ReceiveMessage", QueueUrl=url, MessageAttributeNames=[word])
    (message,) = answer["Messages"]
    assert message["MessageAttributes"] == values
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
