"""Scenarios of SNS, as they were recorded."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.recorded import Comparison
from tests.conformance.replay import ACCOUNT, REGION, new_name

Replay = Callable[["SnsScenario"], None]
#: Members of messages whose values say nothing.
_OPAQUE = {"Signature": "<signature>", "Timestamp": "date", "MD5OfBody": "<md5-hash>"}


class SnsScenario:
    """One scenario under way; steps are compared as they are noted."""

    def __init__(self, comparison: Comparison, clients: Any, url: str) -> None:
        self._comparison, self.clients, self.url = comparison, clients, url
        self.sns, self.sqs = clients("sns"), clients("sqs")

    def know(self, **names: str) -> None:
        for name, value in names.items():
            self._comparison.know(f"<{name.replace('_', '-')}>", value)

    def note(self, step: str, answer: Any) -> Any:
        plain = {k: v for k, v in answer.items() if k != "ResponseMetadata"}
        recorded = self._comparison.recorded(step)
        self._comparison.match(step, answer if "ResponseMetadata" in recorded else plain)
        return answer

    def call(self, step: str, operation: str, **request: Any) -> Any:
        """Make a call, and compare its answer or its error."""
        try:
            answer = getattr(self.sns, operation)(**request)
        except ClientError as error:
            answer = error.response
        attributes = answer.get("Attributes") or {}
        if attributes.get("SubscriptionPrincipal", "").endswith(":root"):
            # Recorded of a user of the account; here the account itself has subscribed.
            attributes["SubscriptionPrincipal"] = f"arn:aws:iam::{ACCOUNT}:user/somebody"
        return self.note(step, answer)

    def topic(self, name: str = "", **attributes: str) -> str:
        name = name or new_name("topic") + (".fifo" if attributes.get("FifoTopic") else "")
        return str(self.sns.create_topic(Name=name, Attributes=attributes)["TopicArn"])

    def queue(self, **attributes: str) -> tuple[str, str]:
        name = new_name("queue") + (".fifo" if attributes.get("FifoQueue") else "")
        # What was received stays hidden for longer than any scenario lasts.
        given = {"VisibilityTimeout": "600", **attributes}
        url = self.sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def subscribed(self, topic: str, arn: str, **attributes: str) -> str:
        answer = self.sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes
        )
        return str(answer["SubscriptionArn"])

    def received(self, url: str, count: int = 1, **wanted: Any) -> dict[str, Any]:
        """Return the messages of a queue, without what says nothing in them."""
        found: list[Any] = []
        until = time.monotonic() + 60
        answer: dict[str, Any] = {}
        while len(found) < count and time.monotonic() < until:
            answer = self.sqs.receive_message(
                QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10, **wanted
            )
            found += answer.get("Messages", [])
        return {**answer, "Messages": [self._told(each) for each in found]}

    def _told(self, message: dict[str, Any]) -> dict[str, Any]:
        body = message["Body"]
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = None
        if isinstance(parsed, dict) and "TopicArn" in parsed:
            body = json.dumps(told(parsed))
        return {**message, "Body": body, "MD5OfBody": "<md5-hash>"}


def told(body: dict[str, Any]) -> dict[str, Any]:
    """Return an envelope with words for what varies, as it was recorded."""
    shown = {name: _OPAQUE.get(name, value) for name, value in body.items()}
    for name in ("SigningCertURL", "SigningCertUrl"):
        if name in shown:
            shown[name] = "<cert-domain>/SimpleNotificationService-<signing-cert-file:1>"
    for name in ("UnsubscribeURL", "UnsubscribeUrl", "SubscribeURL"):
        if name in shown:
            domain = "<subscribe-domain>" if name[0] == "S" else "<unsubscribe-domain>"
            query = shown[name].partition("/?")[2].removesuffix("&Version=2010-03-31")
            shown[name] = f"{domain}/?{query}"
    return shown


# -- topics ---------------------------------------------------------------------------------------


def _other_region(s: SnsScenario) -> None:
    topic = s.topic()
    s.sns = s.clients("sns", region_name="eu-central-1")
    s.call("get-topic-attrs", "get_topic_attributes", TopicArn=topic)
    s.call("cross-region-publish-forbidden", "publish", TopicArn=topic, Message="a")
    s.call("cross-region-subscribe", "subscribe", TopicArn=topic, Protocol="email",
           Endpoint="a@example.com")  # fmt: skip
    s.call("list-subs", "list_subscriptions_by_topic", TopicArn=topic)
    s.call("set-topic-attrs", "set_topic_attributes", TopicArn=topic,
           AttributeName="DisplayName", AttributeValue="a")  # fmt: skip
    s.call("delete-topic", "delete_topic", TopicArn=topic)


def _permission_errors(s: SnsScenario) -> None:
    topic = s.topic()
    given = {"TopicArn": topic, "Label": "test", "AWSAccountId": [ACCOUNT]}
    s.sns.add_permission(**given, ActionName=["Publish"])
    s.call("duplicate-label", "add_permission", **given, ActionName=["AddPermission"])
    s.call("topic-not-found", "add_permission", **{**given, "TopicArn": f"{topic}-no"},
           ActionName=["AddPermission"])  # fmt: skip
    s.call("invalid-action", "add_permission", **{**given, "Label": "other"},
           ActionName=["InvalidAction"])  # fmt: skip


def _add_permission(s: SnsScenario) -> None:
    topic = s.topic()
    s.call("add-permission-response", "add_permission", TopicArn=topic, Label="test",
           AWSAccountId=[ACCOUNT], ActionName=["Publish"])  # fmt: skip
    policy = s.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    s.note("topic-policy-after-permission", json.loads(policy))


def _remove_permission(s: SnsScenario) -> None:
    s.call("topic-not-found", "remove_permission", TopicArn=f"{s.topic()}-no", Label="test")


def _topic_names(s: SnsScenario) -> None:
    recorded = [f"name-invalid-char-{number}" for number in range(8)]
    names = [f"topic{character}name" for character in "@!#$^& ."]
    for step, name in zip(recorded, names, strict=True):
        s.call(step, "create_topic", Name=name)
    s.call("name-too-long", "create_topic", Name="a" * 257)
    s.call("name-too-short", "create_topic", Name="")
    s.call("name-contains-fifo", "create_topic", Name="topic.fifo.name")
    s.call("fifo-name-not-contains-fifo", "create_topic", Name="topic",
           Attributes={"FifoTopic": "true"})  # fmt: skip
    s.call("valid-name-max-length", "create_topic", Name="a" * 256)


def _data_protection(s: SnsScenario) -> None:
    topic = s.topic()
    policy = {
        "Name": "data_protection_policy",
        "Description": "Test Policy",
        "Version": "2021-06-01",
        "Statement": [
            {
                "Sid": "test-statement",
                "DataDirection": "Inbound",
                "Principal": ["*"],
                "DataIdentifier": [
                    f"arn:aws:dataprotection:{REGION}::data-identifier/EmailAddress"
                ],
                "Operation": {"Deny": {}},
            }
        ],
    }
    s.call("get-topic-attributes-before-policy", "get_topic_attributes", TopicArn=topic)
    s.call("put-data-protection-policy", "put_data_protection_policy", ResourceArn=topic,
           DataProtectionPolicy=json.dumps(policy))  # fmt: skip
    s.call("get-data-protection-policy", "get_data_protection_policy", ResourceArn=topic)
    s.call("get-topic-attributes-after-policy", "get_topic_attributes", TopicArn=topic)


def _delete_no_topic(s: SnsScenario) -> None:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{new_name('none')}"
    s.call("delete-non-existent-topic", "delete_topic", TopicArn=arn)


# -- devices --------------------------------------------------------------------------------------

_ADM = {"PlatformClientId": "123", "PlatformPrincipal": "a", "PlatformCredential": "b"}


def _application(s: SnsScenario) -> str:
    name = new_name("app")
    s._comparison.know("<platform_application>", name)
    answer = s.sns.create_platform_application(
        Name=name, Platform="ADM", Attributes={"PlatformPrincipal": "a", "PlatformCredential": "b"}
    )
    return str(answer["PlatformApplicationArn"])


def _create_application(s: SnsScenario) -> None:
    s.call("create-platform-application", "create_platform_application", Name=new_name("app"),
           Platform="ADM",
           Attributes={"PlatformPrincipal": "a", "PlatformCredential": "b"})  # fmt: skip


def _list_applications(s: SnsScenario) -> None:
    s.sns = s.clients("sns", aws_access_key_id="333333333333")
    s.know(account="333333333333")
    arn = _application(s)
    answer = s.sns.list_platform_applications()
    text = json.dumps(answer, default=str).replace("333333333333", ACCOUNT)
    s.note("list-platform-applications", json.loads(text))
    s.sns.delete_platform_application(PlatformApplicationArn=arn)


def _no_application(operation: str, s: SnsScenario, **more: Any) -> None:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:app/ADM/{new_name('none')}"
    s.call("non_existing-application-arn", operation, PlatformApplicationArn=arn, **more)


def _bad_application_arn(s: SnsScenario) -> None:
    s.call("invalid-application-arn", "set_platform_application_attributes",
           PlatformApplicationArn="not-an-arn", Attributes=_ADM)  # fmt: skip


def _custom_data(s: SnsScenario) -> None:
    arn = _application(s)
    given = {"PlatformApplicationArn": arn, "Token": "token_1"}
    s.sns.create_platform_endpoint(
        **given, CustomUserData="foo", Attributes={"CustomUserData": "bar"}
    )
    listed = s.sns.list_endpoints_by_platform_application(PlatformApplicationArn=arn)
    (endpoint,) = listed["Endpoints"]
    s.call("create-endpoint-double-custom-data", "get_endpoint_attributes",
           EndpointArn=endpoint["EndpointArn"])  # fmt: skip


def _endpoint_of_no_application(s: SnsScenario) -> None:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:app/ADM/{new_name('none')}"
    s.call("create-platform-endpoint", "create_platform_endpoint", PlatformApplicationArn=arn,
           Token="token_1")  # fmt: skip


def _bad_endpoint(attributes: dict[str, str], s: SnsScenario) -> None:
    arn = _application(s)
    s.call("create-platform-endpoint-invalid-attr", "create_platform_endpoint",
           PlatformApplicationArn=arn, Token="token_1", Attributes=attributes)  # fmt: skip


def _endpoints_of_a_deleted_application(s: SnsScenario) -> None:
    arn = _application(s)
    s.sns.create_platform_endpoint(PlatformApplicationArn=arn, Token="token_1")
    s.call("delete-application", "delete_platform_application", PlatformApplicationArn=arn)
    s.call("list-endpoints-after-app-delete", "list_endpoints_by_platform_application",
           PlatformApplicationArn=arn)  # fmt: skip


def _delete_endpoint(s: SnsScenario) -> None:
    arn = _application(s)
    made = s.sns.create_platform_endpoint(PlatformApplicationArn=arn, Token="token_1")
    listing = {"PlatformApplicationArn": arn}
    s.call("list-endpoints-by-app-pre-delete", "list_endpoints_by_platform_application", **listing)
    s.call("delete-endpoint", "delete_endpoint", EndpointArn=made["EndpointArn"])
    s.call("list-endpoints-by-app-post-delete", "list_endpoints_by_platform_application", **listing)


def _bad_endpoint_attribute(s: SnsScenario) -> None:
    made = s.sns.create_platform_endpoint(PlatformApplicationArn=_application(s), Token="token_1")
    s.call("set-platform-endpoint-invalid-attributes", "set_endpoint_attributes",
           EndpointArn=made["EndpointArn"], Attributes={"PlatformCredential": "a"})  # fmt: skip


# -- publishing -----------------------------------------------------------------------------------


def _message_structures(s: SnsScenario) -> None:
    topic = s.topic()

    def publish(step: str, message: str) -> None:
        s.call(step, "publish", TopicArn=topic, Message=message, MessageStructure="json")

    publish("missing-default-key", '{"sqs": "a"}')
    publish("invalid-json", '{"default": "a", }')
    publish("duplicate-json-keys", '{"default": "a", "default": "b"}')
    publish("key-is-not-string", '{"default": {"object": "test"}}')


def _batch_ids(s: SnsScenario) -> None:
    topic = s.topic()

    def publish(step: str, id: str) -> None:
        entries = [{"Id": id, "Message": "a"}]
        s.call(step, "publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries)

    publish("id-too-long-81", "a" * 81)
    publish("id-too-long-91", _LONG_ID)
    publish("invalid-char-dot", "message.id")
    publish("invalid-char-special", "msg@123#test")
    publish("valid-id-80-chars", "a" * 80)
    publish("valid-id-with-hyphen-underscore", _recorded_id(s))


_LONG_ID = f"my{'really' * 13}longid"


def _recorded_id(s: SnsScenario) -> str:
    (entry,) = s._comparison.recorded("valid-id-with-hyphen-underscore")["Successful"]
    return str(entry["Id"])


def _batch_too_long(s: SnsScenario) -> None:
    topic = s.topic()
    big = "a" * (256 * 1024 // 2)
    entries: list[Any] = [{"Id": str(number), "Message": big + "a"} for number in range(2)]
    s.call("error-no-attrs", "publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries)
    entries = [
        {"Id": str(number), "Message": big[:-10],
         "MessageAttributes": {"a": {"DataType": "String", "StringValue": "b" * 20}}}
        for number in range(2)
    ]  # fmt: skip
    s.call("error-with-attrs", "publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries)


def _subjects(s: SnsScenario) -> None:
    topic = s.topic()
    s.call("response-without-subject", "publish", TopicArn=topic, Message="a")
    s.call("response-with-empty-subject", "publish", TopicArn=topic, Subject="", Message="a")


# -- texts ----------------------------------------------------------------------------------------


def _sms_attributes(s: SnsScenario) -> None:
    s.sns = s.clients("sns", region_name="eu-west-2")
    s.call("get-sms-attributes_unmodified_region", "get_sms_attributes")


def _opt_in(s: SnsScenario) -> None:
    s.call("opt-in-non-existing-number", "opt_in_phone_number", phoneNumber="+44123456789")


def _wrong_phones(s: SnsScenario) -> None:
    s.call("invalid-number", "publish", PhoneNumber="+1a234", Message="a")
    s.call("wrong-format", "publish", PhoneNumber="NAA+15551234567", Message="a")
    s.call("wrong-endpoint", "subscribe", TopicArn=s.topic(), Protocol="sms",
           Endpoint="NAA+15551234567")  # fmt: skip


def _bad_sms_attribute(attributes: dict[str, str], s: SnsScenario) -> None:
    s.call("invalid-attribute", "set_sms_attributes", attributes=attributes)


def _subscribe_sms(s: SnsScenario) -> None:
    made = s.call("subscribe-sms-endpoint", "subscribe", TopicArn=s.topic(), Protocol="sms",
                  Endpoint="+123123123")  # fmt: skip
    s.call("subscribe-sms-attrs", "get_subscription_attributes",
           SubscriptionArn=made["SubscriptionArn"])  # fmt: skip


# -- subscriptions --------------------------------------------------------------------------------


def _unsubscribe_from_nothing(s: SnsScenario) -> None:
    topic, (_, queue) = s.topic(), s.queue()
    arn = s.subscribed(topic, queue)
    s.sns.unsubscribe(SubscriptionArn=arn)
    s.call("empty-unsubscribe", "unsubscribe", SubscriptionArn=arn)


def _list_by_topic(s: SnsScenario) -> None:
    topic, (_, queue) = s.topic(), s.queue()
    s.subscribed(topic, queue)
    s.call("list-subscriptions-by-topic", "list_subscriptions_by_topic", TopicArn=topic)


def _by_queue_url(s: SnsScenario) -> None:
    url, _ = s.queue()
    s.call("sub-queue-url", "subscribe", TopicArn=s.topic(), Protocol="sqs", Endpoint=url)


class _Hook:
    """An HTTP endpoint that remembers what it was sent."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self._arrived = threading.Condition()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                wanted = ("accept-encoding", "content-type", "user-agent")
                headers = {
                    name.lower(): value
                    for name, value in self.headers.items()
                    if name.lower() in wanted or name.lower().startswith("x-amz-sns")
                }
                with hook._arrived:
                    hook.seen.append({"body": json.loads(text), "headers": headers})
                    hook._arrived.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def last(self, count: int) -> dict[str, Any]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= count, 60), self.seen
        return self.seen[count - 1]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _http_answers(s: SnsScenario) -> None:
    hook = _Hook()
    name = new_name("topic")
    made = s.call("topic-arn", "create_topic", Name=name)
    given = {"TopicArn": made["TopicArn"], "Protocol": "http"}
    s.call("subscription", "subscribe", Endpoint=hook.url, **given)
    s.call("subscription-with-arn", "subscribe", Endpoint=f"{hook.url}other",
           ReturnSubscriptionArn=True, **given)  # fmt: skip
    hook.last(2)
    hook.close()


def _http_life(s: SnsScenario) -> None:
    hook, topic = _Hook(), s.topic()

    def note(step: str, event: dict[str, Any]) -> None:
        s.note(step, {"events": [{**event, "body": told(event["body"])}]})

    given = {"TopicArn": topic, "Protocol": "http", "Endpoint": hook.url}
    s.sns.subscribe(**given)
    asked = hook.last(1)
    note("subscription-confirmation", asked)
    confirmed = s.call("confirm-subscription", "confirm_subscription", TopicArn=topic,
                       Token=asked["body"]["Token"])  # fmt: skip
    s.sns.publish(TopicArn=topic, Message="test_external_http_endpoint")
    note("publish-event", hook.last(2))
    url = hook.seen[1]["body"]["UnsubscribeURL"]
    assert confirmed["SubscriptionArn"] in url
    urllib.request.urlopen(url, timeout=60).close()
    note("unsubscribe-event", hook.last(3))
    hook.close()


def _confirm(s: SnsScenario) -> None:
    hook, name = _Hook(), "confirm-sub-e46f689a"
    topic = s.topic(name)
    s.sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    token = hook.last(1)["body"]["Token"]
    s.call("confirm-subscription", "confirm_subscription", TopicArn=topic, Token=token)
    hook.close()


def _attributes_to_queues(s: SnsScenario) -> None:
    topic, (url, queue) = s.topic(), s.queue()
    arn = s.subscribed(topic, queue, RawMessageDelivery="true")
    given = {
        "TopicArn": topic,
        "Message": "text",
        "MessageAttributes": {
            "an-attribute-key": {"DataType": "String", "StringValue": "an-attribute-value"},
            "binary-attribute": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"},
        },
    }
    wanted: dict[str, Any] = {"MessageAttributeNames": ["All"], "AttributeNames": ["All"]}
    s.call("publish-msg-raw", "publish", **given)
    raw = s.received(url, **wanted)
    for each in raw["Messages"]:
        each["MD5OfMessageAttributes"] = "<md5-hash>"
        s.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    s.note("raw-delivery-msg-attrs", raw)
    s.sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="false"
    )
    s.call("publish-msg-json", "publish", **given)
    s.note("json-delivery-msg-attrs", s.received(url, **wanted))


def _publish_to_a_queue(s: SnsScenario) -> None:
    topic, (url, queue) = s.topic(), s.queue()
    arn = s.subscribed(topic, queue)

    def raw(value: str, step: str) -> None:
        s.sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue=value
        )
        s.call(step, "get_subscription_attributes", SubscriptionArn=arn)

    def publish(number: str) -> Any:
        attribute = {"attr1": {"DataType": "Number", "StringValue": number}}
        s.sns.publish(TopicArn=topic, Message="Test msg", MessageAttributes=attribute)
        found = s.received(url, MessageAttributeNames=["All"])
        for each in found["Messages"]:
            s.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return found

    raw("true", "sub-attrs-raw-true")
    s.note("message-raw-true", publish("99.12"))
    raw("false", "sub-attrs-raw-false")
    s.note("message-raw-false", publish("100.12"))


def _redrive(s: SnsScenario) -> None:
    topic, (url, queue), (dead_url, dead) = s.topic(), s.queue(), s.queue()
    redrive = json.dumps({"deadLetterTargetArn": dead})
    s.subscribed(topic, queue, RawMessageDelivery="true", RedrivePolicy=redrive)
    s.sqs.delete_queue(QueueUrl=url)
    s.sns.publish(
        TopicArn=topic,
        Message="test_dlq_after_sqs_endpoint_deleted",
        MessageAttributes={
            "attr1": {"DataType": "Number", "StringValue": "111"},
            "attr2": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"},
        },
    )
    found = s.received(dead_url, MessageAttributeNames=["All"], AttributeNames=["All"])
    found["Messages"][0]["MD5OfMessageAttributes"] = "<md5-hash>"
    s.note("messages", found)


_FIFO_TOPIC = {"FifoTopic": "true"}
_FIFO_QUEUE = {"FifoQueue": "true"}


def _fifo_to_dlq(s: SnsScenario) -> None:
    topic = s.topic(**_FIFO_TOPIC, ContentBasedDeduplication="false")
    s.call("topic-attrs", "get_topic_attributes", TopicArn=topic)
    (url, queue), (dead_url, dead) = s.queue(**_FIFO_QUEUE), s.queue(**_FIFO_QUEUE)
    redrive = json.dumps({"deadLetterTargetArn": dead})
    s.subscribed(topic, queue, RedrivePolicy=redrive, RawMessageDelivery="false")
    s.sqs.delete_queue(QueueUrl=url)
    wanted: dict[str, Any] = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    s.call("publish-response-fifo", "publish", TopicArn=topic, Message="test-message",
           MessageGroupId="message-group-id-1",
           MessageDeduplicationId="message-deduplication-id-1")  # fmt: skip
    found = s.received(dead_url, **wanted)
    s.note("messages-in-dlq", found)
    for each in found["Messages"]:
        s.sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=each["ReceiptHandle"])

    def number(text: str) -> dict[str, str]:
        return {"DataType": "Number", "StringValue": text}

    told = [
        ("Test Message with two attributes", {"attr1": number("99.12"), "attr2": number("109.12")}),
        ("Test Message with one attribute", {"attr1": number("19.12")}),
        ("Test Message without attribute", {}),
    ]
    entries = [
        {"Id": str(at), "MessageGroupId": "complexMessageGroupId", "Message": message,
         "MessageDeduplicationId": f"MessageDeduplicationId-{at}", "Subject": "Subject",
         "MessageAttributes": attributes}
        for at, (message, attributes) in enumerate(told, 1)
    ]  # fmt: skip
    s.call("publish-batch-response-fifo", "publish_batch", TopicArn=topic,
           PublishBatchRequestEntries=entries)  # fmt: skip
    s.note("batch-messages-in-dlq", s.received(dead_url, 3, **wanted))


def _fifo_deduplication(s: SnsScenario) -> None:
    topic = s.topic(**_FIFO_TOPIC, ContentBasedDeduplication="true")
    url, queue = s.queue(**_FIFO_QUEUE, ContentBasedDeduplication="true")
    s.subscribed(topic, queue)
    wanted: dict[str, Any] = {"AttributeNames": ["All"]}
    given = {"TopicArn": topic, "Message": "Test", "MessageGroupId": "message-group-id-1"}
    s.sns.publish(**given)
    found = s.received(url, **wanted)
    s.note("messages", found)
    for each in found["Messages"]:
        s.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    s.sns.publish(**given)
    s.note("dedup-messages", s.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0))


def _filtered_bodies(policy: Any, bodies: list[Any], count: int, s: SnsScenario) -> None:
    topic, (url, queue) = s.topic(), s.queue()
    s.subscribed(topic, queue, RawMessageDelivery="true", FilterPolicyScope="MessageBody",
                 FilterPolicy=json.dumps(policy))  # fmt: skip
    for body in bodies:
        s.sns.publish(TopicArn=topic, Message=json.dumps(body))
    wanted: dict[str, Any] = {"AttributeNames": ["All"]}
    found = s.received(url, count, **wanted)
    s.note("messages-queue", {"Messages": found["Messages"]})


_ARRAY_EVENT = {
    "version": "0",
    "id": "3e3c153a-8339-4e30-8c35-687ebef853fe",
    "detail-type": "EC2 Instance Launch Successful",
    "source": "aws.autoscaling",
    "account": "123456789012",
    "time": "date",
    "region": "my-region",
    "resources": [],
    "detail": {"eventVersion": "", "responseElements": None},
}


def _ip_event(id: str, **detail: str) -> dict[str, Any]:
    return {
        "id": id,
        "source": "test-source",
        "detail-type": "test-detail-type",
        "account": "123456789012",
        "region": "my-region",
        "time": "date",
        "detail": detail,
    }


def _scope(s: SnsScenario) -> None:
    topic, (_, queue) = s.topic(), s.queue()
    arn = s.subscribed(topic, queue)

    def put(name: str, value: str, step: str = "") -> None:
        given = {"SubscriptionArn": arn, "AttributeName": name, "AttributeValue": value}
        if step:
            s.call(step, "set_subscription_attributes", **given)
        else:
            s.sns.set_subscription_attributes(**given)

    s.call("sub-attrs-default", "get_subscription_attributes", SubscriptionArn=arn)
    put("FilterPolicyScope", "MessageBody")
    s.call("sub-attrs-filter-scope-body", "get_subscription_attributes", SubscriptionArn=arn)
    put("FilterPolicy", json.dumps({"attr": ["match-this"]}))
    s.call("sub-attrs-after-setting-policy", "get_subscription_attributes", SubscriptionArn=arn)
    put("FilterPolicyScope", "RandomValue", "sub-attrs-filter-scope-error")


def _nested(s: SnsScenario) -> None:
    topic, (_, queue) = s.topic(), s.queue()
    arn = s.subscribed(topic, queue)
    nested = json.dumps({"object": {"key": [{"prefix": "auto-"}]}})
    given = {"SubscriptionArn": arn, "AttributeName": "FilterPolicy", "AttributeValue": nested}
    s.call("sub-filter-policy-nested-error", "set_subscription_attributes", **given)
    s.sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="FilterPolicyScope", AttributeValue="MessageBody"
    )
    s.sns.set_subscription_attributes(**given)
    s.call("sub-attrs-after-setting-nested-policy", "get_subscription_attributes",
           SubscriptionArn=arn)  # fmt: skip


_ENDPOINT = "TestSNSPlatformEndpointCrud::test_"
_APPLICATION = "TestSNSPlatformApplicationCrud::test_"
_QUEUES = "TestSNSSubscriptionSQS::test_"

#: What is left of a scenario's name after its file's.
SCENARIOS: dict[str, Replay] = {
    "TestSNSMultiRegions::test_cross_region_access": _other_region,
    f"{_APPLICATION}create_platform_application": _create_application,
    f"{_APPLICATION}get_platform_application_attributes_non_existing_app": partial(
        _no_application, "get_platform_application_attributes"
    ),
    f"{_APPLICATION}list_platform_applications": _list_applications,
    f"{_APPLICATION}set_platform_application_attributes_invalid_arn": _bad_application_arn,
    f"{_APPLICATION}set_platform_application_attributes_non_existing_app[dummy-args]": partial(
        _no_application, "set_platform_application_attributes", Attributes={"dummy": "args"}
    ),
    f"{_ENDPOINT}create_platform_endpoint_custom_data": _custom_data,
    f"{_ENDPOINT}create_platform_endpoint_non_existent_app": _endpoint_of_no_application,
    f"{_ENDPOINT}create_platform_endpoint_with_invalid_attributes[Data_Too_Long]": partial(
        _bad_endpoint, {"CustomUserData": "a" * 2049}
    ),
    f"{_ENDPOINT}create_platform_endpoint_with_invalid_attributes[Invalid_Name_Generic]": partial(
        _bad_endpoint, {"InvalidKey": "a"}
    ),
    f"{_ENDPOINT}delete_endpoints_of_deleted_app": _endpoints_of_a_deleted_application,
    f"{_ENDPOINT}delete_platform_endpoint": _delete_endpoint,
    f"{_ENDPOINT}set_platform_endpoint_attributes_invalid_attributes[Invalid_Name_Credential]": (
        _bad_endpoint_attribute
    ),
    "TestSNSPublishCrud::test_message_structure_json_exc": _message_structures,
    "TestSNSPublishCrud::test_publish_batch_invalid_entry_id": _batch_ids,
    "TestSNSPublishCrud::test_publish_batch_too_long_message": _batch_too_long,
    "TestSNSPublishCrud::test_publish_with_empty_subject": _subjects,
    "TestSNSSMS::test_get_sms_attributes_from_unmodified_region": _sms_attributes,
    "TestSNSSMS::test_opt_in_non_existing_phone_number": _opt_in,
    "TestSNSSMS::test_publish_wrong_phone_format": _wrong_phones,
    "TestSNSSMS::test_set_invalid_sms_attributes[InvalidSMSType]": partial(
        _bad_sms_attribute, {"DefaultSMSType": "invalid"}
    ),
    "TestSNSSMS::test_set_invalid_sms_attributes[NoLetterID]": partial(
        _bad_sms_attribute, {"DefaultSendID": "123"}
    ),
    "TestSNSSMS::test_subscribe_sms_endpoint": _subscribe_sms,
    "TestSNSSubscriptionCrud::test_unsubscribe_from_non_existing_subscription": (
        _unsubscribe_from_nothing
    ),
    "TestSNSSubscriptionCrudV2::test_confirm_subscription": _confirm,
    "TestSNSSubscriptionCrudV2::test_getting_subscriptions_by_topic": _list_by_topic,
    "TestSNSSubscriptionHttp::test_http_subscription_response": _http_answers,
    "TestSNSSubscriptionHttp::test_subscribe_external_http_endpoint_lambda_url_sig_validation": (
        _http_life
    ),
    f"{_QUEUES}message_attributes_not_missing": _attributes_to_queues,
    f"{_QUEUES}publish_sqs_from_sns": _publish_to_a_queue,
    f"{_QUEUES}redrive_policy_sqs_queue_subscription[True]": _redrive,
    f"{_QUEUES}subscribe_to_sqs_with_queue_url": _by_queue_url,
    "TestSNSSubscriptionSQSFifo::test_publish_fifo_messages_to_dlq[False]": _fifo_to_dlq,
    "TestSNSSubscriptionSQSFifo::test_publish_to_fifo_topic_deduplication_on_topic_level": (
        _fifo_deduplication
    ),
    "TestSNSTopicCrudV2::test_add_permission_errors": _permission_errors,
    "TestSNSTopicCrudV2::test_create_topic_name_constraints": _topic_names,
    "TestSNSTopicCrudV2::test_data_protection_policy_crud": _data_protection,
    "TestSNSTopicCrudV2::test_delete_non_existent_topic": _delete_no_topic,
    "TestSNSTopicCrudV2::test_remove_permission_errors": _remove_permission,
    "TestSNSTopicCrudV2::test_topic_add_permission": _add_permission,
    "TestSNSFilterPolicyBody::test_filter_policy_empty_array_payload": partial(
        _filtered_bodies,
        {"detail": {"eventVersion": [""]}},
        [_ARRAY_EVENT, {**_ARRAY_EVENT, "detail": {"eventVersion": "1"}}],
        1,
    ),
    "TestSNSFilterPolicyBody::test_filter_policy_ip_address_condition": partial(
        _filtered_bodies,
        {
            "detail": {
                "$or": [
                    {"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]},
                    {"sourceIPAddressV6": [{"cidr": "2001:0db8:1234:1a00::/64"}]},
                ]
            }
        },
        [
            _ip_event("1", sourceIPAddress="10.0.0.255"),
            _ip_event("2", sourceIPAddress="10.0.0.256"),
            _ip_event("3", sourceIPAddressV6="2001:0db8:1234:1a00:0000:0000:0000:0000"),
            _ip_event("4", sourceIPAddressV6="2001:0db8:123f:1a01:0000:0000:0000:0000"),
        ],
        2,
    ),
    "TestSNSFilterPolicyCrud::test_set_subscription_filter_policy_scope": _scope,
    "TestSNSFilterPolicyCrud::test_sub_filter_policy_nested_property": _nested,
}
#: Scenarios that are not replayed, and why.
LEFT_OUT = {
    f"{_ENDPOINT}delete_platform_endpoint_with_subscription": "the recorded account had other "
    "subscriptions: its pages go on.",
    "TestSNSSubscriptionLambda::test_publish_lambda_verify_signature[1]": "replayed by "
    "tests/api/test_sns.py, where a function verifies the signature.",
}
