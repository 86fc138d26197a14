"""Variables of other emulators."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from emulator.cli.drop_in import ADOPTED, IGNORED, adopt
from emulator.cli.options import PREFIX


@pytest.mark.parametrize(
    ("name", "text", "ours"),
    [
        ("GATEWAY_LISTEN", "0.0.0.0:4570", {"HOST": "0.0.0.0", "PORT": "4570"}),
        ("GATEWAY_LISTEN", "127.0.0.1:4566,127.0.0.1:443", {"HOST": "127.0.0.1", "PORT": "4566"}),
        ("GATEWAY_LISTEN", ":4570", {"PORT": "4570"}),
        ("GATEWAY_LISTEN", "0.0.0.0", {"HOST": "0.0.0.0"}),
        ("GATEWAY_LISTEN", "4570", {"PORT": "4570"}),
        ("EDGE_PORT", "4570", {"PORT": "4570"}),
        ("LOCALSTACK_HOST", "aws.test:4566", {"ALLOW_HOST": "aws.test"}),
        ("EXTRA_CORS_ALLOWED_ORIGINS", "http://a,http://b", {"ALLOW_ORIGIN": "http://a http://b"}),
        ("LAMBDA_EXECUTOR", "docker-reuse", {"DRIVER": "auto"}),
        ("LAMBDA_EXECUTOR", "local", {"DRIVER": "process"}),
        ("LAMBDA_KEEPALIVE_MS", "1500", {"IDLE_TIMEOUT": "1.5"}),
        ("LAMBDA_SYNCHRONOUS_CREATE", "1", {"TRANSITION_SECONDS": "0"}),
        ("LAMBDA_SYNCHRONOUS_CREATE", "0", {}),
        ("DEFAULT_REGION", "eu-west-1", {"REGION": "eu-west-1"}),
    ],
)
def test_a_counterpart_is_set_and_said(name: str, text: str, ours: dict[str, str]) -> None:
    environ = {name: text}
    said = adopt(environ)
    assert environ == {name: text, **{PREFIX + key: value for key, value in ours.items()}}
    assert len(said) == bool(ours)
    assert all(value in said[0] for value in ours.values())


@pytest.mark.parametrize(("name", "text"), [("LAMBDA_KEEPALIVE_MS", "soon"), ("EDGE_PORT", "x")])
def test_what_is_not_understood_is_said(name: str, text: str) -> None:
    environ = {name: text}
    assert adopt(environ) == [f"{name}={text} changes nothing: it is not understood"]
    assert environ == {name: text}


def test_every_command_looks_where_up_listens() -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = str(nobody.getsockname()[1])
        asked = subprocess.run(
            [sys.executable, "-m", "emulator", "ps"],
            env={**own, "EDGE_PORT": port, "SERVICES": "s3"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert asked.returncode == 1
    assert asked.stderr.startswith(f"error: no emulator answers at http://127.0.0.1:{port}: ")


def test_our_own_variables_win() -> None:
    environ = {"EDGE_PORT": "4570", "LOCALFAAS_PORT": "9"}
    assert adopt(environ) == ["EDGE_PORT changes nothing: LOCALFAAS_PORT=9 stands"]
    assert environ["LOCALFAAS_PORT"] == "9"


def test_the_first_of_two_with_one_meaning_counts_and_the_other_is_named() -> None:
    environ = {"LOCALSTACK_HOST": "a.test", "HOSTNAME_EXTERNAL": "b.test", "EDGE_PORT": "4570"}
    said = adopt({**environ, "GATEWAY_LISTEN": ":4570"})
    assert said == [
        "GATEWAY_LISTEN is taken as LOCALFAAS_PORT=4570",
        "LOCALSTACK_HOST is taken as LOCALFAAS_ALLOW_HOST=a.test",
        "HOSTNAME_EXTERNAL changes nothing: LOCALFAAS_ALLOW_HOST=a.test stands",
    ]


@pytest.mark.parametrize("name", IGNORED)
def test_what_changes_nothing_is_said(name: str) -> None:
    environ = {name.replace("*", "ANY"): "1"}
    before = dict(environ)
    assert adopt(environ) == [f"{name.replace('*', 'ANY')} changes nothing: {IGNORED[name]}"]
    assert environ == before


def test_an_ordinary_environment_is_left_alone() -> None:
    environ = {"PATH": "/bin", "DEBUG": "1", "HOSTNAME": "x", "AWS_REGION": "eu-west-1"}
    assert adopt(environ) == []


def test_every_variable_of_ours_is_a_setting() -> None:
    import typer.main

    from emulator.cli.application import application

    options = {
        param.envvar
        for param in typer.main.get_command(application(["up"])).commands["up"].params  # type: ignore[attr-defined]
    }
    assert {mine for ours in ADOPTED.values() for mine in ours} <= options
