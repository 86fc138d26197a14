"""The commands without an emulator: help, usage, variables, and what they cost to start."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.cli.application import COMMANDS, run
from emulator.cli.client import Client
from emulator.cli.commands import doctor, up
from emulator.client.variables import foreign
from emulator.driver.docker.settings import DockerSettings
from emulator.driver.kubernetes.settings import KubernetesSettings
from emulator.driver.process import checks
from emulator.settings import Settings


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An endpoint where nothing listens: its port is held as long."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{nobody.getsockname()[1]}"


#: A driver that the command line knows has its options.
OF_DRIVERS = {"docker": DockerSettings(), "kubernetes": KubernetesSettings()}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What ``up`` would have served with."""
    seen: list[Settings] = []
    monkeypatch.setattr(up, "_serve", lambda settings, *, quiet: seen.append(settings))
    return seen


@pytest.mark.parametrize("command", ["", "queue", "events", "runtimes"])
def test_a_list_of_commands_cuts_no_sentence(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*command.split(), "--help"]) == 0
    _, found, commands = capsys.readouterr().out.partition("Commands:")
    assert found
    assert "..." not in commands


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert [command for command in COMMANDS if f"  {command} " not in out] == []


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from emulator.cli.application import run; run(['up', '--help']);"
        "print(*(name for name in ('rich.console', 'fastapi', 'uvicorn', 'botocore', 'watchfiles',"
        " 'http.client', 'asyncio', 'emulator.app', 'docker', 'yaml') if name in sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["up", "--port", "70000"],
        ["up", "--driver", "magic"],
        ["up", "--account", "12"],
        ["up", "--ephemeral", "--state", "x"],
        ["logs", "--limit", "0"],
        ["invoke"],
        ["env", "--shell", "cmd"],
        ["queue", "send", "orders"],
        ["queue", "receive", "orders", "--limit", "11"],
        ["queue", "redrive", "orders", "--rate", "0"],
        ["events", "--limit", "0"],
        ["events", "replay"],
        ["events", "replay", "an-id", "--all"],
        ["up", "--image", "python3.12"],
        ["runtimes", "build", "--base-image", "debian:12"],
    ],
)
def test_wrong_usage_exits_with_2(
    arguments: list[str], settings: list[Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Usage: localfaas" in captured.err
    assert settings == []


def test_up_takes_options(settings: list[Settings], tmp_path: Path) -> None:
    options = ["--port", "0", "--no-watch", "--strict", "--no-stem-cells", "--idle-timeout", "7"]
    options += ["--inactive-after", "90"]
    options += ["--allow-host", "a.test", "--allow-host", "b.test", "--no-endpoint-injection"]
    assert run(["up", str(tmp_path), *options]) == 0
    (taken,) = settings
    assert taken == Settings(
        functions=(tmp_path,),
        port=0,
        watch=False,
        strict=True,
        stem_cells=0,
        idle_timeout=7.0,
        inactive_after=90.0,
        allow_hosts=("a.test", "b.test"),
        inject_endpoint=False,
        driver_options=OF_DRIVERS,
    )


@pytest.mark.parametrize("name", ["watch-layers", "kinesis-limits", "freeze"])
def test_options_with_two_names_do_what_each_says(name: str, settings: list[Settings]) -> None:
    field = name.replace("-", "_")
    for words in ([f"--{name}"], [f"--no-{name}"], []):
        assert run(["up", *words]) == 0
    assert [getattr(each, field) for each in settings] == [True, False, getattr(Settings(), field)]


def test_up_takes_the_options_of_drivers(settings: list[Settings]) -> None:
    options = ["--image", "python3.12=own:1", "--image=nodejs22.x=own:2", "--docker-label", "a=b"]
    assert run(["up", "--docker-network", "mine", "--advertise-host", "10.0.0.1", *options]) == 0
    (taken,) = settings
    assert taken.driver_options["docker"] == DockerSettings(
        images={"python3.12": "own:1", "nodejs22.x": "own:2"},
        labels={"a": "b"},
        network="mine",
        advertise="10.0.0.1",
    )


def test_up_takes_variables(
    settings: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "HOST": "::1",
        "PORT": "4999",
        "DRIVER": "docker",
        "STATE": str(tmp_path / "state"),
        "DURABILITY": "normal",
        "ASYNC_RETRY_SCALE": "0.01",
        "MAX_ENVIRONMENTS": "9",
        "ACCOUNT_CONCURRENCY": "8",
        "NO_WATCH": "1",
        "STRICT": "true",
        "BOOTSTRAP": "awslambdaric",
        "ALLOW_ORIGIN": "https://a.test https://b.test",
        "REGION": "eu-west-1",
        "ACCOUNT": "123456789012",
    }.items():
        monkeypatch.setenv(f"LOCALFAAS_{name}", value)
    monkeypatch.chdir(tmp_path)
    assert run(["up"]) == 0
    (taken,) = settings
    assert taken == Settings(
        host="::1",
        port=4999,
        driver="docker",
        state=tmp_path / "state",
        durability="normal",
        async_retry_scale=0.01,
        max_environments=9,
        account_concurrency=8,
        watch=False,
        strict=True,
        bootstrap="awslambdaric",
        allow_origins=("https://a.test", "https://b.test"),
        region="eu-west-1",
        account="123456789012",
        driver_options=OF_DRIVERS,
    )


def test_up_without_a_path_takes_the_template_here(
    settings: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(["up"])
    (tmp_path / "template.yaml").touch()
    run(["up"])
    run(["up", "--empty"])
    assert [taken.functions for taken in settings] == [(), (Path(),), ()]


@pytest.mark.parametrize("command", ["env", "--help"])
@pytest.mark.parametrize(
    ("output", "said"),
    [(">/dev/full", "error: the output can't be written: No space left on device\n"), (">&-", "")],
)
def test_output_that_cannot_be_written_is_no_traceback(
    command: str, output: str, said: str
) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m emulator {command} {output}"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1 if said else 0, said)


def test_text_that_the_terminal_cannot_show_is_escaped() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "emulator", "env", "--region", "grün", "--shell", "fish"],
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "gr\\xfcn" in done.stdout


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("posix", "export AWS_REGION='eu-west-1'"),
        ("fish", "set -gx AWS_REGION 'eu-west-1';"),
        ("powershell", "$Env:AWS_REGION = 'eu-west-1'"),
    ],
)
def test_env_in_every_shell(
    shell: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in foreign(os.environ):
        monkeypatch.delenv(name)
    assert run(["env", "--shell", shell, "--region", "eu-west-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert line in lines
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("posix", "unset AWS_PROFILE"),
        ("fish", "set -e AWS_PROFILE;"),
        ("powershell", "Remove-Item Env:AWS_PROFILE"),
    ],
)
def test_env_drops_a_profile(
    shell: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in foreign(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert run(["env", "--shell", shell]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == line


def test_env_drops_the_address_of_a_single_service(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://localhost:9000")
    assert run(["env"]) == 0
    assert "unset AWS_ENDPOINT_URL_S3" in capsys.readouterr().out.splitlines()


def test_env_keeps_calls_from_a_proxy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "internal.example, localhost")
    assert run(["env", "--json"]) == 0
    variables = json.loads(capsys.readouterr().out)
    assert variables["NO_PROXY"] == variables["no_proxy"] == "internal.example,localhost,127.0.0.1"


@pytest.mark.parametrize(("words", "region"), [([], "eu-west-1"), (["--region", "x"], "x")])
def test_env_has_the_region_of_the_emulator(
    words: list[str],
    region: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Client, "get", lambda *_, **__: {"region": "eu-west-1"})
    assert run(["env", "--json", *words]) == 0
    assert json.loads(capsys.readouterr().out)["AWS_REGION"] == region


def test_env_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["env", "--json", "--endpoint", "localhost:4999"]) == 0
    variables = json.loads(capsys.readouterr().out)
    assert variables["AWS_ENDPOINT_URL"] == "http://localhost:4999"
    assert variables["AWS_ACCESS_KEY_ID"] == variables["AWS_SECRET_ACCESS_KEY"] == "localfaas"


def test_doctor_names_a_port_that_another_program_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(60)

        def hang_up() -> None:
            for _ in range(2):
                other.accept()[0].close()

        answering = threading.Thread(target=hang_up)
        answering.start()
        finding = doctor._port(f"http://127.0.0.1:{other.getsockname()[1]}")
        answering.join()
    assert finding.verdict == "problem"
    assert "--port" in finding.remedy


def test_doctor_finds_a_free_port_and_this_interpreter(nowhere: str) -> None:
    assert doctor._port(nowhere).detail == "free"
    python = f"python3.{sys.version_info.minor}"
    assert any(python in finding.detail for finding in checks.interpreters())


def test_doctor_takes_a_host_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json", "--endpoint", "http://nowhere.invalid:4566"]) == 0
    (port,) = [each for each in json.loads(capsys.readouterr().out) if "port" in each["subject"]]
    assert (port["subject"], port["detail"]) == ("port 4566", "free")
