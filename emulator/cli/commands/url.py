"""The command ``url``: prints function URLs."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Account, Client, Endpoint, Json, Region
from emulator.cli.terminal import CommandError, show_json
from emulator.model.arn import parse_function_name


def url(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FUNCTION", help="The function's name or ARN; :ALIAS names an alias's URL."
        ),
    ],
    path: Annotated[
        bool,
        typer.Option(
            "--path",
            help="Print a URL under the emulator's own host name, for programs that can't resolve "
            "names under localhost.",
        ),
    ] = False,
    json: Json = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Print a function's URL.

    It stays the same when the emulator restarts. Without an alias, the command prints the URLs of
    the function and of its aliases, each on a line.

    Example: curl "$(localfaas url hello)"
    """
    named = parse_function_name(name)
    if named is None:
        raise CommandError(f"{name} is not a function's name or ARN")
    region, account = named.region or region, named.account or account
    functions = [
        each
        for each in Client(endpoint).get("functions", function=named.name)
        if region in (None, each["region"]) and account in (None, each["account"])
    ]
    if not functions:
        raise CommandError(f"there is no function {name}: `localfaas functions` lists them")
    alias = named.qualifier
    urls = [url for each in functions for url in each["urls"] if alias in (None, url["qualifier"])]
    if json:
        show_json(urls)
    elif urls:
        for each in urls:
            print(each["path_url" if path else "url"])
    else:
        raise CommandError(
            f"{name} has no URL: give it a FunctionUrlConfig in the template, or run `aws lambda "
            f"create-function-url-config --auth-type NONE --function-name {named.name}"
            + (f" --qualifier {alias}`" if alias else "`")
        )
