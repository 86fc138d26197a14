"""``localfaas run``, ``up --detach`` and ``wait``: an emulator beside a command, as CI uses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from emulator.cli.commands.run import _signals_passed_on
from emulator.client.endpoint import Client
from emulator.client.server import Server, StartFailed, _why
from tests.needs import need
from tests.patience import PATIENCE_S, until

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
        timeout=PATIENCE_S,
        check=False,
    )


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code), *words]


def is_gone(pid: int) -> bool:
    """Say whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except OSError:
        return True


def test_an_emulator_that_builds_when_it_starts_ends_when_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("build-Fn:\n\techo $$$$ >pid\n\texec sleep 300\n")
    (tmp_path / "template.yaml").write_text("""
Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: makefile}
    Properties: {Handler: app.handler, Runtime: python3.12, CodeUri: .}
""")
    path = f"{Path(need('make')).parent}:/bin"  # without SAM CLI
    words = [*EMULATOR, "up", str(tmp_path / "template.yaml"), "--port", "0", "--no-watch"]
    up = subprocess.Popen(
        words, env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with up:
        pid = tmp_path / "pid"
        until(lambda: pid.exists() and pid.read_text().endswith("\n"))
        up.send_signal(signal.SIGTERM)
        output, _ = up.communicate(timeout=PATIENCE_S)
    assert up.returncode == 0
    assert b"Ready" not in output
    until(lambda: is_gone(int(pid.read_text())))


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
        (("run", "--", "/no/such/command"), 127, "there is no command /no/such/command"),
        (("run", "--", "no-such-command"), 127, "there is no command no-such-command"),
        (("run", "--", "/"), 126, "can't run /: it is a folder"),
        (("run", "--", __file__), 126, "it is not executable"),
        (("run", "--nonsense", "--", "true"), 1, "No such option: --nonsense"),
        (("up", "--detach", "/no/such/folder", "--port", "0"), 1, "/no/such/folder does not exist"),
    ],
)
def test_what_can_not_be_run_is_said(words: tuple[str, ...], code: int, said: str) -> None:
    ran = localfaas(*words)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert said in ran.stderr


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("building it\nerror: it is wrong:\nline 2\n", "it is wrong:\nline 2"),
        ("error: it is wrong\n", "it is wrong"),
        ("Usage: …\n\nError: no\n", "Usage: …\n\nError: no"),
        ("", "the emulator ended (exit code 1)"),
    ],
)
def test_of_what_a_failed_start_has_printed_the_error_is_said(
    tmp_path: Path, printed: str, said: str
) -> None:
    (tmp_path / "log").write_text(printed)
    with subprocess.Popen(["false"]) as process, (tmp_path / "log").open("rb") as log:
        assert _why(process, log, 1.0) == said


@pytest.mark.parametrize("text", ["echo hi", "#!/no/such/shell"])
def test_a_file_that_is_no_program_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "script"
    file.write_text(text)
    file.chmod(0o755)
    ran = localfaas("run", "--", str(file))
    assert ran.returncode == 126
    assert "has it a first line like #!/bin/sh?" in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_run_is_ended(number: signal.Signals) -> None:
    code = "import os, time; print(os.environ['AWS_ENDPOINT_URL'], flush=True); time.sleep(60)"
    with subprocess.Popen(
        [*EMULATOR, "run", "--", *python(code)],
        stdout=subprocess.PIPE,
        text=True,
        # As CI has it: no terminal sends Ctrl-C to the command.
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        client = Client(running.stdout.readline().strip())
        emulator, command = _children(running.pid)
        running.send_signal(number)
        running.wait(PATIENCE_S)
        if number is signal.SIGKILL:
            os.kill(command, signal.SIGKILL)  # nobody could pass that on
    if number is not signal.SIGKILL:
        assert running.returncode == 128 + number
    until(lambda: is_gone(command) and is_gone(emulator))
    assert not client.listens()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_before_the_command_is_passed_on(number: signal.Signals) -> None:
    with _signals_passed_on() as pass_on_to:
        os.kill(os.getpid(), number)
        with subprocess.Popen(["sleep", "60"]) as process:
            pass_on_to(process)
            assert process.wait(PATIENCE_S) == -number


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started, the oldest first."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_up_returns_when_functions_can_be_called(
    greets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = str(free_port())
    endpoint = ("--endpoint", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    up = localfaas("up", "--detach", str(greets), "--port", port, "--no-watch")
    (log,) = (tmp_path / "localfaas" / "logs").iterdir()
    try:
        assert up.returncode == 0
        assert (log.name, log.read_text()) == (f"{port}.log", up.stdout)
        assert f"prints to {log}" in up.stderr
        assert f"http://localhost:{port}" in up.stdout
        assert f"`localfaas down --endpoint http://localhost:{port}` ends it" in up.stderr
        assert localfaas("invoke", "greets", *endpoint).stdout == "7\n"
        ready = localfaas("wait", "greets", "--timeout", str(PATIENCE_S), *endpoint)
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
        words = ("wait", "greets", "lost", "--timeout", "0", "--endpoint", server.url)

        def answered() -> subprocess.CompletedProcess[str] | None:
            late = localfaas(*words)
            assert late.returncode == 1
            # It looks once, for which a busy machine may take too long.
            return late if "timed out" not in late.stderr else None

        assert "there is no function lost" in until(answered).stderr
    finally:
        server.stop()
    assert not server.runs()


def test_a_server_leaves_no_file_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server = Server.start(["--empty", "--port", "0"])
    try:
        assert "Ready." in server.output()
        assert list(tmp_path.iterdir()) == []
    finally:
        server.stop()


def test_a_log_that_can_not_be_written_is_said(
    greets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "localfaas").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    up = localfaas("up", "--detach", str(greets), "--port", "0")
    assert up.returncode == 1
    assert f"can't write to {tmp_path}/localfaas/logs: " in up.stderr


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(StartFailed, match="is not in the range"):
        Server.start(["--port", "99999"])
