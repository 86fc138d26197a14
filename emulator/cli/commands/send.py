"""The commands ``send …``: send events to topics and buses, of buckets, of schedules."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Account, Client, Endpoint, Region
from emulator.cli.documents import FORMS, read_document
from emulator.cli.help import Commands
from emulator.cli.message_options import Attributes, Deduplication, Group, read_attributes

send = Commands(
    "Send events: sns, events, s3, schedule.\n\nExample: localfaas send sns orders '{\"id\": 7}'",
    no_args_is_help=True,
)


@send.command()
def sns(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The topic's name or ARN.")],
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's text.")],
    subject: Annotated[str | None, typer.Option("--subject", help="The subject.")] = None,
    attribute: Attributes = None,
    group: Group = None,
    deduplication: Deduplication = None,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Publish a message to a topic, and print its id.

    Example: localfaas send sns orders '{"id": 7}' --attribute kind=new
    """
    body = {
        "topic": topic,
        "message": message,
        "subject": subject,
        "attributes": read_attributes(attribute),
        "group": group,
        "deduplication_id": deduplication,
        "region": region,
        "account": account,
    }
    print(Client(endpoint).post("send/sns", body)["id"])


@send.command()
def events(
    detail: Annotated[str, typer.Argument(metavar="DETAIL", help=f"The detail: {FORMS}.")],
    source: Annotated[str, typer.Option("--source", help="The source.")] = "localfaas",
    detail_type: Annotated[str, typer.Option("--detail-type", help="The detail-type.")] = "test",
    bus: Annotated[str, typer.Option("--bus", help="The bus, by name or ARN.")] = "default",
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Put an event on a bus of EventBridge, and print its id.

    Example: localfaas send events '{"order": 7}' --source shop --detail-type Ordered
    """
    body = {
        "detail": read_document(detail, "detail").decode(),
        "detail_type": detail_type,
        "source": source,
        "bus": bus,
        "region": region,
        "account": account,
    }
    print(Client(endpoint).post("send/events", body)["id"])


@send.command()
def s3(
    bucket: Annotated[str, typer.Argument(metavar="BUCKET", help="The bucket's name.")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The object's key.")],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            exists=True,
            dir_okay=False,
            help="What to put there. Default: tells anew of the object that is there.",
        ),
    ] = None,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Put an object, or have its bucket tell of it anew.

    Example: localfaas send s3 pictures cat.jpg ./cat.jpg
    """
    body = {
        "bucket": bucket,
        "key": key,
        "content": None if file is None else b64encode(file.read_bytes()).decode(),
        "region": region,
        "account": account,
    }
    print(Client(endpoint).post("send/s3", body)["id"])


@send.command()
def schedule(
    name: Annotated[
        str, typer.Argument(metavar="SCHEDULE", help="The schedule's name, or GROUP/NAME.")
    ],
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Call a schedule's target now, and print the execution's id.

    Example: localfaas send schedule nightly
    """
    group, slash, own = name.rpartition("/")
    body = {
        "name": own,
        "group": group if slash else "default",
        "region": region,
        "account": account,
    }
    print(Client(endpoint).post("send/schedule", body)["id"])
