"""The command ``env``: prints the variables by which AWS SDKs find the emulator."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.terminal import show_json
from emulator.client.endpoint import ClientError
from emulator.client.variables import DEFAULT_REGION, foreign, variables


class Shell(StrEnum):
    """A shell whose syntax the command can print."""

    POSIX = "posix"
    FISH = "fish"
    POWERSHELL = "powershell"


_FORMS = {
    Shell.POSIX: "export {name}='{value}'",
    Shell.FISH: "set -gx {name} '{value}';",
    Shell.POWERSHELL: "$Env:{name} = '{value}'",
}

_REMOVALS = {
    Shell.POSIX: "unset {name}",
    Shell.FISH: "set -e {name};",
    Shell.POWERSHELL: "Remove-Item Env:{name}",
}


def env(
    shell: Annotated[
        Shell, typer.Option("--shell", help="The shell whose syntax to print.")
    ] = Shell.POSIX,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            envvar="LOCALFAAS_REGION",
            help="The AWS region to set. Default: the emulator's; where none runs, us-east-1.",
        ),
    ] = None,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Print the variables by which AWS SDKs find the emulator.

    The AWS CLI reads them, too. What SDKs would prefer to them is unset where it is set:
    AWS_PROFILE, and addresses of single services like AWS_ENDPOINT_URL_S3.

    Example: eval "$(localfaas env)"
    """
    client = Client(endpoint)
    region = region or _region(client)
    found = variables(client.url, client.host, region=region, environ=os.environ)
    if json:
        show_json(found)
        return
    for name, value in found.items():
        print(_FORMS[shell].format(name=name, value=value))
    for name in foreign(os.environ):
        print(_REMOVALS[shell].format(name=name))


def _region(client: Client) -> str:
    """Return the region of the emulator that runs, or that of one which is not there yet."""
    try:
        return str(client.get("health", timeout_s=5)["region"])
    except ClientError:
        return DEFAULT_REGION
