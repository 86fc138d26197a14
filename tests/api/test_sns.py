"""SNS through boto3: topics, subscriptions, fan-out, filters, FIFO, HTTP, dead letters."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from emulator.invoke.targets import Delivery
from emulator.model.errors import StorageFull
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create

ARN = "arn:aws:{}:us-east-1:000000000000:{}"


class Endpoint:
    """An HTTP endpoint that remembers what it was sent, and answers with ``status``."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], Any]] = []
        self.status = 200
        self._arrived = threading.Condition()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with endpoint._arrived:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    endpoint.seen.append((headers, text))
                    endpoint._arrived.notify_all()
                self.send_response(endpoint.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def wait(self, count: int) -> list[tuple[dict[str, str], Any]]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= count, 60), self.seen
        return self.seen

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def sns(scripted: Running) -> Any:
    return scripted.client("sns")


class Queue:
    """A queue that is subscribed to topics."""

    def __init__(self, running: Running, name: str = "orders", **attributes: str) -> None:
        self.sqs = running.client("sqs")
        # What was received stays hidden for longer than any test lasts.
        given = {"VisibilityTimeout": "600", **attributes}
        self.url = self.sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
        self.arn = ARN.format("sqs", name)

    def received(self, count: int = 1, wait_s: int = 5) -> list[Any]:
        found: list[Any] = []
        for _ in range(10):
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=wait_s,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )
            found += answer.get("Messages", [])
            if len(found) >= count:
                break
        return found

    def counts(self) -> int:
        """Return how many messages can be received."""
        name = "ApproximateNumberOfMessages"
        told = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        return int(told["Attributes"][name])

    def bodies(self, count: int = 1) -> list[Any]:
        return [json.loads(each["Body"]) for each in self.received(count)]


def refused(call: Callable[..., Any], code: str, text: str, **request: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    assert (error["Code"], text in error["Message"]) == (code, True), error


def test_a_topic_and_its_attributes(sns: Any) -> None:
    arn = sns.create_topic(Name="news", Tags=[{"Key": "team", "Value": "a"}])["TopicArn"]
    assert arn == ARN.format("sns", "news")
    assert sns.create_topic(Name="news")["TopicArn"] == arn
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["Owner"] == "000000000000"
    assert json.loads(attributes["Policy"])["Id"] == "__default_policy_ID"
    assert attributes["SubscriptionsConfirmed"] == "0"
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="News")
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "News"
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
    assert [each["TopicArn"] for each in sns.list_topics()["Topics"]] == [arn]
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    refused(sns.get_topic_attributes, "NotFound", "Topic does not exist", TopicArn=arn)


def test_a_topic_has_fifty_tags_at_most(sns: Any) -> None:
    text = "Could not complete request: tag quota of per resource exceeded"
    tags = [{"Key": str(number), "Value": "v"} for number in range(51)]
    refused(sns.create_topic, "TagLimitExceeded", text, Name="tagged", Tags=tags)
    arn = sns.create_topic(Name="tagged", Tags=tags[:50])["TopicArn"]
    refused(sns.tag_resource, "TagLimitExceeded", text, ResourceArn=arn, Tags=tags[50:])


@pytest.mark.parametrize("name", ["", "a b", "a!", "a" * 257, "news.fifo", "a.b"])
def test_names_of_topics(sns: Any, name: str) -> None:
    refused(sns.create_topic, "InvalidParameter", "Invalid parameter: Topic Name", Name=name)


def test_one_message_reaches_queues_and_functions(scripted: Running, sns: Any) -> None:
    events: list[Any] = []
    arrived = threading.Event()

    async def script(runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            events.append(json.loads(payload))
            arrived.set()
            await runtime.respond(request_id, b"null")

    scripted.scripted_driver.script = script
    create(scripted.client("lambda"), "hello")
    topic = sns.create_topic(Name="news")["TopicArn"]
    first, second = Queue(scripted, "first"), Queue(scripted, "second")
    for protocol, arn in (
        ("sqs", first.arn),
        ("sqs", second.arn),
        ("lambda", ARN.format("lambda", "function:hello")),
    ):
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=arn)
    attribute = {"kind": {"DataType": "String", "StringValue": "sport"}}
    message_id = sns.publish(
        TopicArn=topic, Message="hello", Subject="greeting", MessageAttributes=attribute
    )["MessageId"]
    for queue in (first, second):
        (body,) = queue.bodies()
        assert body["Message"] == "hello"
        assert (body["Type"], body["MessageId"]) == ("Notification", message_id)
        assert (body["TopicArn"], body["Subject"]) == (topic, "greeting")
        assert body["MessageAttributes"] == {"kind": {"Type": "String", "Value": "sport"}}
    assert arrived.wait(60)
    (record,) = events[0]["Records"]
    assert record["EventSource"] == "aws:sns"
    assert record["Sns"]["Message"] == "hello"
    assert record["Sns"]["MessageAttributes"]["kind"]["Value"] == "sport"


def test_raw_messages_keep_their_attributes(scripted: Running, sns: Any) -> None:
    topic, queue = sns.create_topic(Name="news")["TopicArn"], Queue(scripted)
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=raw)
    attributes = {
        "n": {"DataType": "Number", "StringValue": "1.5"},
        "b": {"DataType": "Binary", "BinaryValue": b"\2\3\4"},
    }
    sns.publish(TopicArn=topic, Message="hello", MessageAttributes=attributes)
    (message,) = queue.received()
    assert message["Body"] == "hello"
    assert message["MessageAttributes"] == attributes


def test_a_message_by_protocol(scripted: Running, sns: Any) -> None:
    topic, queue = sns.create_topic(Name="news")["TopicArn"], Queue(scripted)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    text = json.dumps({"default": "for all", "sqs": "for queues"})
    sns.publish(TopicArn=topic, Message=text, MessageStructure="json")
    assert queue.bodies()[0]["Message"] == "for queues"
    publish = sns.publish
    common: dict[str, Any] = {"TopicArn": topic, "MessageStructure": "json"}
    refused(publish, "InvalidParameter", "failed to parse", Message="{", **common)
    refused(publish, "InvalidParameter", "No default entry", Message="{}", **common)


def test_signatures_hold(scripted: Running, sns: Any) -> None:
    topic, queue = sns.create_topic(Name="news")["TopicArn"], Queue(scripted)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    sns.publish(TopicArn=topic, Message="hello", Subject="s")
    (body,) = queue.bodies()
    with urllib.request.urlopen(body["SigningCertURL"], timeout=60) as answer:
        certificate = x509.load_pem_x509_certificate(answer.read())
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    text = "".join(f"{name}\n{body[name]}\n" for name in names)
    key: Any = certificate.public_key()
    signature = base64.b64decode(body["Signature"])
    key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA1())


def _attribute(kind: str, value: str) -> dict[str, str]:
    return {"DataType": kind, "StringValue": value}


@pytest.mark.parametrize(
    ("policy", "scope", "takes"),
    [
        ({"kind": ["sport"]}, "MessageAttributes", ["a"]),
        ({"kind": [{"anything-but": ["sport"]}]}, "MessageAttributes", ["b"]),
        ({"price": [{"numeric": [">", 5]}]}, "MessageAttributes", ["b"]),
        ({"tags": ["x"]}, "MessageAttributes", ["a"]),
        ({"kind": [{"exists": False}]}, "MessageAttributes", ["c"]),
        ({"$or": [{"kind": ["sport"]}, {"price": [7]}]}, "MessageAttributes", ["a", "b"]),
        ({"order": {"total": [{"numeric": ["<", 10]}]}}, "MessageBody", ["b"]),
    ],
)
def test_filters(scripted: Running, sns: Any, policy: Any, scope: str, takes: list[str]) -> None:
    topic, queue = sns.create_topic(Name="news")["TopicArn"], Queue(scripted)
    attributes = {"FilterPolicy": json.dumps(policy), "FilterPolicyScope": scope}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    bodies: dict[str, dict[str, Any]] = {
        "a": {"order": {"total": 20}},
        "b": {"order": {"total": 5}},
        "c": {"other": 1},
    }
    given = {
        "a": {
            "kind": _attribute("String", "sport"),
            "price": _attribute("Number", "3"),
            "tags": _attribute("String.Array", '["x", "y"]'),
        },
        "b": {
            "kind": _attribute("String", "news"),
            "price": _attribute("Number", "7"),
            "tags": _attribute("String.Array", '["z"]'),
        },
        "c": {},
    }
    for name, body in bodies.items():
        sns.publish(
            TopicArn=topic,
            Message=json.dumps({**body, "name": name}),
            MessageAttributes=given[name],
        )
    found = [json.loads(body["Message"])["name"] for body in queue.bodies(len(takes))]
    assert sorted(found) == takes


def test_wrong_filters_are_refused(scripted: Running, sns: Any) -> None:
    topic, queue = sns.create_topic(Name="news")["TopicArn"], Queue(scripted)
    for policy, text in (
        ("{", "failed to parse JSON"),
        ("[]", "must be a JSON object"),
        ('{"a": {"b": ["c"]}}', "does not support nested filter policy"),
        ('{"a": []}', "FilterPolicy"),
    ):
        refused(
            sns.subscribe,
            "InvalidParameter",
            text,
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=queue.arn,
            Attributes={"FilterPolicy": policy},
        )
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_fifo_topics_keep_order_and_take_a_message_once(scripted: Running, sns: Any) -> None:
    fifo = {"FifoTopic": "true"}
    topic = sns.create_topic(Name="news.fifo", Attributes=fifo)["TopicArn"]
    queue = Queue(scripted, "orders.fifo", FifoQueue="true")
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=raw)
    numbers = []
    for n in (0, 1, 1, 2):
        answer = sns.publish(
            TopicArn=topic, Message=f"m{n}", MessageGroupId="g", MessageDeduplicationId=f"d{n}"
        )
        numbers.append(answer["SequenceNumber"])
    assert numbers == sorted(numbers)
    assert [each["Body"] for each in queue.received(3)] == ["m0", "m1", "m2"]
    refused(sns.publish, "InvalidParameter", "MessageGroupId", TopicArn=topic, Message="x")
    refused(
        sns.publish,
        "InvalidParameter",
        "ContentBasedDeduplication",
        TopicArn=topic,
        Message="x",
        MessageGroupId="g",
    )


def test_a_message_that_was_not_kept_may_be_published_again(
    scripted: Running, sns: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    # A standard queue tells no repetitions apart: what the topic itself lets through counts.
    queue = Queue(scripted)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    message = {"TopicArn": topic, "Message": "m", "MessageGroupId": "g"}
    message["MessageDeduplicationId"] = "d"

    def fails(*given: Any, **named: Any) -> None:
        given[3](None, StorageFull("the disk is full"))

    with monkeypatch.context() as disk:
        disk.setattr(scripted.emulator.queues.journal, "append", fails)
        with pytest.raises(ClientError):
            sns.publish(**message)
    sns.publish(**message)
    sns.publish(**message)
    # What was kept before is still a repetition when the batch it is in fails.
    entries = [
        {"Id": str(at), "Message": name, "MessageGroupId": "h", "MessageDeduplicationId": name}
        for at, name in enumerate(("d", "e", "e"))
    ]
    for _ in range(2):
        with monkeypatch.context() as disk:
            disk.setattr(scripted.emulator.queues.journal, "append", fails)
            with pytest.raises(ClientError):
                sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [body["Message"] for body in queue.bodies(2)] == ["m", "e"]
    assert queue.counts() == 0


def test_messages_published_at_once_are_taken_once(scripted: Running, sns: Any) -> None:
    topic = sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    queue = Queue(scripted)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    request = {"TopicArn": topic, "Message": "m", "MessageGroupId": "g"}
    request["MessageDeduplicationId"] = "d"

    async def publish() -> None:
        call = scripted.emulator.table.call
        await asyncio.gather(*(call("sns", "Publish", request) for _ in range(8)))

    scripted.call(publish)
    assert [body["Message"] for body in queue.bodies()] == ["m"]
    assert queue.counts() == 0


def test_a_message_group_is_the_scope_of_deduplication_where_the_topic_says_so(
    scripted: Running, sns: Any
) -> None:
    attributes = {"FifoTopic": "true", "FifoThroughputScope": "MessageGroup"}
    topic = sns.create_topic(Name="news.fifo", Attributes=attributes)["TopicArn"]
    queue = Queue(scripted)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    for group in ("a", "b", "a"):
        sns.publish(TopicArn=topic, Message=group, MessageGroupId=group, MessageDeduplicationId="d")
    assert [body["Message"] for body in queue.bodies(2)] == ["a", "b"]
    assert queue.counts() == 0


def test_a_fifo_topic_knows_repetitions_after_a_restart(tmp_path: Any) -> None:
    settings = Settings(port=0, state=tmp_path)
    for life in range(2):
        running = Running(settings, driver=ScriptedDriver())
        try:
            sns, queue = running.client("sns"), Queue(running)
            topic = sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
            for name in ("d", str(life)):
                sns.publish(
                    TopicArn=topic, Message=name, MessageGroupId="g", MessageDeduplicationId=name
                )
            waiting = queue.counts()
        finally:
            running.stop()
    assert waiting == 3


def test_a_topic_with_many_subscriptions_reaches_all_of_them(scripted: Running, sns: Any) -> None:
    topic, queue = sns.create_topic(Name="news")["TopicArn"], Queue(scripted)
    body = {"topic": topic, "owner": "000000000000", "protocol": "sqs", "endpoint": queue.arn}
    only_odd = {"FilterPolicy": '{"parity": ["odd"]}'}

    async def subscribe() -> None:
        state = await scripted.emulator.table.state("sns")
        for number in range(500):
            # At one instant: which comes first is decided by the ARN.
            further = {"created": 1.0, "attributes": only_odd if number % 2 else {}}
            await state.put_subscription(
                {**body, **further, "arn": f"{topic}:{number * 7 % 500:03}"}
            )

    scripted.call(subscribe)
    odd = {"parity": {"DataType": "String", "StringValue": "odd"}}
    sns.publish(TopicArn=topic, Message="all", MessageAttributes=odd)
    sns.publish(TopicArn=topic, Message="half")
    bodies: list[Any] = []
    while len(bodies) < 750:
        received = queue.received()
        assert received, len(bodies)
        bodies += [json.loads(each["Body"]) for each in received]
        entries = [
            {"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]}
            for at, each in enumerate(received)
        ]
        queue.sqs.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    assert queue.counts() == 0
    told = Counter((each["Message"], each["UnsubscribeURL"]) for each in bodies)
    assert set(told.values()) == {1}
    assert Counter(message for message, _ in told) == {"all": 500, "half": 250}


def test_what_a_rule_publishes_again_to_a_fifo_topic_is_taken_once(
    scripted: Running, sns: Any
) -> None:
    topic = sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    queue = Queue(scripted)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    delivery = Delivery(payload=b"m", group_id="g", deduplication_id="d")

    async def deliver() -> None:
        for _ in range(2):
            await scripted.emulator.targets.deliver(topic, delivery)

    scripted.call(deliver)
    assert [body["Message"] for body in queue.bodies()] == ["m"]
    assert queue.counts() == 0


def test_an_http_endpoint_confirms_and_is_told(
    scripted: Running, sns: Any, endpoint: Endpoint
) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    headers, text = endpoint.wait(1)[0]
    asked = json.loads(text)
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    assert json.loads(endpoint.wait(2)[1][1])["Token"] == asked["Token"]
    assert headers["x-amz-sns-message-type"] == asked["Type"] == "SubscriptionConfirmation"
    sns.publish(TopicArn=topic, Message="too early")
    with urllib.request.urlopen(asked["SubscribeURL"], timeout=60) as answered:
        assert b"<SubscriptionArn>" in answered.read()
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.publish(TopicArn=topic, Message="hello")
    headers, text = endpoint.wait(3)[2]
    assert json.loads(text)["Message"] == "hello"
    assert headers["x-amz-sns-subscription-arn"] == listed["SubscriptionArn"]
    assert headers["user-agent"] == "Amazon Simple Notification Service Agent"
    with urllib.request.urlopen(json.loads(text)["UnsubscribeURL"], timeout=60):
        pass
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_what_an_endpoint_refuses_goes_to_the_dead_letter_queue(
    scripted: Running, sns: Any, endpoint: Endpoint
) -> None:
    topic, dead = sns.create_topic(Name="news")["TopicArn"], Queue(scripted, "dead")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})}
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url, Attributes=redrive)
    token = json.loads(endpoint.wait(1)[0][1])["Token"]
    sns.confirm_subscription(TopicArn=topic, Token=token)
    endpoint.status = 403
    sns.publish(TopicArn=topic, Message="hello")
    assert dead.bodies()[0]["Message"] == "hello"


def test_a_queue_that_is_gone_leaves_a_raw_message_in_the_dead_letter_queue(
    scripted: Running, sns: Any
) -> None:
    topic, dead = sns.create_topic(Name="news")["TopicArn"], Queue(scripted, "dead")
    queue = Queue(scripted, "gone")
    attributes = {
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn}),
        "RawMessageDelivery": "true",
    }
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    queue.sqs.delete_queue(QueueUrl=queue.url)
    number = {"n": {"DataType": "Number", "StringValue": "111"}}
    sns.publish(TopicArn=topic, Message="hello", MessageAttributes=number)
    (message,) = dead.received()
    assert (message["Body"], message["MessageAttributes"]) == ("hello", number)


def test_batches(scripted: Running, sns: Any) -> None:
    topic, queue = sns.create_topic(Name="news")["TopicArn"], Queue(scripted)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    entries = [{"Id": f"e{n}", "Message": f"m{n}"} for n in range(3)]
    answer = sns.publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[*entries, {"Id": "bad", "Message": ""}],
    )
    assert [each["Id"] for each in answer["Successful"]] == ["e0", "e1", "e2"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [
        ("bad", "InvalidParameter")
    ]
    assert sorted(body["Message"] for body in queue.bodies(3)) == ["m0", "m1", "m2"]
    batch = sns.publish_batch
    for wrong, code in (
        ([], "EmptyBatchRequest"),
        ([{"Id": f"{n}", "Message": "m"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "Message": "m"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a.b", "Message": "m"}], "InvalidBatchEntryId"),
        ([{"Id": "a", "Message": "m" * 262_145}], "BatchRequestTooLong"),
    ):
        refused(batch, code, "", TopicArn=topic, PublishBatchRequestEntries=wrong)
    ordered = sns.create_topic(Name="ordered.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    entries = [{"Id": "a", "Message": "m"}]
    refused(batch, "InvalidParameter", "MessageGroupId parameter is required", TopicArn=ordered,
            PublishBatchRequestEntries=entries)  # fmt: skip
    entries = [{"Id": "a", "Message": "m", "MessageGroupId": "g"}]
    refused(batch, "InvalidParameter", "should either have ContentBased", TopicArn=ordered,
            PublishBatchRequestEntries=entries)  # fmt: skip


def test_permissions_change_the_policy(sns: Any) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    grant: dict[str, Any] = {
        "TopicArn": topic,
        "Label": "mine",
        "AWSAccountId": ["123456789012"],
        "ActionName": ["Publish"],
    }
    sns.add_permission(**grant)
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert policy["Statement"][1]["Action"] == "SNS:Publish"
    refused(sns.add_permission, "InvalidParameter", "Statement already exists", **grant)
    wrong = {**grant, "Label": "other", "ActionName": ["Fly"]}
    refused(sns.add_permission, "InvalidParameter", "action out of service scope", **wrong)
    sns.remove_permission(TopicArn=topic, Label="mine")
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert len(policy["Statement"]) == 1


def test_platforms_and_phones_are_kept_and_nothing_is_sent(scripted: Running, sns: Any) -> None:
    application = sns.create_platform_application(
        Name="app", Platform="GCM", Attributes={"PlatformCredential": "secret"}
    )["PlatformApplicationArn"]
    assert sns.list_platform_applications()["PlatformApplications"] == [
        {"PlatformApplicationArn": application, "Attributes": {"Enabled": "true"}}
    ]
    sns.set_platform_application_attributes(
        PlatformApplicationArn=application, Attributes={"EventEndpointCreated": "x"}
    )
    got = sns.get_platform_application_attributes(PlatformApplicationArn=application)
    assert got["Attributes"]["EventEndpointCreated"] == "x"
    endpoint = sns.create_platform_endpoint(PlatformApplicationArn=application, Token="t")[
        "EndpointArn"
    ]
    sns.set_endpoint_attributes(EndpointArn=endpoint, Attributes={"CustomUserData": "me"})
    attributes = sns.get_endpoint_attributes(EndpointArn=endpoint)["Attributes"]
    assert attributes == {"Enabled": "true", "Token": "t", "CustomUserData": "me"}
    listed = sns.list_endpoints_by_platform_application(PlatformApplicationArn=application)
    assert [each["EndpointArn"] for each in listed["Endpoints"]] == [endpoint]
    sns.publish(TargetArn=endpoint, Message="to a device")
    sns.publish(PhoneNumber="+15551234567", Message="to a phone")
    state = scripted.call(lambda: scripted.emulator.table.state("sns"))
    assert [each["message"] for each in state.unsent] == ["to a device", "to a phone"]
    sns.delete_endpoint(EndpointArn=endpoint)
    sns.delete_platform_application(PlatformApplicationArn=application)
    refused(
        sns.get_platform_application_attributes,
        "NotFound",
        "PlatformApplication does not exist",
        PlatformApplicationArn=application,
    )
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional"})
    assert sns.get_sms_attributes()["attributes"]["MonthlySpendLimit"] == "1"
    assert not sns.check_if_phone_number_is_opted_out(phoneNumber="+15551234567")["isOptedOut"]
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []
    sns.opt_in_phone_number(phoneNumber="+15551234567")
    refused(
        sns.publish, "InvalidParameter", "is not valid to publish to",
        PhoneNumber="+1a2", Message="m",
    )  # fmt: skip


def test_subscriptions_are_changed_and_end(scripted: Running, sns: Any) -> None:
    topic, queue = sns.create_topic(Name="news")["TopicArn"], Queue(scripted)
    subscribe: dict[str, Any] = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue.arn}
    arn = sns.subscribe(**subscribe)["SubscriptionArn"]
    assert sns.subscribe(**subscribe)["SubscriptionArn"] == arn
    change: dict[str, Any] = {"SubscriptionArn": arn, "AttributeName": "FilterPolicyScope"}
    sns.set_subscription_attributes(**change, AttributeValue="MessageBody")
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert "FilterPolicyScope" not in attributes
    sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"a": ["b"]}'
    )
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["FilterPolicyScope"] == "MessageBody"
    refused(
        sns.set_subscription_attributes, "InvalidParameter", "Please use either",
        **change, AttributeValue="Random",
    )  # fmt: skip
    refused(
        sns.subscribe, "InvalidParameter", "SQS endpoint ARN",
        TopicArn=topic, Protocol="sqs", Endpoint=queue.url,
    )  # fmt: skip
    sns.unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    sns.put_data_protection_policy(ResourceArn=topic, DataProtectionPolicy='{"Name": "p"}')
    assert sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"]
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k", "Value": "v"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["k"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == []


def test_topics_and_what_is_on_its_way_outlive_a_restart(tmp_path: Any) -> None:
    settings = Settings(port=0, state=tmp_path)
    running = Running(settings, driver=ScriptedDriver())
    sns = running.client("sns")
    topic, queue = sns.create_topic(Name="news")["TopicArn"], Queue(running)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    sns.publish(TopicArn=topic, Message="before")
    running.stop()
    running = Running(settings, driver=ScriptedDriver())
    try:
        running.client("sns").publish(TopicArn=topic, Message="after")
        again = Queue(running)
        assert sorted(body["Message"] for body in again.bodies(2)) == ["after", "before"]
    finally:
        running.stop()


def test_a_stack_has_topics_and_subscriptions(scripted: Running, sns: Any) -> None:
    template = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "Properties": {
                    "DisplayName": "News",
                    "Subscription": [
                        {"Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]}}
                    ],
                },
            },
            "Other": {"Type": "AWS::SQS::Queue"},
            "Wired": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {
                    "TopicArn": {"Ref": "Topic"},
                    "Protocol": "sqs",
                    "Endpoint": {"Fn::GetAtt": ["Other", "Arn"]},
                    "FilterPolicy": {"kind": ["sport"]},
                },
            },
        },
        "Outputs": {"Topic": {"Value": {"Ref": "Topic"}}},
    }
    cloudformation = scripted.client("cloudformation")
    cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="shop")
    (stack,) = cloudformation.describe_stacks(StackName="shop")["Stacks"]
    topic = stack["Outputs"][0]["OutputValue"]
    found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert len(found) == 2
    cloudformation.delete_stack(StackName="shop")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="shop")
    assert sns.list_topics()["Topics"] == []


def test_the_archive_of_a_fifo_topic_is_replayed(scripted: Running, sns: Any) -> None:
    attributes = {
        "FifoTopic": "true",
        "ContentBasedDeduplication": "true",
        "ArchivePolicy": '{"MessageRetentionPeriod": "30"}',
    }
    topic = sns.create_topic(Name="news.fifo", Attributes=attributes)["TopicArn"]
    for number in range(5):
        sns.publish(TopicArn=topic, Message=f"m{number}", MessageGroupId="g")
    queue = Queue(scripted, "late.fifo", FifoQueue="true")
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]
    policy = {"PointType": "Timestamp", "StartingPoint": "2020-01-01T00:00:00.000Z"}

    def put(value: str) -> None:
        sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="ReplayPolicy", AttributeValue=value
        )

    put(json.dumps(policy))
    bodies: list[Any] = []
    while len(bodies) < 5:
        received = queue.received()
        assert received
        bodies += [json.loads(each["Body"]) for each in received]
        for each in received:
            queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=each["ReceiptHandle"])
    assert [each["Message"] for each in bodies] == [f"m{number}" for number in range(5)]
    assert {each["Replayed"] for each in bodies} == {True}
    status = ""
    while status != "Completed":
        shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        status = shown["ReplayStatus"]
    sns.publish(TopicArn=topic, Message="new", MessageGroupId="g")
    (body,) = queue.bodies()
    assert "Replayed" not in body
    for bad in ('{"PointType": "x"}', "{", '{"PointType": "Timestamp", "StartingPoint": "x"}'):
        with pytest.raises(ClientError):
            put(bad)


def test_a_replay_that_a_restart_has_cut_goes_on_by_itself(tmp_path: Any) -> None:
    settings = Settings(port=0, state=tmp_path)
    running = Running(settings, driver=ScriptedDriver())
    try:
        sns, queue = running.client("sns"), Queue(running, "late.fifo", FifoQueue="true")
        attributes = {"FifoTopic": "true", "ArchivePolicy": '{"MessageRetentionPeriod": "30"}'}
        topic = sns.create_topic(Name="news.fifo", Attributes=attributes)["TopicArn"]
        for number in range(3):
            sns.publish(
                TopicArn=topic,
                Message=f"m{number}",
                MessageGroupId="g",
                MessageDeduplicationId=str(number),
                MessageAttributes={"b": {"DataType": "Binary", "BinaryValue": b"\xff"}},
            )
        arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]

        async def cut() -> None:
            state = await running.emulator.table.state("sns")
            replay = {"state": "In progress", "id": "r", "at": 0.0, "number": 0, "ends": 1e12}
            await state.put_subscription({**state.subscription(arn).body, "replay": replay})

        running.call(cut)
    finally:
        running.stop()
    running = Running(settings, driver=ScriptedDriver())
    try:
        queue = Queue(running, "late.fifo", FifoQueue="true")
        found: list[Any] = []
        while len(found) < 3:
            for each in queue.received():
                found.append(json.loads(each["Body"]))
                queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=each["ReceiptHandle"])
        assert [(each["Message"], each["Replayed"]) for each in found] == [
            (f"m{number}", True) for number in range(3)
        ]
        assert found[0]["MessageAttributes"]["b"] == {"Type": "Binary", "Value": "/w=="}
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"FilterPolicy": "{"}, "FilterPolicy: failed to parse JSON."),
        ({"FilterPolicyScope": "x"}, "FilterPolicyScope: Invalid value [x]. Please use either"),
        ({"RawMessageDelivery": "x"}, "RawMessageDelivery: Invalid value [x]. Must be true"),
        ({"RedrivePolicy": "{"}, "RedrivePolicy: failed to parse JSON."),
        ({"FilterPolicy": '{"a": [{"suffixx": "b"}]}'}, "FilterPolicy: Unrecognized match type"),
        (
            {"FilterPolicy": json.dumps({str(each): ["a"] for each in range(6)})},
            "FilterPolicy: Filter policy can not have more than 5 keys",
        ),
    ],
)
def test_attributes_of_a_new_subscription(sns: Any, attributes: dict[str, str], said: str) -> None:
    topic = sns.create_topic(Name="checked")["TopicArn"]
    refused(sns.subscribe, "InvalidParameter", f"Invalid parameter: Attributes Reason: {said}",
            TopicArn=topic, Protocol="sqs", Endpoint=ARN.format("sqs", "q"),
            Attributes=attributes)  # fmt: skip
