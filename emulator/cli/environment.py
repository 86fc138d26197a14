"""The command ``env``: what makes an AWS SDK talk to the emulator."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.terminal import show_json


class Shell(StrEnum):
    POSIX = "posix"
    FISH = "fish"
    POWERSHELL = "powershell"


_FORMS = {
    Shell.POSIX: "export {name}='{value}'",
    Shell.FISH: "set -gx {name} '{value}';",
    Shell.POWERSHELL: "$Env:{name} = '{value}'",
}


def env(
    shell: Annotated[Shell, typer.Option("--shell", help="Whose syntax to print.")] = Shell.POSIX,
    region: Annotated[
        str, typer.Option("--region", envvar="LOCALFAAS_REGION", help="AWS region.")
    ] = "us-east-1",
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Print the variables with which AWS SDKs and the AWS CLI talk to the emulator.

    Example: eval "$(localfaas env)"
    """
    variables = {
        "AWS_ENDPOINT_URL": Client(endpoint).url,
        "AWS_ACCESS_KEY_ID": "localfaas",
        "AWS_SECRET_ACCESS_KEY": "localfaas",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    if json:
        show_json(variables)
        return
    for name, value in variables.items():
        print(_FORMS[shell].format(name=name, value=value))
