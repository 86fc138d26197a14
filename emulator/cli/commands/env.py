"""The command ``env``: prints the variables by which AWS SDKs find the emulator."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.terminal import show_json


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

_PROXIES = ("http_proxy", "all_proxy")
#: Some SDKs prefer a profile to the credentials in the environment, and fail where there is none.
_PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")


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
    variables = {
        "AWS_ENDPOINT_URL": client.url,
        "AWS_ACCESS_KEY_ID": "localfaas",
        "AWS_SECRET_ACCESS_KEY": "localfaas",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **_past_proxies(os.environ, client.host),
    }
    if json:
        show_json(variables)
        return
    for name, value in variables.items():
        print(_FORMS[shell].format(name=name, value=value))
    for name in _PROFILES:
        if name in os.environ:
            print(_REMOVALS[shell].format(name=name))


def _past_proxies(environ: Mapping[str, str], host: str) -> dict[str, str]:
    """Return the variables that keep calls to ``host`` from the proxies in ``environ``, if any."""
    if not any(environ.get(name) or environ.get(name.upper()) for name in _PROXIES):
        return {}
    # Tools differ in which of the two they read.
    given = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    names = [name for name in map(str.strip, given.split(",")) if name]
    names += [name for name in dict.fromkeys(("localhost", host)) if name not in names]
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(names))
