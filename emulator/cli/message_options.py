"""The options that messages of queues and topics share."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.terminal import CommandError

Attributes = Annotated[
    list[str] | None,
    typer.Option("--attribute", metavar="NAME=VALUE", help="A string attribute; may be repeated."),
]
Group = Annotated[
    str | None,
    typer.Option("--group", help="The MessageGroupId (FIFO queues and topics need one)."),
]
Deduplication = Annotated[
    str | None, typer.Option("--deduplication-id", help="The MessageDeduplicationId.")
]


def read_attributes(given: list[str] | None) -> dict[str, str]:
    """Return the values of ``--attribute``, by name.

    Raises:
        CommandError: One is not NAME=VALUE.
    """
    attributes = {}
    for each in given or ():
        name, equals, value = each.partition("=")
        if not equals:
            raise CommandError(f"--attribute {each!r} is not NAME=VALUE")
        attributes[name] = value
    return attributes
