"""The command ``env``: prints the variables by which AWS SDKs find the emulator."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.terminal import show_json
from emulator.client.variables import PROFILES, variables


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
        str, typer.Option("--region", envvar="LOCALFAAS_REGION", help="The AWS region to set.")
    ] = "us-east-1",
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Print the variables by which AWS SDKs find the emulator.

    The AWS CLI reads them, too. If AWS_PROFILE is set, it is unset: SDKs would prefer it.

    Example: eval "$(localfaas env)"
    """
    client = Client(endpoint)
    found = variables(client.url, client.host, region=region, environ=os.environ)
    if json:
        show_json(found)
        return
    for name, value in found.items():
        print(_FORMS[shell].format(name=name, value=value))
    for name in PROFILES:
        if name in os.environ:
            print(_REMOVALS[shell].format(name=name))
