import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from emulator.queues.engine import Engine
from emulator.services.sqs.queues import parse_url
from emulator.testing import FakeClock
from tests.unit.services.sqs.conftest import Caller

ARN = "arn:aws:sqs:us-east-1:000000000000:"
INVALID = "InvalidParameterValueException"


async def test_a_queue_has_a_url_and_attributes(sqs: Caller, clock: FakeClock) -> None:
    url = await sqs.create("orders", VisibilityTimeout="69", DelaySeconds="007")
    assert url == "http://localhost:4566/000000000000/orders"
    assert await sqs("GetQueueUrl", QueueName="orders") == {"QueueUrl": url}
    assert await sqs.attributes(url, "All") == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "CreatedTimestamp": str(int(clock.now())),
        "DelaySeconds": "7",
        "LastModifiedTimestamp": str(int(clock.now())),
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": ARN + "orders",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "69",
    }
    assert await sqs.attributes(url, "DelaySeconds") == {"DelaySeconds": "7"}
    assert await sqs("GetQueueAttributes", QueueUrl=url) == {}


async def test_a_fifo_queue_has_more_attributes(sqs: Caller) -> None:
    url = await sqs.create("orders.fifo", FifoQueue="true")
    told = await sqs.attributes(url, "All")
    assert {k: told[k] for k in ("FifoQueue", "ContentBasedDeduplication")} == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
    }
    assert (told["DeduplicationScope"], told["FifoThroughputLimit"]) == ("queue", "perQueue")


async def test_creating_again_is_no_error_where_nothing_differs(sqs: Caller) -> None:
    url = await sqs.create("orders", DelaySeconds="1")
    assert await sqs.create("orders", DelaySeconds="1") == url
    assert await sqs.create("orders") == url
    assert await sqs.error("CreateQueue", QueueName="orders", Attributes={"DelaySeconds": "2"}) == (
        "QueueNameExists",
        "A queue already exists with the same name and a different value for attribute "
        "DelaySeconds",
    )


async def test_of_concurrent_creations_all_get_the_same_queue(sqs: Caller) -> None:
    assert len(set(await asyncio.gather(*[sqs.create("orders") for _ in range(10)]))) == 1


async def test_accounts_and_regions_never_meet(sqs: Caller, clock: FakeClock) -> None:
    await sqs.create("orders")
    sqs.context.account = "111111111111"
    assert (await sqs.error("GetQueueUrl", QueueName="orders"))[0] == "QueueDoesNotExist"
    await sqs.create("orders")
    sqs.context.region = "eu-west-1"
    assert await sqs("ListQueues") == {}
    url = await sqs.create("orders")
    assert (await sqs.attributes(url, "QueueArn"))["QueueArn"] == (
        "arn:aws:sqs:eu-west-1:111111111111:orders"
    )


@pytest.mark.parametrize(
    ("name", "attributes", "code"),
    [
        ("", {}, INVALID),
        ("a b", {}, INVALID),
        ("x" * 81, {}, INVALID),
        ("orders.fifo", {}, INVALID),
        ("orders", {"FifoQueue": "true"}, INVALID),
        ("x" * 76 + ".fifo", {"FifoQueue": "true"}, INVALID),
        ("orders", {"FifoQueue": "false"}, "InvalidAttributeName"),
        ("orders", {"Nonsense": "1"}, "InvalidAttributeName"),
        ("orders", {"QueueArn": "x"}, "InvalidAttributeName"),
        ("orders", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ("orders", {"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ("orders", {"VisibilityTimeout": "-1"}, "InvalidAttributeValue"),
        ("orders", {"VisibilityTimeout": "1.5"}, "InvalidAttributeValue"),
        ("orders", {"VisibilityTimeout": "٣"}, "InvalidAttributeValue"),
        ("orders", {"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ("orders", {"MaximumMessageSize": "1023"}, "InvalidAttributeValue"),
        ("orders", {"MaximumMessageSize": "1048577"}, "InvalidAttributeValue"),
        ("orders", {"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ("orders", {"MessageRetentionPeriod": "1209601"}, "InvalidAttributeValue"),
        ("orders", {"ReceiveMessageWaitTimeSeconds": "21"}, "InvalidAttributeValue"),
        ("orders", {"SqsManagedSseEnabled": "yes"}, "InvalidAttributeValue"),
        ("orders", {"KmsDataKeyReusePeriodSeconds": "59"}, "InvalidAttributeValue"),
        ("orders", {"Policy": "{"}, "InvalidAttributeValue"),
        ("orders", {"Policy": "{}"}, "InvalidAttributeValue"),
        (
            "orders.fifo",
            {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"},
            "InvalidAttributeValue",
        ),
    ],
)
async def test_what_a_queue_cannot_be(
    sqs: Caller, name: str, attributes: dict[str, Any], code: str
) -> None:
    got = await sqs.error("CreateQueue", QueueName=name, Attributes=attributes)
    assert got[0] == code
    assert await sqs("ListQueues") == {}


async def test_attributes_are_set_and_reset(sqs: Caller, clock: FakeClock) -> None:
    url = await sqs.create("orders", VisibilityTimeout="20", MessageRetentionPeriod="604800")
    await clock.advance(10)
    await sqs(
        "SetQueueAttributes",
        QueueUrl=url,
        Attributes={"VisibilityTimeout": "", "KmsMasterKeyId": "k", "DelaySeconds": "5"},
    )
    told = await sqs.attributes(url, "All")
    assert told["VisibilityTimeout"] == "30"
    assert told["MessageRetentionPeriod"] == "604800"
    assert told["KmsMasterKeyId"] == "k"
    assert told["SqsManagedSseEnabled"] == "false"
    assert int(told["LastModifiedTimestamp"]) == int(told["CreatedTimestamp"]) + 10
    await sqs("SetQueueAttributes", QueueUrl=url, Attributes={"KmsMasterKeyId": ""})
    told = await sqs.attributes(url, "All")
    assert "KmsMasterKeyId" not in told
    assert told["SqsManagedSseEnabled"] == "false"


async def test_a_wrong_attribute_changes_nothing(sqs: Caller) -> None:
    url = await sqs.create("orders")
    await sqs.error(
        "SetQueueAttributes",
        QueueUrl=url,
        Attributes={"VisibilityTimeout": "1", "DelaySeconds": "x"},
    )
    assert (await sqs.attributes(url, "VisibilityTimeout"))["VisibilityTimeout"] == "30"
    for value in ("true", "false", "True", ""):
        assert await sqs.error(
            "SetQueueAttributes", QueueUrl=url, Attributes={"FifoQueue": value}
        ) == ("InvalidAttributeName", "Unknown Attribute FifoQueue.")
    fifo = await sqs.create("orders.fifo", FifoQueue="true")
    assert await sqs.error(
        "SetQueueAttributes", QueueUrl=fifo, Attributes={"FifoQueue": "False"}
    ) == (
        "InvalidAttributeValue",
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    )


async def test_booleans_are_read_in_any_case_and_shown_in_small_letters(sqs: Caller) -> None:
    url = await sqs.create(
        "o.fifo", FifoQueue="True", ContentBasedDeduplication="TRUE", SqsManagedSseEnabled="False"
    )
    names = ("FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled")
    assert await sqs.attributes(url, *names) == dict(
        zip(names, ("true", "true", "false"), strict=True)
    )
    # The same again is the same queue.
    assert await sqs.create("o.fifo", FifoQueue="tRUE", ContentBasedDeduplication="true") == url
    changes = {"ContentBasedDeduplication": "False", "SqsManagedSseEnabled": "True"}
    await sqs("SetQueueAttributes", QueueUrl=url, Attributes=changes)
    assert await sqs.attributes(url, *names) == dict(
        zip(names, ("true", "false", "true"), strict=True)
    )
    code, text = await sqs.error(
        "SetQueueAttributes", QueueUrl=url, Attributes={"ContentBasedDeduplication": "yes"}
    )
    assert code == "InvalidAttributeValue", text


async def test_a_queue_is_encrypted_with_one_kind_of_key(sqs: Caller) -> None:
    both = {"KmsMasterKeyId": "key", "SqsManagedSseEnabled": "True"}
    refused = (
        "InvalidAttributeValue",
        "You can use one type of server-side encryption (SSE) at one time. You can either enable "
        "KMS SSE or SQS SSE.",
    )
    assert await sqs.error("CreateQueue", QueueName="orders", Attributes=both) == refused
    url = await sqs.create("orders", KmsMasterKeyId="key", KmsDataKeyReusePeriodSeconds="600")
    assert await sqs.error("SetQueueAttributes", QueueUrl=url, Attributes=both) == refused
    defaults = {"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"}
    await sqs("SetQueueAttributes", QueueUrl=url, Attributes=defaults)
    assert await sqs.attributes(url, *defaults) == {}


async def test_concurrent_changes_do_not_lose_one_another(
    sqs: Caller, reopened: Callable[[], Awaitable[Caller]]
) -> None:
    url = await sqs.create("orders")
    await asyncio.gather(
        sqs("SetQueueAttributes", QueueUrl=url, Attributes={"DelaySeconds": "1"}),
        sqs("SetQueueAttributes", QueueUrl=url, Attributes={"VisibilityTimeout": "2"}),
        sqs("TagQueue", QueueUrl=url, Tags={"a": "1"}),
        sqs("TagQueue", QueueUrl=url, Tags={"b": "2"}),
    )
    again = await reopened()
    told = await again.attributes(url, "All")
    assert (told["DelaySeconds"], told["VisibilityTimeout"]) == ("1", "2")
    assert await again("ListQueueTags", QueueUrl=url) == {"Tags": {"a": "1", "b": "2"}}
    await again.sqs.engine.close()


async def test_tags_come_and_go(sqs: Caller) -> None:
    url = (await sqs("CreateQueue", QueueName="orders", tags={"a": "1"}))["QueueUrl"]
    await sqs("TagQueue", QueueUrl=url, Tags={"b": "2", "a": "3"})
    assert await sqs("ListQueueTags", QueueUrl=url) == {"Tags": {"a": "3", "b": "2"}}
    await sqs("UntagQueue", QueueUrl=url, TagKeys=["a", "never"])
    assert await sqs("ListQueueTags", QueueUrl=url) == {"Tags": {"b": "2"}}
    await sqs("UntagQueue", QueueUrl=url, TagKeys=["b"])
    assert await sqs("ListQueueTags", QueueUrl=url) == {}
    many = {str(n): "" for n in range(51)}
    assert await sqs.error("TagQueue", QueueUrl=url, Tags=many) == (
        INVALID,
        "Too many tags added for queue orders.",
    )


async def test_queues_are_listed_by_prefix_and_page(sqs: Caller) -> None:
    for n in range(5):
        await sqs.create(f"a{n}")
    await sqs.create("b")
    found = (await sqs("ListQueues", QueueNamePrefix="a"))["QueueUrls"]
    assert [url[-2:] for url in found] == ["a0", "a1", "a2", "a3", "a4"]
    assert len((await sqs("ListQueues"))["QueueUrls"]) == 6
    pages, token = [], None
    while True:
        more: dict[str, str] = {"NextToken": token} if token else {}
        page = await sqs("ListQueues", MaxResults=4, **more)
        pages.append(len(page["QueueUrls"]))
        token = page.get("NextToken")
        if token is None:
            break
    assert pages == [4, 2]
    assert (await sqs.error("ListQueues", MaxResults=0))[0] == INVALID
    assert (await sqs.error("ListQueues", NextToken="é"))[0] == INVALID


async def test_a_deleted_queue_is_gone(
    sqs: Caller, reopened: Callable[[], Awaitable[Caller]]
) -> None:
    url = await sqs.create("orders")
    await sqs("SendMessage", QueueUrl=url, MessageBody="a")
    await sqs("DeleteQueue", QueueUrl=url)
    for operation in ("DeleteQueue", "PurgeQueue", "ReceiveMessage", "ListQueueTags"):
        assert await sqs.error(operation, QueueUrl=url) == (
            "QueueDoesNotExist",
            "The specified queue does not exist.",
        )
    assert await sqs.create("orders") == url
    assert await sqs.bodies(url) == []
    again = await reopened()
    assert await again.bodies(url) == []
    await again.sqs.engine.close()


async def test_a_purge_is_allowed_once_a_minute(sqs: Caller, clock: FakeClock) -> None:
    url = await sqs.create("orders")
    await sqs("SendMessage", QueueUrl=url, MessageBody="a")
    await sqs("PurgeQueue", QueueUrl=url)
    assert await sqs.bodies(url) == []
    assert await sqs.error("PurgeQueue", QueueUrl=url) == (
        "PurgeQueueInProgress",
        "Only one PurgeQueue operation on orders is allowed every 60 seconds.",
    )
    await clock.advance(60)
    await sqs("PurgeQueue", QueueUrl=url)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://localhost:4566/000000000000/q", ("000000000000", None, "q")),
        ("http://any.host/000000000000/q.fifo", ("000000000000", None, "q.fifo")),
        (
            "https://sqs.eu-west-1.amazonaws.com/000000000000/q",
            ("000000000000", "eu-west-1", "q"),
        ),
        (
            "http://sqs.us-east-1.localhost:4566/000000000000/q",
            ("000000000000", "us-east-1", "q"),
        ),
        (
            "https://us-gov-west-1.queue.amazonaws.com/000000000000/q",
            ("000000000000", "us-gov-west-1", "q"),
        ),
        (
            "http://localhost:4566/queue/ap-south-1/000000000000/q",
            ("000000000000", "ap-south-1", "q"),
        ),
    ],
)
def test_queue_urls_have_several_forms(url: str, parts: tuple[Any, ...]) -> None:
    assert parse_url(url) == parts


@pytest.mark.parametrize(
    "url", ["", "orders", "http://localhost:4566/orders", "http://h/1/q", "http://[::/0/q"]
)
async def test_other_urls_are_names_or_no_queue(sqs: Caller, url: str) -> None:
    assert parse_url(url) is None
    code, _ = await sqs.error("SendMessage", QueueUrl=url, MessageBody="x")
    assert code == "QueueDoesNotExist"


async def test_a_queues_name_does_for_its_url(sqs: Caller) -> None:
    url = await sqs.create("orders")
    await sqs("SendMessage", QueueUrl="orders", MessageBody="x")
    assert await sqs.bodies("orders", VisibilityTimeout=0) == ["x"]
    changes = {"VisibilityTimeout": "7"}
    await sqs("SetQueueAttributes", QueueUrl="orders", Attributes=changes)
    assert await sqs.attributes(url, "VisibilityTimeout") == changes
    await sqs("DeleteQueue", QueueUrl="orders")
    assert (await sqs.error("PurgeQueue", QueueUrl=url))[0] == "QueueDoesNotExist"


async def test_a_redrive_policy_needs_a_queue_of_the_same_kind(sqs: Caller) -> None:
    await sqs.create("dead")
    await sqs.create("dead.fifo", FifoQueue="true")

    async def reason(policy: Any) -> str:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        code, message = await sqs.error(
            "CreateQueue", QueueName="orders", Attributes={"RedrivePolicy": text}
        )
        assert code == INVALID
        assert message.startswith(f"Value {text} for parameter RedrivePolicy is invalid. Reason: ")
        return message.partition("Reason: ")[2]

    def policy(name: str, count: object = 3, owner: str = ARN) -> Any:
        return {"deadLetterTargetArn": owner + name, "maxReceiveCount": count}

    assert await reason("[") == "Redrive policy is not a valid JSON map."
    assert "mandatory attribute: maxReceiveCount" in await reason(
        {"deadLetterTargetArn": ARN + "dead"}
    )
    assert "mandatory attribute: deadLetterTargetArn" in await reason({"maxReceiveCount": 3})
    assert "Invalid value for deadLetterTargetArn" in await reason(
        {"deadLetterTargetArn": "dummy", "maxReceiveCount": 1}
    )
    for count in (0, 1001, "x", -1, 1.5, True):
        assert "from 1 to 1000" in await reason(policy("dead", count))
    assert await reason(policy("never")) == "Dead letter target does not exist."
    assert "same type" in await reason(policy("dead.fifo"))
    assert "owner" in await reason(policy("dead", owner="arn:aws:sqs:us-east-1:111111111111:"))
    await sqs.create("orders", RedrivePolicy=json.dumps(policy("dead", "3")))


async def test_a_redrive_allow_policy_is_kept_to(sqs: Caller) -> None:
    dead = await sqs.create("dead")
    redrive = json.dumps({"deadLetterTargetArn": ARN + "dead", "maxReceiveCount": 1})

    async def allow(policy: Any) -> None:
        await sqs(
            "SetQueueAttributes",
            QueueUrl=dead,
            Attributes={"RedriveAllowPolicy": json.dumps(policy)},
        )

    await allow({"redrivePermission": "denyAll"})
    code, _ = await sqs.error(
        "CreateQueue", QueueName="orders", Attributes={"RedrivePolicy": redrive}
    )
    assert code == INVALID
    await allow({"redrivePermission": "byQueue", "sourceQueueArns": [ARN + "orders"]})
    await sqs.create("orders", RedrivePolicy=redrive)
    code, _ = await sqs.error(
        "CreateQueue", QueueName="others", Attributes={"RedrivePolicy": redrive}
    )
    assert code == INVALID
    for policy in (
        "x",
        {},
        {"redrivePermission": "some"},
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "allowAll", "sourceQueueArns": [ARN + "a"]},
        {"redrivePermission": "byQueue", "sourceQueueArns": [ARN + str(n) for n in range(11)]},
    ):
        code, message = await sqs.error(
            "SetQueueAttributes",
            QueueUrl=dead,
            Attributes={"RedriveAllowPolicy": json.dumps(policy)},
        )
        assert code == INVALID
        assert "unsupported format" in message


async def test_sources_of_a_dead_letter_queue_are_listed(sqs: Caller) -> None:
    dead = await sqs.create("dead")
    redrive = json.dumps({"deadLetterTargetArn": ARN + "dead", "maxReceiveCount": 1})
    assert await sqs("ListDeadLetterSourceQueues", QueueUrl=dead) == {"queueUrls": []}
    urls = [await sqs.create(name, RedrivePolicy=redrive) for name in ("a", "b")]
    assert await sqs("ListDeadLetterSourceQueues", QueueUrl=dead) == {"queueUrls": urls}
    page = await sqs("ListDeadLetterSourceQueues", QueueUrl=dead, MaxResults=1)
    assert page["queueUrls"] == urls[:1]
    page = await sqs("ListDeadLetterSourceQueues", QueueUrl=dead, NextToken=page["NextToken"])
    assert page == {"queueUrls": urls[1:]}


async def test_permissions_write_the_policy(sqs: Caller) -> None:
    url = await sqs.create("orders")

    async def policy() -> Any:
        told = await sqs.attributes(url, "Policy")
        return json.loads(told["Policy"]) if told else None

    async def add(
        label: str,
        accounts: Sequence[str] = ("000000000000",),
        actions: Sequence[str] = ("ReceiveMessage",),
    ) -> None:
        request = {"QueueUrl": url, "Label": label}
        await sqs("AddPermission", **request, AWSAccountIds=list(accounts), Actions=list(actions))

    await add("one")
    assert await policy() == {
        "Version": "2008-10-17",
        "Id": ARN + "orders/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "one",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
                "Action": "SQS:ReceiveMessage",
                "Resource": ARN + "orders",
            }
        ],
    }
    await add("two", ["111111111111", "222222222222"], ["SendMessage", "*"])
    assert (await policy())["Statement"][1]["Principal"]["AWS"] == [
        "arn:aws:iam::111111111111:root",
        "arn:aws:iam::222222222222:root",
    ]
    assert (await policy())["Statement"][1]["Action"] == ["SQS:SendMessage", "SQS:*"]
    request = {"QueueUrl": url, "Label": "one", "AWSAccountIds": ["000000000000"]}
    assert await sqs.error("AddPermission", **request, Actions=["SendMessage"]) == (
        INVALID,
        "Value one for parameter Label is invalid. Reason: Already exists.",
    )
    request["Label"] = "three"
    for action in ("CreateQueue", "Nonsense"):
        code, message = await sqs.error("AddPermission", **request, Actions=[action])
        assert code == INVALID
        assert message.startswith(f"Value SQS:{action} for parameter ActionName is invalid.")
    for label in ("one", "two"):
        await sqs("RemovePermission", QueueUrl=url, Label=label)
    assert await policy() is None
    assert await sqs.error("RemovePermission", QueueUrl=url, Label="two") == (
        INVALID,
        "Value two for parameter Label is invalid. Reason: can't find label.",
    )


async def test_queues_and_their_messages_resume(
    sqs: Caller, engine: Engine, reopened: Callable[[], Awaitable[Caller]], clock: FakeClock
) -> None:
    url = await sqs.create("orders", VisibilityTimeout="5")
    fifo = await sqs.create("orders.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    await sqs("SendMessage", QueueUrl=url, MessageBody="a")
    await sqs("SendMessage", QueueUrl=fifo, MessageBody="b", MessageGroupId="g")
    before = await sqs.attributes(url, "All")
    await engine.close()
    again = await reopened()
    assert await again.attributes(url, "All") == before
    assert await again.bodies(url) == ["a"]
    await again("SendMessage", QueueUrl=fifo, MessageBody="b", MessageGroupId="g")
    assert await again.bodies(fifo) == ["b"]
    await again.sqs.engine.close()
