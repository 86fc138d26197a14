"""SQS through boto3 and over the wire: every operation, both protocols."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.errors import StorageFull
from tests.patience import until

from .sqs_server import SqsServer


@pytest.fixture(scope="module")
def server() -> Iterator[SqsServer]:
    server = SqsServer()
    yield server
    server.stop()


@pytest.fixture
def client(server: SqsServer) -> Iterator[Any]:
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def queue(client: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    name = re.sub(r"\W", "-", request.node.name)[:70]
    url = client.create_queue(QueueName=name)["QueueUrl"]
    yield url
    client.delete_queue(QueueUrl=url)


def _error(call: Callable[..., Any], **request: Any) -> tuple[dict[str, Any], int]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response = caught.value.response
    return response["Error"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_messages_go_through(client: Any, queue: str, server: SqsServer) -> None:
    assert queue.startswith(f"{server.url}/000000000000/")
    sent = client.send_message(
        QueueUrl=queue,
        MessageBody="hello",
        MessageAttributes={
            "text": {"DataType": "String", "StringValue": "x"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )
    (message,) = client.receive_message(
        QueueUrl=queue, AttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"]
    # boto3 itself compares the MD5s.
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "hello")
    assert message["MessageAttributes"]["bytes"]["BinaryValue"] == b"\x00\xff"
    client.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    (message,) = client.receive_message(QueueUrl=queue, AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"
    client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in client.receive_message(QueueUrl=queue)


def test_batches_go_through(client: Any, queue: str) -> None:
    entries = [{"Id": str(n), "MessageBody": f"m{n}"} for n in range(10)]
    answer = client.send_message_batch(QueueUrl=queue, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == [str(n) for n in range(10)]
    got = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in got] == [f"m{n}" for n in range(10)]
    handles = [{"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]} for m in got]
    answer = client.change_message_visibility_batch(
        QueueUrl=queue, Entries=[{**handle, "VisibilityTimeout": 60} for handle in handles]
    )
    assert len(answer["Successful"]) == 10
    answer = client.delete_message_batch(QueueUrl=queue, Entries=handles)
    assert len(answer["Successful"]) == 10
    assert "Failed" not in answer


def test_queues_are_managed(client: Any) -> None:
    url = client.create_queue(QueueName="managed", tags={"a": "1"})["QueueUrl"]
    assert client.get_queue_url(QueueName="managed")["QueueUrl"] == url
    assert url in client.list_queues(QueueNamePrefix="manag")["QueueUrls"]
    client.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "3"})
    told = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert told["DelaySeconds"] == "3"
    client.tag_queue(QueueUrl=url, Tags={"b": "2"})
    client.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert client.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2"}
    client.add_permission(
        QueueUrl=url, Label="l", AWSAccountIds=["111111111111"], Actions=["SendMessage"]
    )
    client.remove_permission(QueueUrl=url, Label="l")
    client.purge_queue(QueueUrl=url)
    error, status = _error(client.purge_queue, QueueUrl=url)
    assert (error["Code"], status) == ("AWS.SimpleQueueService.PurgeQueueInProgress", 403)
    client.delete_queue(QueueUrl=url)
    error, status = _error(client.get_queue_url, QueueName="managed")
    assert (error["Code"], error["QueryErrorCode"], status) == (
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        400,
    )


def test_dead_letters_are_moved_back(client: Any) -> None:
    dead = client.create_queue(QueueName="moved-dead")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    source = client.create_queue(
        QueueName="moved", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    )["QueueUrl"]
    assert client.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [source]
    client.send_message(QueueUrl=source, MessageBody="poison")
    assert client.receive_message(QueueUrl=source)["Messages"]
    assert "Messages" not in client.receive_message(QueueUrl=source)
    (message,) = client.receive_message(QueueUrl=dead, WaitTimeSeconds=5, VisibilityTimeout=0)[
        "Messages"
    ]
    assert message["Body"] == "poison"
    handle = client.start_message_move_task(SourceArn=arn)["TaskHandle"]
    (message,) = client.receive_message(QueueUrl=source, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "poison"
    (task,) = client.list_message_move_tasks(SourceArn=arn)["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    error, status = _error(client.cancel_message_move_task, TaskHandle=handle)
    assert (error["Code"], status) == ("ResourceNotFoundException", 404)


def test_fifo_goes_through(client: Any) -> None:
    url = client.create_queue(
        QueueName="through.fifo",
        Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"},
    )["QueueUrl"]
    numbers = [
        client.send_message(QueueUrl=url, MessageBody=str(n), MessageGroupId="g")["SequenceNumber"]
        for n in range(3)
    ]
    assert numbers == sorted(set(numbers))
    got = client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, ReceiveRequestAttemptId="try"
    )["Messages"]
    again = client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, ReceiveRequestAttemptId="try"
    )["Messages"]
    assert [m["Body"] for m in got] == [m["Body"] for m in again] == ["0", "1", "2"]


def test_accounts_and_regions_are_apart(server: SqsServer, client: Any) -> None:
    client.create_queue(QueueName="apart")
    for other in (server.client(account="111111111111"), server.client(region="eu-west-1")):
        error, _ = _error(other.get_queue_url, QueueName="apart")
        assert error["QueryErrorCode"] == "QueueDoesNotExist"
        other.close()


def test_many_open_polls_cost_nothing_and_are_all_answered(
    server: SqsServer, client: Any, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls, turns = 40, 0
    selector = server._loop._selector  # type: ignore[attr-defined]
    select = selector.select

    def counted(timeout: float | None = None) -> Any:
        nonlocal turns
        turns += 1
        return select(timeout)

    def poll(mine: Any) -> list[str]:
        got = mine.receive_message(QueueUrl=queue, WaitTimeSeconds=20).get("Messages", [])
        mine.close()
        return [message["Body"] for message in got]

    clients = [server.client() for _ in range(polls)]
    with ThreadPoolExecutor(polls) as pool:
        answers = [pool.submit(poll, mine) for mine in clients]
        parked = server.sqs.by_url(queue, "000000000000", "us-east-1").queue._receiving.polls
        until(lambda: len(parked._waiting) == polls)
        monkeypatch.setattr(selector, "select", counted)
        begun = time.monotonic()
        time.sleep(0.2)
        # The server itself looks around ten times a second.
        assert turns < 20 + 60 * (time.monotonic() - begun)
        for start in range(0, polls, 10):
            client.send_message_batch(
                QueueUrl=queue,
                Entries=[{"Id": str(n), "MessageBody": str(start + n)} for n in range(10)],
            )
        bodies = [body for answer in answers for body in answer.result(60)]
    assert sorted(bodies, key=int) == [str(n) for n in range(polls)]


def _query(server: SqsServer, **parameters: Any) -> tuple[int, str]:
    body = urllib.parse.urlencode({"Version": "2012-11-05", **parameters}).encode()
    request = urllib.request.Request(
        server.url,
        body,
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": "AWS4-HMAC-SHA256 Credential="
            "000000000000/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_query_protocol_works(server: SqsServer) -> None:
    status, text = _query(
        server,
        Action="CreateQueue",
        QueueName="by-query",
        **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "0"},
    )
    assert status == 200
    (url,) = re.findall("<QueueUrl>(.*?)</QueueUrl>", text)
    status, text = _query(
        server,
        Action="SendMessage",
        QueueUrl=url,
        MessageBody="a<&>b",
        **{
            "MessageAttribute.1.Name": "k",
            "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "v",
        },
    )
    assert status == 200
    assert "<MD5OfMessageAttributes>" in text
    status, text = _query(
        server,
        Action="ReceiveMessage",
        QueueUrl=url,
        **{"AttributeName.1": "All", "MessageAttributeName.1": "All"},
    )
    assert "<Body>a&lt;&amp;&gt;b</Body>" in text
    assert "<Name>SenderId</Name><Value>000000000000</Value>" in text
    assert "<StringValue>v</StringValue>" in text
    (handle,) = re.findall("<ReceiptHandle>(.*?)</ReceiptHandle>", text)
    status, _ = _query(server, Action="DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
    assert status == 200
    status, text = _query(server, Action="DeleteMessage", QueueUrl=url, ReceiptHandle="garbage")
    assert (status, "<Code>ReceiptHandleIsInvalid</Code>" in text) == (404, True)
    status, text = _query(server, Action="ReceiveMessage", QueueUrl=url + "x")
    assert status == 400
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in text
    status, text = _query(server, Action="SendMessage", QueueUrl=url, MessageBody="")
    assert status == 400
    assert "<Code>MissingParameter</Code>" in text
    assert "<Message>The request must contain the parameter MessageBody.</Message>" in text
    nameless = {"MessageAttribute.1.Name": "", "MessageAttribute.1.Value.DataType": "String",
                "MessageAttribute.1.Value.StringValue": "x"}  # fmt: skip
    _, text = _query(server, Action="SendMessage", QueueUrl=url, MessageBody="m", **nameless)
    assert "<Message>The request must contain non-empty message attribute name.</Message>" in text


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("SendMessage", {}),
        ("SendMessage", {"MessageBody": None}),
        ("SendMessage", {"MessageBody": 5}),
        ("SendMessage", {"MessageBody": "a", "DelaySeconds": "x"}),
        ("SendMessage", {"MessageBody": "a", "MessageAttributes": []}),
        ("SendMessage", {"MessageBody": "a", "MessageAttributes": {"a": None}}),
        ("SendMessage", {"MessageBody": "a", "MessageAttributes": {"a": {"BinaryValue": "é"}}}),
        ("SendMessage", {"MessageBody": "a", "MessageGroupId": {}}),
        ("SendMessageBatch", {"Entries": [{}]}),
        ("SendMessageBatch", {"Entries": [None]}),
        ("SendMessageBatch", {"Entries": {}}),
        ("ReceiveMessage", {"MaxNumberOfMessages": "many"}),
        ("ReceiveMessage", {"MaxNumberOfMessages": 10**30}),
        ("ReceiveMessage", {"WaitTimeSeconds": -(10**30)}),
        ("ReceiveMessage", {"VisibilityTimeout": 10**30}),
        ("ReceiveMessage", {"AttributeNames": "All"}),
        ("ReceiveMessage", {"MessageAttributeNames": [1]}),
        ("ReceiveMessage", {"QueueUrl": 1}),
        ("ReceiveMessage", {"QueueUrl": "http://[::1"}),
        ("DeleteMessage", {"ReceiptHandle": "\x00"}),
        ("DeleteMessageBatch", {"Entries": [{"Id": "a"}]}),
        ("ChangeMessageVisibility", {"ReceiptHandle": "x", "VisibilityTimeout": 10**20}),
        ("CreateQueue", {}),
        ("CreateQueue", {"QueueName": "\x00"}),
        ("CreateQueue", {"QueueName": "a", "Attributes": {"DelaySeconds": 1}}),
        ("CreateQueue", {"QueueName": "a", "Attributes": {"DelaySeconds": None}}),
        ("CreateQueue", {"QueueName": "a", "tags": {"k": None}}),
        ("SetQueueAttributes", {"Attributes": {"RedrivePolicy": "[" * 5000}}),
        ("SetQueueAttributes", {"Attributes": {"RedrivePolicy": "[" * 5000 + "]" * 5000}}),
        ("SetQueueAttributes", {"Attributes": {"RedriveAllowPolicy": "{}"}}),
        ("SetQueueAttributes", {"Attributes": {"Policy": "[" * 5000}}),
        (
            "SetQueueAttributes",
            {"Attributes": {"Policy": '{"Statement": {"a": ' + "[" * 5000 + "]" * 5000 + "}}"}},
        ),
        ("AddPermission", {"Label": "a", "AWSAccountIds": ["x"], "Actions": ["*"]}),
        ("AddPermission", {"Label": "", "AWSAccountIds": [], "Actions": []}),
        ("CancelMessageMoveTask", {"TaskHandle": "e30="}),
        ("StartMessageMoveTask", {"SourceArn": "a:b:sqs:c:d:e"}),
        ("ListQueues", {"MaxResults": -1}),
        ("ListQueues", {"NextToken": "\ud800"}),
        ("GetQueueAttributes", {"AttributeNames": ["Nonsense"]}),
        ("UntagQueue", {"TagKeys": None}),
        ("Nonsense", {}),
    ],
)
def test_bad_input_gets_an_answer_in_awss_shape(
    server: SqsServer, queue: str, operation: str, request_: dict[str, Any]
) -> None:
    body = json.dumps({"QueueUrl": queue, **request_}).encode()
    request = urllib.request.Request(
        server.url,
        body,
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=60)
    with caught.value as answer:
        assert 400 <= answer.code < 500
        told = json.loads(answer.read())
    assert told["__type"]
    assert "message" in {key.lower() for key in told}


def test_a_queues_url_says_which_queue_a_query_is_for(server: SqsServer, queue: str) -> None:
    def ask(address: Any, **parameters: Any) -> str:
        # As AWS's documentation shows it: nothing but an action and its parameters.
        with urllib.request.urlopen(f"{address}?{urllib.parse.urlencode(parameters)}") as answer:
            return answer.read().decode()

    ask(f"{queue}/", Action="SendMessage", MessageBody="here")
    by_region = queue.replace("/000000000000/", "/queue/us-east-1/000000000000/")
    assert "<Body>here</Body>" in ask(by_region, Action="ReceiveMessage")


def test_a_full_disk_is_said_to_the_caller(
    client: Any, server: SqsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise StorageFull("database or disk is full")

    monkeypatch.setattr(server.sqs.engine.journal, "create_queue", full)
    error, status = _error(client.create_queue, QueueName="unkept")
    assert status == 500
    assert error["Message"] == "It was not kept: database or disk is full"


def _get(address: str, accept: str = "*/*", **parameters: str) -> tuple[int, str]:
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    request = urllib.request.Request(f"{address}{query}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_a_queues_url_without_an_action_is_an_unknown_operation(queue: str, accept: str) -> None:
    assert _get(queue, accept) == (404, "<UnknownOperationException/>")


@pytest.mark.parametrize("action", ["CreateQueue", "ListQueues", "FooBar"])
def test_a_queues_url_serves_what_is_done_with_a_queue(queue: str, action: str) -> None:
    status, text = _get(queue, Action=action, QueueName="other", Version="2012-11-05")
    assert status == 400
    assert "<Code>InvalidAction</Code>" in text
    assert f"<Message>The action {action} is not valid for this endpoint.</Message>" in text


def test_without_a_queue_the_address_is_invalid(server: SqsServer) -> None:
    status, text = _query(server, Action="ReceiveMessage")
    assert status == 404
    assert "<Code>InvalidAddress</Code>" in text
    assert f"The address {server.url}/ is not valid for this endpoint." in text


def test_the_query_protocol_has_its_own_words_for_a_missing_queue(
    server: SqsServer, client: Any, queue: str
) -> None:
    for url in (f"{queue}-not", "nowhere", "http://whatever"):
        status, text = _query(server, Action="ReceiveMessage", QueueUrl=url)
        assert status == 400
        assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in text
        assert "The specified queue does not exist for this wsdl version." in text
        error, status = _error(client.receive_message, QueueUrl=url)
        assert error["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
        assert (error["Message"], status) == ("The specified queue does not exist.", 400)


def test_a_queues_url_gives_the_urls_of_queues(queue: str) -> None:
    name = queue.rpartition("/")[2]
    status, text = _get(queue, Action="GetQueueUrl", QueueName=name)
    assert (status, f"<QueueUrl>{queue}</QueueUrl>" in text) == (200, True)


def test_who_accepts_json_gets_the_query_protocols_answers_in_json(queue: str, client: Any) -> None:
    def ask(**parameters: str) -> tuple[int, Any]:
        status, text = _get(queue, "application/json", **parameters)
        return status, json.loads(text)

    names = {"AttributeName.1": "VisibilityTimeout", "AttributeName.2": "DelaySeconds"}
    status, answer = ask(Action="GetQueueAttributes", **names)
    response = answer["GetQueueAttributesResponse"]
    assert status == 200
    found = response["GetQueueAttributesResult"]["Attributes"]
    assert sorted(found, key=lambda each: each["Name"]) == [
        {"Name": "DelaySeconds", "Value": "0"},
        {"Name": "VisibilityTimeout", "Value": "30"},
    ]
    assert response["ResponseMetadata"]["RequestId"]
    value = {"DataType": "Binary", "BinaryValue": b"\x00"}
    client.send_message(QueueUrl=queue, MessageBody="m", MessageAttributes={"a": value})
    _, answer = ask(Action="ReceiveMessage", **{"MessageAttributeName.1": "All"})
    (message,) = answer["ReceiveMessageResponse"]["ReceiveMessageResult"]["Messages"]
    assert message["Body"] == "m"
    assert message["MessageAttributes"] == [
        {"Name": "a", "Value": {"DataType": "Binary", "BinaryValue": "AA=="}}
    ]
    status, answer = ask(Action="ListQueues")
    assert (status, answer["Error"]["Code"]) == (400, "InvalidAction")
    assert answer["Error"]["Message"] == "The action ListQueues is not valid for this endpoint."
    assert answer["RequestId"]
