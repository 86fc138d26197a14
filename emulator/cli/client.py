"""The options that most commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.client.endpoint import DEFAULT_ENDPOINT, Client, scope_header

__all__ = ["DEFAULT_ENDPOINT", "Account", "Client", "Endpoint", "Json", "Region", "scope_header"]

Endpoint = Annotated[
    str,
    typer.Option(
        "--endpoint",
        envvar="LOCALFAAS_ENDPOINT",
        metavar="URL",
        help="The emulator's address.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Region = Annotated[
    str | None,
    typer.Option("--region", envvar="LOCALFAAS_REGION", help="The AWS region. Default: us-east-1."),
]
Account = Annotated[
    str | None,
    typer.Option(
        "--account",
        envvar="LOCALFAAS_ACCOUNT",
        help="The AWS account. Default: 000000000000.",
    ),
]
