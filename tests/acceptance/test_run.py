"""``localfaas run``, ``up --detach`` and ``wait``: an emulator beside a command, as CI uses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from emulator.client.endpoint import Client
from emulator.client.server import Server, StartFailed

from .conftest import EMULATOR, free_port

CALL = """
import boto3, json, os, sys
answer = boto3.client("lambda").invoke(FunctionName="greets", Payload=b"{}")
print(json.load(answer["Payload"]), os.environ["AWS_REGION"], os.environ.get("AWS_PROFILE"))
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def greets(tmp_path: Path) -> Path:
    folder = tmp_path / "greets"
    folder.mkdir()
    (folder / "app.py").write_text(
        "def handler(event, context):\n    print('on air')\n    return 7"
    )
    return folder


def localfaas(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EMULATOR, *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code), *words]


def is_gone(pid: int) -> bool:
    """Say whether a process ends within ten seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_command_finds_the_emulator_and_its_exit_code_is_returned(greets: Path) -> None:
    ran = localfaas(
        "run", str(greets), "--region", "eu-west-1", "--", *python(CALL, "3"), AWS_PROFILE="mine"
    )
    assert ran.stdout == "7 eu-west-1 None\n"
    assert ran.returncode == 3
    assert "on air" in ran.stderr  # it failed: the emulator's last lines help


def test_a_command_that_succeeds_leaves_nothing_to_read(greets: Path) -> None:
    ran = localfaas("run", str(greets), "--", *python(CALL, "0"))
    assert (ran.returncode, ran.stderr) == (0, "")


def test_logs_are_shown_when_asked_for(greets: Path) -> None:
    ran = localfaas("run", "--show-logs", str(greets), "--", *python(CALL, "0"))
    assert ran.returncode == 0
    assert "greets | on air" in ran.stderr


def test_the_command_gets_its_own_options_whatever_they_are() -> None:
    ran = localfaas("run", "--", "echo", "--port", "--", "--help")
    assert ran.stdout == "--port -- --help\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "template.yaml"), 2, "behind --"),
        (("run", "/no/such/folder", "--", "true"), 1, "/no/such/folder does not exist"),
        (("run", "--", "/no/such/command"), 1, "can't run /no/such/command"),
        (("run", "--nonsense", "--", "true"), 1, "No such option: --nonsense"),
        (("up", "--detach", "/no/such/folder", "--port", "0"), 1, "/no/such/folder does not exist"),
    ],
)
def test_what_can_not_be_run_is_said(words: tuple[str, ...], code: int, said: str) -> None:
    ran = localfaas(*words)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert said in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_run_is_ended(number: signal.Signals) -> None:
    code = "import os, time; print(os.environ['AWS_ENDPOINT_URL'], flush=True); time.sleep(60)"
    with subprocess.Popen(
        [*EMULATOR, "run", "--", *python(code)], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        client = Client(running.stdout.readline().strip())
        emulator, command = _children(running.pid)
        running.send_signal(number)
        running.wait(20)
        if number is signal.SIGKILL:
            os.kill(command, signal.SIGKILL)  # nobody could pass that on
    if number is signal.SIGTERM:
        assert running.returncode == 128 + number
    assert is_gone(command)
    assert is_gone(emulator)
    assert not client.listens()


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started, the oldest first."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_up_returns_when_functions_can_be_called(greets: Path) -> None:
    port = str(free_port())
    endpoint = ("--endpoint", f"http://127.0.0.1:{port}")
    up = localfaas("up", "--detach", str(greets), "--port", port, "--no-watch")
    try:
        assert up.returncode == 0
        assert f"http://localhost:{port}" in up.stdout
        assert f"`localfaas down --endpoint http://localhost:{port}` ends it" in up.stderr
        assert localfaas("invoke", "greets", *endpoint).stdout == "7\n"
        ready = localfaas("wait", "greets", "--timeout", "20", *endpoint)
        assert (ready.returncode, ready.stdout, ready.stderr) == (0, "", "")
    finally:
        down = localfaas("down", *endpoint)
    assert down.returncode == 0, down.stderr
    late = localfaas("wait", "--timeout", "0.1", *endpoint)
    assert late.returncode == 1
    assert "not ready after 0.1 s: no emulator answers" in late.stderr


def test_wait_names_the_function_that_is_missing(greets: Path) -> None:
    server = Server.start([str(greets), "--port", "0", "--no-watch"])
    try:
        late = localfaas("wait", "greets", "lost", "--timeout", "0", "--endpoint", server.url)
        assert late.returncode == 1
        assert "there is no function lost" in late.stderr
    finally:
        server.stop()
    assert not server.runs()
    assert not server.log.exists()


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(StartFailed, match="is not in the range"):
        Server.start(["--port", "99999"])
