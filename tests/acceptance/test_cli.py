"""The commands against a running ``localfaas up``, as a user types them."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import boto3
import pytest

from tests.acceptance.drivers import DRIVERS, options
from tests.needs import need
from tests.patience import PATIENCE_S, until

from .conftest import free_port

TEMPLATE = """
Resources:
  hello:
    Type: AWS::Serverless::Function
    Properties:
      {{FunctionName: hello, CodeUri: hello, Handler: app.handler, Runtime: {runtime},
        VpcConfig: {{SubnetIds: [subnet-1], SecurityGroupIds: [sg-1]}}, Timeout: 300}}
  fails:
    Type: AWS::Serverless::Function
    Properties: {{FunctionName: fails, CodeUri: fails, Handler: app.handler, Runtime: {runtime}}}
"""
#: Where it is given a port, it waits for a byte from there.
HELLO = """
import socket
def handler(event, context):
    print("got", event)
    if "gate" in event:
        socket.create_connection(("127.0.0.1", event["gate"])).recv(1)
    return {value!r}
"""
FAILS = "def handler(event, context):\n    raise ValueError('no')\n"
RUNTIME = f"python3.{sys.version_info.minor}"


def _heed_interrupts() -> None:
    """Undo what shells do to what they run in the background, these tests perhaps."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Session:
    """A running ``localfaas up`` whose output is read, and commands against it."""

    def __init__(self, folder: Path, *options: str, **environ: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "emulator", "up", str(folder), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, *options],
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out, self.err = [], []  # type: list[str], list[str]
        self._told = threading.Condition()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()
        try:
            self.until("curl")
        except AssertionError:
            self.end()
            raise

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            with self._told:
                lines.append(line.rstrip("\n"))
                self._told.notify_all()

    def until(self, text: str, *, stderr: bool = False) -> str:
        """Wait for a line with ``text`` and return it."""
        lines = self.err if stderr else self.out
        with self._told:
            assert self._told.wait_for(
                lambda: any(text in line for line in lines) or self.process.poll() is not None,
                PATIENCE_S,
            ), f"no {text!r} in {lines}"
            found = [line for line in lines if text in line]
        assert found, f"ended without {text!r}: {self.err}"
        return found[0]

    def run(
        self, *words: str, stdin: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "emulator", *words],
            env={
                **os.environ,
                "LOCALFAAS_ENDPOINT": f"http://127.0.0.1:{self.port}",
                **(env or {}),
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command; it is killed if it still runs at the end."""
        with subprocess.Popen(
            [sys.executable, "-m", "emulator", *words],
            env={**os.environ, "LOCALFAAS_ENDPOINT": f"http://127.0.0.1:{self.port}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heed_interrupts,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()


def write(folder: Path) -> Path:
    for name, code in (("hello", HELLO.format(value="first")), ("fails", FAILS)):
        (folder / name).mkdir()
        (folder / name / "app.py").write_text(code)
    (folder / "template.yaml").write_text(TEMPLATE.format(runtime=RUNTIME))
    return folder


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    session = Session(write(tmp_path_factory.mktemp("functions")))
    yield session
    session.end()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Session]:
    """A session of the test's own, which it may end; its folder is ``tmp_path``."""
    session = Session(write(tmp_path))
    yield session
    session.end()


def test_up_says_where_what_and_how(session: Session) -> None:
    text = "\n".join(session.out)
    assert f"http://localhost:{session.port}" in text
    assert "hello" in text
    assert f"curl -d '{{}}' http://localhost:{session.port}/2015-03-31/functions/hello/" in text
    assert session.until("hello: VpcConfig is not acted on", stderr=True)


def test_up_prints_an_aws_command_that_works_as_it_stands(session: Session) -> None:
    """Nothing of AWS is configured where a newcomer pastes it."""
    command = session.until("aws lambda invoke").replace(" /dev/stdout", " /dev/null")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "awscli", *command.split()[1:]],
        env={**environ, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_up_says_which_queue_feeds_what(tmp_path: Path) -> None:
    path = write(tmp_path)
    template = path / "template.yaml" if path.is_dir() else path
    # Longer invisible than a call may take, as AWS wants it.
    queue = "  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 300}}\n"
    feeds = "{FunctionName: hello, EventSourceArn: !GetAtt Jobs.Arn}"
    mapping = f"  Feeds: {{Type: AWS::Lambda::EventSourceMapping, Properties: {feeds}}}\n"
    template.write_text(template.read_text().rstrip() + f"\n{queue}{mapping}")
    session = Session(path)
    try:
        assert session.until("QUEUE").split() == ["QUEUE", "FEEDS"]
        assert session.until("Jobs").split() == ["Jobs", "hello"]
    finally:
        session.end()


def test_the_printed_curl_line_works(session: Session) -> None:
    need("curl")
    line = session.until("curl")
    done = subprocess.run(
        line, shell=True, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert json.loads(done.stdout) == "first"


@pytest.mark.parametrize("how", ["text", "file", "path", "stdin"])
def test_invoke_takes_events_four_ways(session: Session, how: str, tmp_path: Path) -> None:
    event = json.dumps({"how": how, "ünïcode": "日本"}, ensure_ascii=False)
    (tmp_path / "event.json").write_text(event)
    file = str(tmp_path / "event.json")
    word = {"text": event, "file": f"@{file}", "path": file, "stdin": "-"}[how]
    done = session.run("invoke", "hello", "-e", word, "--tail", stdin=event)
    assert (done.returncode, json.loads(done.stdout)) == (0, "first")
    assert f"got {json.loads(event)}" in done.stderr
    assert "REPORT RequestId" in done.stderr


def test_invoke_of_a_function_that_fails(session: Session) -> None:
    done = session.run("invoke", "fails")
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "ValueError"
    assert done.stderr == "error: the function failed (Unhandled)\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "ResourceNotFoundException: Function not found"),
        (["hello", "-e", "{"], "the event is not valid JSON"),
        (["hello", "-e", "hello/evnt.json"], "neither JSON nor a file that exists"),
        (["hello", "-e", "@/nowhere"], "can't read /nowhere: No such file"),
        (["../x"], "error: "),
        (["hello", "--region", "eu-west-1"], "eu-west-1:000000000000:function:hello"),
    ],
)
def test_invoke_errors_are_aws_own(session: Session, words: list[str], said: str) -> None:
    done = session.run("invoke", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_invoke_async_is_logged_in_up(session: Session) -> None:
    done = session.run("invoke", "hello", "--async", "-e", '{"mark": "asynchronous"}')
    assert (done.returncode, done.stdout) == (0, "")
    assert "accepted as" in done.stderr
    assert session.until("asynchronous") == "hello | got {'mark': 'asynchronous'}"


def test_ps_functions_and_logs(session: Session) -> None:
    session.run("invoke", "hello", "-e", '{"mark": "listed"}')
    header, *rows = session.run("ps", "hello").stdout.splitlines()
    assert header.split()[:4] == ["ENVIRONMENT", "FUNCTION", "STATE", "AGE"]
    assert any("ready" in row for row in rows)
    environments = json.loads(session.run("ps", "--json").stdout)
    used = next(each for each in environments if each["function"] == "hello")
    assert used["invokes"] >= 1
    assert used["memory"] > 0
    assert "Vpc" in session.run("functions").stdout
    listed = json.loads(session.run("functions", "--json").stdout)
    assert [each["name"] for each in listed] == ["fails", "hello"]
    assert "hello | got {'mark': 'listed'}" in session.run("logs", "hello").stdout
    assert json.loads(session.run("logs", "--json", "-n", "1").stdout)[0]["sequence"] > 0


def test_a_url_is_printed_whole_and_works_and_stays(own: Session, tmp_path: Path) -> None:
    assert own.run("url", "hello").returncode == 1
    assert "create-function-url-config" in own.run("url", "hello").stderr
    assert "there is no function nosuch" in own.run("url", "nosuch").stderr

    template = tmp_path / "template.yaml"
    template.write_text(
        template.read_text().replace(
            "FunctionName: hello,", "FunctionName: hello, FunctionUrlConfig: {AuthType: NONE},"
        )
    )
    own.until("added helloUrl, AWS::Lambda::Url (template.yaml changed)")
    url = until(lambda: own.run("url", "hello").stdout.strip())
    assert re.fullmatch(
        rf"http://[a-z0-9]{{32}}\.lambda-url\.us-east-1\.localhost:{own.port}/", url
    )
    (by_path,) = own.run("url", "hello", "--path").stdout.split()
    with urllib.request.urlopen(by_path, timeout=PATIENCE_S) as answer:
        assert answer.read() == b"first"
    arn = "arn:aws:lambda:us-east-1:000000000000:function:hello"
    (described,) = json.loads(own.run("url", arn, "--json").stdout)
    assert (described["url"], described["qualifier"]) == (url, "$LATEST")
    assert url in own.run("functions").stdout

    own.end()
    again = Session(tmp_path)
    try:
        restarted = again.run("url", "hello").stdout.strip()
        assert restarted == url.replace(str(own.port), str(again.port))
        assert restarted in "\n".join(again.out)
    finally:
        again.end()


def test_ps_of_nothing_says_of_what(session: Session) -> None:
    done = session.run("ps", "nosuch")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no environments of a function nosuch" in done.stderr


def test_runtimes_need_an_engine_and_say_how_to_have_one(session: Session, tmp_path: Path) -> None:
    for words in (("list",), ("build", "python3.12")):
        done = session.run("runtimes", *words, env={"DOCKER_HOST": f"unix://{tmp_path}/none"})
        assert (done.returncode, done.stdout) == (1, "")
        assert f"no Docker engine answers at unix://{tmp_path}/none" in done.stderr
        assert "start that engine, or unset DOCKER_HOST" in done.stderr


def test_logs_of_nothing_say_so(session: Session) -> None:
    done = session.run("logs", "nosuch")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no lines of a function nosuch" in done.stderr


def test_logs_are_followed(session: Session) -> None:
    session.run("invoke", "hello", "-e", '{"mark": "past"}')
    with session.started("logs", "hello", "-f") as following:
        assert following.stdout is not None
        assert any("past" in line for line in following.stdout)
        session.run("invoke", "hello", "-e", '{"mark": "live"}')
        assert any("live" in line for line in following.stdout)
        following.send_signal(signal.SIGINT)
        assert following.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("profile", [{}, {"AWS_PROFILE": "none", "AWS_DEFAULT_PROFILE": "such"}])
def test_env_makes_the_aws_cli_work(
    session: Session, tmp_path: Path, profile: dict[str, str]
) -> None:
    exports = session.run("env", env=profile).stdout
    aws = f"{sys.executable} -m awscli lambda invoke --function-name hello {tmp_path}/out"
    subprocess.run(
        ["sh", "-ec", exports + aws],
        env={**os.environ, **profile},
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
    )
    assert json.loads((tmp_path / "out").read_text()) == "first"


def on_a_terminal(session: Session, width: int, *words: str) -> str:
    """Run a command on a terminal of so many columns; return what it shows."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environ = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    environ |= {"LOCALFAAS_ENDPOINT": f"http://127.0.0.1:{session.port}"}
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "emulator", *words],
            env=environ,
            stdin=follower,
            stdout=follower,
            stderr=follower,
        ) as process:
            os.close(follower)
            shown = b""
            with suppress(OSError):  # how the end of a terminal is told
                while part := os.read(leader, 65536):
                    shown += part
            assert process.wait(PATIENCE_S) == 0
    finally:
        os.close(leader)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("width", [80, 60])
def test_nothing_runs_over_the_edge_of_a_terminal(session: Session, width: int) -> None:
    session.run("invoke", "hello", "-e", '{"mark": "narrow"}')
    session.run("invoke", "hello", "--async")
    for words, says in (
        (("functions",), "Vpc"),
        (("ps",), "ready"),
        (("logs", "hello"), "Billed Duration"),
        (("invoke", "hello", "--tail"), "Billed Duration"),
        (("events",), "failed"),
        (("queue", "list"), "queues"),
        (("--help",), "invoke"),
        (("up", "--help"), "--idle-timeout"),
    ):
        shown = re.sub(r"\x1b\[\d+m", "", on_a_terminal(session, width, *words))
        assert says in shown, words
        # What a function prints is its own: it is not wrapped, so that it can be copied.
        lines = [line for line in shown.splitlines() if "got {" not in line]
        assert [line for line in lines if len(line) > width] == [], words


def test_the_platforms_lines_look_unlike_the_functions_own(session: Session) -> None:
    shown = on_a_terminal(session, 80, "invoke", "hello", "--tail")
    first, *_, last = shown.splitlines()
    assert first.startswith("\x1b[2mSTART RequestId: ")
    assert "\ngot {}" in shown
    assert last == '"first"'
    assert "\x1b[2m" not in session.run("invoke", "hello", "--tail").stderr


def test_doctor_finds_the_running_emulator(session: Session) -> None:
    done = session.run("doctor", "--json")
    assert done.returncode == 0, done.stderr
    findings = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert "runs at" in findings[f"port {session.port}"]["detail"]
    assert {"Python", "Docker"} <= findings.keys()
    told = findings.keys() | {finding["detail"] for finding in json.loads(done.stdout)}
    for what in ("namespaces", "control groups"):
        assert any(subject == what or subject.startswith(f"No {what}") for subject in told)


def test_a_port_in_use_is_a_clear_error(session: Session, tmp_path: Path) -> None:
    done = session.run("up", "--port", str(session.port), env={"PWD": str(tmp_path)})
    assert done.returncode == 1
    assert "can't listen on" in done.stderr
    assert "with --port or LOCALFAAS_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_refused_is_not_said_to_be_taken(session: Session) -> None:
    done = session.run("up", "--host", "192.0.2.1", "--port", "0")
    assert done.returncode == 1
    assert "can't listen on 192.0.2.1" in done.stderr
    assert "another emulator" not in done.stderr
    assert "--host" in done.stderr


def test_a_state_folder_that_is_none_is_a_clear_error(session: Session, tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    done = session.run("up", "--state", str(tmp_path / "state"), "--port", "0")
    assert done.returncode == 1
    assert "can't keep state in" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("link", [False, True])
def test_a_state_folder_may_be_named_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: bool
) -> None:
    (tmp_path / "real").mkdir()
    if link:
        (tmp_path / "state").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        file.writestr(entry, HELLO.format(value="from the archive"))
    session = Session(write(tmp_path), "--state", "state")
    try:
        boto3.client(
            "lambda",
            endpoint_url=f"http://127.0.0.1:{session.port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        ).create_function(
            FunctionName="made",
            Runtime=RUNTIME,
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/any",
            Code={"ZipFile": archive.getvalue()},
        )
        done = session.run("invoke", "made")
        assert json.loads(done.stdout) == "from the archive"
    finally:
        session.end()


def test_a_runtime_that_is_not_served_is_noted_once(tmp_path: Path) -> None:
    (tmp_path / "ghost").mkdir()
    (tmp_path / "template.yaml").write_text(
        "Resources:\n  Ghost:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: ghost, Handler: a.b, Runtime: custom}\n"
    )
    session = Session(tmp_path)
    try:
        session.until("cannot run custom", stderr=True)
        assert session.run("functions").returncode == 0
        session.run("down")
        assert session.process.wait(PATIENCE_S) == 0
    finally:
        session.end()
    assert sum("cannot run custom" in line for line in session.err) == 1


def test_a_folder_without_functions_is_a_clear_error(session: Session, tmp_path: Path) -> None:
    done = session.run("up", str(tmp_path), "--port", "0")
    assert done.returncode == 1
    assert "holds no function" in done.stderr
    assert "Without PATH, the emulator starts empty" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_change_is_served_by_the_next_call(own: Session, tmp_path: Path) -> None:
    assert json.loads(own.run("invoke", "hello").stdout) == "first"
    (tmp_path / "hello" / "app.py").write_text(HELLO.format(value="second"))
    assert own.until("reloaded hello") == "reloaded hello (app.py changed)"
    assert json.loads(own.run("invoke", "hello").stdout) == "second"


def test_output_that_goes_into_a_functions_folder_is_no_change(tmp_path: Path) -> None:
    log, port = write(tmp_path) / "hello" / "up.log", free_port()
    command = [sys.executable, "-m", "emulator", "up", str(tmp_path), "--port", str(port)]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:

        def invoke() -> Any:
            words = [sys.executable, "-m", "emulator", "invoke", "hello"]
            environ = {**os.environ, "LOCALFAAS_ENDPOINT": f"http://127.0.0.1:{port}"}
            done = subprocess.run(words, env=environ, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done

        try:
            until(lambda: "aws lambda invoke" in log.read_text())
            assert json.loads(invoke().stdout) == "first"
            (tmp_path / "hello" / "app.py").write_text(HELLO.format(value="second"))
            until(lambda: "reloaded hello" in log.read_text())
            assert json.loads(invoke().stdout) == "second"
        finally:
            process.terminate()
    told = [line for line in log.read_text().splitlines() if "reloaded" in line]
    assert told == ["reloaded hello (app.py changed)"]


@contextmanager
def calling(session: Session) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """Have a call go on until it is sent a byte by the socket."""
    with socket.create_server(("127.0.0.1", 0)) as gate:
        gate.settimeout(PATIENCE_S)
        event = json.dumps({"gate": gate.getsockname()[1]})
        with session.started("invoke", "hello", "-e", event) as call:
            function, _ = gate.accept()
            with function:
                yield call, function


def test_down_lets_calls_finish(own: Session) -> None:
    with calling(own) as (call, function), own.started("down") as ending:
        assert ending.stderr is not None
        assert ending.stderr.readline() == (
            "note: waiting up to 30 s for 1 call in flight; Ctrl-C does not wait\n"
        )
        function.sendall(b".")
        assert ending.communicate(timeout=PATIENCE_S)[1] == "ended\n"
        assert ending.returncode == 0
        assert own.process.poll() == 0, "it is gone when the command returns"
        assert json.loads(call.communicate(timeout=PATIENCE_S)[0]) == "first"
    assert own.run("down").returncode == 1


def test_ctrl_c_lets_down_wait_no_longer(own: Session) -> None:
    with calling(own) as (call, _), own.started("down") as ending:
        assert ending.stderr is not None
        assert "waiting up to 30 s" in ending.stderr.readline()
        ending.send_signal(signal.SIGINT)
        assert ending.communicate(timeout=PATIENCE_S)[1] == "ended\n"
        assert ending.returncode == 0
        assert own.process.poll() == 0
        assert call.wait(PATIENCE_S) == 1, "the call was ended"


@pytest.mark.parametrize("driver", DRIVERS)
def test_down_leaves_nothing(driver: str, tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    folder = write(tmp_path / "functions")
    label = f"of={uuid.uuid4().hex}"
    own = [*options(driver), "--docker-label", label, "--state", str(tmp_path / "state")]
    for _ in range(2):  # the second start needs the state folder to be unlocked
        session = Session(folder, *own)
        try:
            assert session.run("invoke", "hello").returncode == 0
            assert session.run("down").returncode == 0
            assert session.process.poll() == 0, "the process is gone"
            with socket.create_server(("127.0.0.1", session.port)):
                pass  # the port is free
            if driver == "docker":
                find = ["docker", "ps", "--all", "--quiet", "--filter", f"label={label}"]
                assert subprocess.check_output(find, text=True) == "", "no container is left"
        finally:
            session.end()


def test_a_closed_terminal_ends_it_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "temporary").mkdir()
    # Under nohup the signal is ignored, also by what is started here.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        session = Session(write(tmp_path / "functions"), TMPDIR=str(tmp_path / "temporary"))
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        session.process.send_signal(signal.SIGHUP)
        assert session.process.wait(PATIENCE_S) == 0
    finally:
        session.end()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_second_signal_is_immediate(own: Session) -> None:
    with calling(own) as (call, _):
        own.process.send_signal(signal.SIGINT)
        own.until("ending when the calls in flight have")
        own.process.send_signal(signal.SIGINT)
        assert own.process.wait(PATIENCE_S) == 0
        assert call.wait(PATIENCE_S) == 1
