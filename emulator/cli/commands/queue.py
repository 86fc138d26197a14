"""The commands ``queue …``: list SQS queues; peek at, send, receive and move messages."""

from __future__ import annotations

import json as json_text
import time
from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Account, Endpoint, Json, Region
from emulator.cli.documents import FORMS, read_document
from emulator.cli.help import Commands
from emulator.cli.message_options import Attributes, Deduplication, Group, read_attributes
from emulator.cli.sqs import SqsClient
from emulator.cli.tables import show_table
from emulator.cli.terminal import CommandError, age, note, show_json

queue = Commands(
    "Use SQS queues: list, peek, send, receive, purge, redrive.\n\nExample: localfaas queue list",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name, URL or ARN.")]
#: Between two checks of a move task.
_PAUSE_S = 0.1
#: Characters of a body that a table shows; a message may have a million.
_SHOWN = 300


@queue.command(name="list")
def list_queues(
    prefix: Annotated[
        str | None,
        typer.Argument(metavar="PREFIX", help="List only queues whose names begin with this."),
    ] = None,
    json: Json = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """List queues, with their numbers of messages.

    IN FLIGHT counts messages that were received and not yet deleted.

    Example: localfaas queue list
    """
    sqs = SqsClient(endpoint, region, account)
    found, token = [], None
    while True:
        page = sqs.call("ListQueues", QueueNamePrefix=prefix, MaxResults=1000, NextToken=token)
        found += [{"url": url, **sqs.attributes(url)} for url in page.get("QueueUrls", ())]
        token = page.get("NextToken")
        if token is None:
            break
    if json:
        show_json(found)
        return
    if not found:
        note("no queues: create one with `aws sqs create-queue`, or declare one in a template")
        return
    rows = [
        (
            each["url"].rpartition("/")[2],
            each["ApproximateNumberOfMessages"],
            each["ApproximateNumberOfMessagesNotVisible"],
            each["ApproximateNumberOfMessagesDelayed"],
            _dead_letters(each),
        )
        for each in found
    ]
    show_table(("QUEUE", "READY", "IN FLIGHT", "DELAYED", "DEAD LETTERS TO"), rows)


def _dead_letters(attributes: dict[str, str]) -> str:
    if "RedrivePolicy" not in attributes:
        return "-"
    policy = json_text.loads(attributes["RedrivePolicy"])
    name = policy["deadLetterTargetArn"].rpartition(":")[2]
    return f"{name}, after {policy['maxReceiveCount']} receives"


@queue.command()
def send(
    name: Name,
    body: Annotated[
        str,
        typer.Argument(metavar="BODY", help=f"The message: {FORMS}; any text with --text."),
    ],
    plain: Annotated[
        bool, typer.Option("--text", help="Take BODY for the text of the message, whatever it is.")
    ] = False,
    attribute: Attributes = None,
    delay: Annotated[
        int | None,
        typer.Option(
            "--delay", metavar="SECONDS", help="Seconds until the message can be received."
        ),
    ] = None,
    group: Group = None,
    deduplication: Deduplication = None,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Send a message and print its id.

    Example: localfaas queue send orders '{"order_id": "42"}'
    """
    attributes = {
        key: {"DataType": "String", "StringValue": value}
        for key, value in read_attributes(attribute).items()
    }
    if not plain:
        otherwise = "Plain text needs --text."
        body = _decoded(read_document(body, "message", otherwise=otherwise))
    sqs = SqsClient(endpoint, region, account)
    sent = sqs.call(
        "SendMessage",
        QueueUrl=sqs.url(name),
        MessageBody=body,
        MessageAttributes=attributes or None,
        DelaySeconds=delay,
        MessageGroupId=group,
        MessageDeduplicationId=deduplication,
    )
    print(sent["MessageId"])


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as failure:
        raise CommandError(f"a message must be text in UTF-8: {failure}") from failure


@queue.command()
def receive(
    name: Name,
    limit: Annotated[
        int,
        typer.Option("-n", "--limit", min=1, max=10, help="Receive at most this many messages."),
    ] = 1,
    wait: Annotated[
        int,
        typer.Option(
            "--wait", min=0, max=20, metavar="SECONDS", help="Wait this long for the first."
        ),
    ] = 0,
    visibility: Annotated[
        int | None,
        typer.Option("--visibility", metavar="SECONDS", help="Hide them from others this long."),
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the messages received.")] = False,
    json: Json = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Receive messages as a consumer does and print their bodies.

    Messages that are not deleted come back when their visibility timeout ends.

    Example: localfaas queue receive orders --wait 5 --delete
    """
    sqs = SqsClient(endpoint, region, account)
    url = sqs.url(name)
    found = sqs.call(
        "ReceiveMessage",
        timeout_s=wait + 30.0,
        QueueUrl=url,
        MaxNumberOfMessages=limit,
        WaitTimeSeconds=wait,
        VisibilityTimeout=visibility,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages", [])
    if json:
        show_json(found)
    for message in found:
        if not json:
            print(message["Body"], flush=True)
        if delete:
            sqs.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    if not found and not json:
        note("no messages")


@queue.command()
def peek(
    name: Name,
    limit: Annotated[
        int,
        typer.Option("-n", "--limit", min=1, max=1000, help="Print at most this many messages."),
    ] = 10,
    json: Json = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """List the first messages without receiving them.

    No receive is counted, and no message becomes invisible. The table has the first 300
    characters of a body; --json prints all of it.

    Example: localfaas queue peek orders
    """
    sqs = SqsClient(endpoint, region, account)
    found = sqs.client.get("queues/messages", arn=sqs.arn(name), limit=limit)
    if json:
        show_json(found)
        return
    if not found:
        note("no messages")
        return
    now = time.time()
    rows = [
        (
            each["message_id"],
            each["state"],
            age(max(0.0, now - each["sent"])),
            str(each["receive_count"]),
            each["group"] or "-",
            _short(each["body"]),
        )
        for each in found
    ]
    show_table(("MESSAGE", "STATE", "AGE", "RECEIVES", "GROUP", "BODY"), rows, details=2)


def _short(body: str) -> str:
    line = " ".join(body.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


@queue.command()
def purge(
    name: Name,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Delete all messages of a queue.

    As on AWS, once in 60 seconds.

    Example: localfaas queue purge orders
    """
    sqs = SqsClient(endpoint, region, account)
    sqs.call("PurgeQueue", QueueUrl=sqs.url(name))


@queue.command()
def redrive(
    name: Name,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="QUEUE",
            help="Move them there. Default: where each came from.",
        ),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option("--rate", min=1, max=500, help="Move at most this many messages per second."),
    ] = None,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Move the messages of a dead-letter queue back.

    The command returns when all are moved.

    Example: localfaas queue redrive orders-dlq
    """
    sqs = SqsClient(endpoint, region, account)
    arn = sqs.arn(name)
    sqs.call(
        "StartMessageMoveTask",
        SourceArn=arn,
        DestinationArn=None if to is None else sqs.arn(to),
        MaxNumberOfMessagesPerSecond=rate,
    )
    while True:
        task = sqs.call("ListMessageMoveTasks", SourceArn=arn)["Results"][0]
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            break
        time.sleep(_PAUSE_S)
    moved = task["ApproximateNumberOfMessagesMoved"]
    total = task["ApproximateNumberOfMessagesToMove"]
    text = f"moved {moved} of {total} messages"
    if task["Status"] != "COMPLETED":
        reason = task.get("FailureReason", "")
        raise CommandError(f"{text}: {task['Status'].lower()}" + (f", {reason}" if reason else ""))
    note(text)
