"""Functions under a debugger: real clients set a breakpoint, read a variable and go on."""

from __future__ import annotations

import base64
import itertools
import json
import os
import socket
import struct
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from emulator.app import Emulator
from emulator.cli.application import run as run_command
from emulator.cli.options import options_of
from emulator.model.debugging import ports
from emulator.model.errors import ConfigurationError
from emulator.settings import Settings
from tests.acceptance.conftest import free_port
from tests.acceptance.drivers import DOCKER, DRIVERS, settings
from tests.acceptance.test_languages import JAVA, classes
from tests.acceptance.test_python_start import archive
from tests.api.conftest import Running, create
from tests.needs import need
from tests.patience import PATIENCE_S, until

PYTHON = """\
def handler(event, context):
    doubled = event['n'] * 2
    return {'doubled': doubled, 'left_s': context.get_remaining_time_in_millis() / 1000}
"""
NODE = """\
exports.handler = async (event) => {
  const doubled = event.n * 2;
  return { doubled };
};
"""
STOPS = "def handler(event, context):\n    breakpoint()\n    return 'went on'\n"
DEBUGGED = ("snake", "raises", "probed", "node", "busy", "custom")
PORTS = {name: free_port() for name in (*DEBUGGED, "waiting")}


def started(on: str = "process", **fields: Any) -> Running:
    return Running(settings(on, **fields))


@pytest.fixture(scope="module", params=DRIVERS)
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = started(
        request.param,
        debug=tuple(f"{name}={PORTS[name]}" for name in DEBUGGED),
    )
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(running: Running) -> Any:
    return running.client("lambda")


def cli(running: Running, *words: str) -> int:
    return run_command([*words, "--endpoint", running.url])


def function(client: Any, name: str, code: str, file: str = "app.py", **fields: Any) -> None:
    create(
        client,
        name,
        Code={"ZipFile": archive({file: code})},
        Handler="app.handler",
        **{"Runtime": "python3.11", "Timeout": 5, **fields},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)


class Call(threading.Thread):
    """An invocation that goes on while a debugger holds it."""

    def __init__(self, client: Any, name: str) -> None:
        super().__init__(daemon=True)
        self._client, self._name = client, name
        self.result: Any = None
        self.start()

    def run(self) -> None:
        answer = self._client.invoke(FunctionName=self._name, Payload=b'{"n": 21}')
        self.result = json.loads(answer["Payload"].read())

    def answer(self) -> Any:
        self.join(PATIENCE_S)
        assert not self.is_alive(), "the call did not end"
        return self.result


def invoke(client: Any, name: str) -> Any:
    return Call(client, name).answer()


def connect(port: int) -> socket.socket:
    """Connect as soon as somebody listens."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        except ConnectionRefusedError:
            assert time.monotonic() < end, "no debugger listens"
            time.sleep(0.02)


def wait_until_nobody_listens(port: int) -> None:
    """Return once connections are refused: a container goes a moment after its last answer."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
        except ConnectionRefusedError:
            return
        assert time.monotonic() < end, "somebody listens"
        time.sleep(0.02)


class DebugAdapter:
    """A client of the Debug Adapter Protocol, as editors are."""

    def __init__(self, port: int) -> None:
        self._socket = connect(port)
        self._file = self._socket.makefile("rb")
        self._numbers = itertools.count(1)
        self._seen: list[dict[str, Any]] = []

    def send(self, command: str, **arguments: Any) -> int:
        number = next(self._numbers)
        request = {"seq": number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return number

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._file.readline().strip():
            length = int(line.split(b":")[1])
        assert length, "the debugger hung up"
        return dict(json.loads(self._file.read(length)))

    def wait(self, **wanted: Any) -> dict[str, Any]:
        """Return the first message not yet taken with these values."""
        while True:
            for message in self._seen:
                if wanted.items() <= message.items():
                    self._seen.remove(message)
                    return message
            self._seen.append(self._read())

    def ask(self, command: str, **arguments: Any) -> Any:
        answer = self.wait(type="response", request_seq=self.send(command, **arguments))
        assert answer["success"], answer
        return answer.get("body")

    def attach(self, line: int | None = None, exceptions: str = "uncaught") -> None:
        self.ask("initialize", adapterID="debugpy", clientID="test")
        attached = self.send("attach", name="test")
        self.wait(type="event", event="initialized")
        if line is not None:
            source = {"path": "/var/task/app.py"}
            self.ask("setBreakpoints", source=source, breakpoints=[{"line": line}])
        self.ask("setExceptionBreakpoints", filters=[exceptions])
        self.ask("configurationDone")
        assert self.wait(type="response", request_seq=attached)["success"]

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def test_a_python_function_stops_at_a_breakpoint_shows_a_variable_and_goes_on(client: Any) -> None:
    function(client, "snake", PYTHON)
    assert invoke(client, "snake")["doubled"] == 42
    adapter = DebugAdapter(PORTS["snake"])
    adapter.attach(line=3)
    call = Call(client, "snake")
    thread = adapter.wait(type="event", event="stopped")["body"]["threadId"]
    frame = adapter.ask("stackTrace", threadId=thread)["stackFrames"][0]
    assert (frame["name"], frame["line"]) == ("handler", 3)
    shown = adapter.ask("evaluate", expression="doubled", frameId=frame["id"], context="watch")
    assert shown["result"] == "42"
    call.join(5.5)  # longer than the function's timeout
    assert call.is_alive()
    adapter.ask("continue", threadId=thread)
    result = call.answer()
    assert result["doubled"] == 42
    assert result["left_s"] > 3600
    adapter.close()


def test_a_python_function_stops_where_an_exception_leaves_the_users_code(client: Any) -> None:
    """The bootstrap catches it: it is no uncaught one, and the bootstrap is not the user's."""
    name = "raises"
    function(client, name, "def handler(event, context):\n    raise ValueError('no')\n")
    assert invoke(client, name)["errorType"] == "ValueError"
    adapter = DebugAdapter(PORTS[name])
    adapter.attach(exceptions="userUnhandled")
    call = Call(client, name)
    stopped = adapter.wait(type="event", event="stopped")["body"]
    assert (stopped["reason"], stopped["description"]) == ("exception", "no")
    adapter.ask("continue", threadId=stopped["threadId"])
    assert call.answer()["errorType"] == "ValueError"
    adapter.close()


def test_a_debugger_attaches_after_others_have_gone_while_they_were_greeted(client: Any) -> None:
    """Such as probes of the port, which go by a reset."""
    name = "probed"
    function(client, name, PYTHON)
    assert invoke(client, name)["doubled"] == 42
    for _ in range(20):
        with connect(PORTS[name]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    adapter = DebugAdapter(PORTS[name])
    adapter.attach()
    adapter.close()


class Inspector:
    """A client of Node.js's inspector over WebSocket."""

    def __init__(self, port: int) -> None:
        connect(port).close()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            path = json.load(answer)[0]["webSocketDebuggerUrl"].partition(f":{port}")[2]
        self._socket = connect(port)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        assert b"101" in self._file.readline()
        while self._file.readline().strip():
            pass
        self._numbers = itertools.count(1)
        self._seen: list[dict[str, Any]] = []

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        body = json.dumps({"id": number, "method": method, "params": params}).encode()
        # Masked with zeros, which changes nothing.
        head = b"\x81\xfe" + len(body).to_bytes(2, "big")
        self._socket.sendall(head + bytes(4) + body)
        answer = self.wait("id", number)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _read(self) -> dict[str, Any]:
        length = self._file.read(2)[1]
        if length >= 126:
            length = int.from_bytes(self._file.read(2 if length == 126 else 8), "big")
        return dict(json.loads(self._file.read(length)))

    def wait(self, key: str, value: object) -> dict[str, Any]:
        """Return the first message not yet taken that has this."""
        while True:
            for message in self._seen:
                if message.get(key) == value:
                    self._seen.remove(message)
                    return message
            self._seen.append(self._read())

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def test_a_nodejs_function_stops_at_a_breakpoint_shows_a_variable_and_goes_on(client: Any) -> None:
    need("node")
    function(client, "node", NODE, "app.js", Runtime="nodejs20.x")
    assert invoke(client, "node") == {"doubled": 42}
    inspector = Inspector(PORTS["node"])
    inspector.ask("Debugger.enable")
    found = inspector.ask("Debugger.setBreakpointByUrl", lineNumber=2, urlRegex=".*/app\\.js$")
    assert found["locations"]
    call = Call(client, "node")
    paused = inspector.wait("method", "Debugger.paused")["params"]
    frame = paused["callFrames"][0]["callFrameId"]
    shown = inspector.ask("Debugger.evaluateOnCallFrame", callFrameId=frame, expression="doubled")
    assert shown["result"]["value"] == 42
    call.join(5.5)  # longer than the function's timeout
    assert call.is_alive()
    inspector.ask("Debugger.resume")
    assert call.answer() == {"doubled": 42}
    inspector.close()


def log(running: Running, name: str) -> str:
    found = running.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return "".join(event["message"] for event in found)


def until_said(running: Running, name: str, text: str) -> None:
    """Wait until a function's log has a text; it may be a little behind the answer."""
    until(lambda: log(running, name), lambda found: text in found)


def test_breakpoint_without_a_debugger_says_what_to_do_and_goes_on(
    running: Running, client: Any
) -> None:
    name = f"stops-{uuid.uuid4().hex[:8]}"
    function(client, name, STOPS, Timeout=60)
    assert invoke(client, name) == "went on"
    until_said(running, name, f"localfaas up --debug {name}")


@pytest.mark.slow
def test_a_debugged_function_waits_for_its_debugger_where_that_is_asked_for() -> None:
    running = started(debug=(f"waiting={PORTS['waiting']}",), debug_wait=True)
    try:
        client = running.client("lambda")
        function(client, "waiting", STOPS)
        call = Call(client, "waiting")
        adapter = DebugAdapter(PORTS["waiting"])
        adapter.attach()
        # A breakpoint() in the code stops there as well.
        thread = adapter.wait(type="event", event="stopped")["body"]["threadId"]
        frame = adapter.ask("stackTrace", threadId=thread)["stackFrames"][0]
        assert frame["name"] == "handler"
        adapter.ask("continue", threadId=thread)
        assert call.answer() == "went on"
        adapter.close()
    finally:
        running.stop()


def test_a_debugger_that_never_comes_can_be_done_without(running: Running, client: Any) -> None:
    function(client, "patient", PYTHON)
    assert invoke(client, "patient")["doubled"] == 42
    port = free_port()
    assert cli(running, "debug", "patient", "--wait", "--port", str(port)) == 0
    call = Call(client, "patient")
    until_said(running, "patient", "localfaas debug patient --off")
    assert cli(running, "debug", "patient", "--off") == 0
    assert call.answer()["doubled"] == 42


@pytest.mark.slow
def test_a_port_in_use_is_told_and_the_function_runs_without_a_debugger(
    running: Running, client: Any
) -> None:
    with socket.create_server(("127.0.0.1", PORTS["busy"])):
        function(client, "busy", PYTHON)
        assert invoke(client, "busy")["doubled"] == 42
    until_said(running, "busy", f"port {PORTS['busy']} is in use")


@pytest.mark.slow
def test_a_second_environment_runs_without_the_port(running: Running, client: Any) -> None:
    function(client, "two", PYTHON)
    port = free_port()
    assert cli(running, "debug", "two", "--port", str(port)) == 0
    assert invoke(client, "two")["doubled"] == 42
    adapter = DebugAdapter(port)
    adapter.attach(line=3)
    held = Call(client, "two")
    thread = adapter.wait(type="event", event="stopped")["body"]["threadId"]
    assert invoke(client, "two")["doubled"] == 42
    until_said(running, "two", f"port {port} is in use")
    adapter.ask("continue", threadId=thread)
    assert held.answer()["doubled"] == 42
    adapter.close()
    assert cli(running, "debug", "two", "--off") == 0


@pytest.mark.parametrize("given", ["=1", "a=", "a=x", "a=0", "a=65536"])
def test_what_names_no_function_and_port_is_refused(given: str) -> None:
    debug = next(each for each in options_of(Settings) if each.name == "debug")
    with pytest.raises(typer.BadParameter, match="NAME=PORT"):
        debug.value([given])


def test_functions_without_a_port_get_the_first_that_are_free() -> None:
    found = ports(["a", "b=5678", "c"], wait=False)
    assert {name: each.port for name, each in found.items()} == {"a": 5679, "b": 5678, "c": 5680}


def test_a_runtime_without_a_debugger_says_so(running: Running, client: Any) -> None:
    code = archive({"bootstrap": "#!/bin/sh\nexit 1\n"})
    create(client, "custom", Code={"ZipFile": code}, Runtime="provided.al2023", Handler="x")
    client.get_waiter("function_active_v2").wait(FunctionName="custom")
    client.invoke(FunctionName="custom")["Payload"].read()
    until_said(running, "custom", "no debugger for provided.al2023")


def test_a_debugger_is_let_in_and_shut_out_while_the_function_runs(
    running: Running, client: Any, capsys: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    port = free_port()
    function(client, "later", PYTHON, Timeout=60)
    assert invoke(client, "later")["doubled"] == 42
    assert cli(running, "debug", "later", "--port", str(port)) == 0
    assert "no debugger can attach" not in capsys.readouterr().err
    call = Call(client, "later")
    connect(port).close()
    assert call.answer()["doubled"] == 42
    assert cli(running, "debug", "--vscode", "--write") == 0
    written = json.loads((tmp_path / ".vscode/launch.json").read_text())["configurations"]
    own = next(each for each in written if each["name"] == "localfaas: later")
    assert own["connect"] == {"host": "127.0.0.1", "port": port}
    (mapping,) = own["pathMappings"]
    assert mapping["remoteRoot"] in ("/var/task", mapping["localRoot"])
    assert "Python Debug Server" in capsys.readouterr().err
    assert cli(running, "debug", "later", "--off") == 0
    assert invoke(client, "later")["doubled"] == 42
    wait_until_nobody_listens(port)


def test_what_can_not_be_debugged_is_refused(running: Running, client: Any, capsys: Any) -> None:
    assert cli(running, "debug", "nobody") == 1
    assert "There is no function nobody" in capsys.readouterr().err
    function(client, "shell", "", Runtime="provided.al2023")
    assert cli(running, "debug", "shell") == 1
    assert "There is no debugger for provided.al2023" in capsys.readouterr().err
    function(client, "free", PYTHON)
    assert cli(running, "debug", "free", "--port", str(PORTS["node"])) == 1
    assert f"The debugger of node has port {PORTS['node']}" in capsys.readouterr().err


@pytest.mark.parametrize("running", ["process"], indirect=True)
def test_java_opens_a_port_for_jdwp(running: Running, client: Any, tmp_path: Path) -> None:
    code = {"ZipFile": classes(tmp_path, Hello=JAVA)}
    own = {"Variables": {"OWN": "mine"}}
    fields = {"Handler": "Hello::handle", "Timeout": 60, "MemorySize": 512, "Environment": own}
    create(client, "java", Runtime="java17", Code=code, **fields)
    port = free_port()
    assert cli(running, "debug", "java", "--port", str(port)) == 0
    assert invoke(client, "java")["own"] == "mine"
    with connect(port) as debugger:
        debugger.sendall(b"JDWP-Handshake")
        assert debugger.recv(14, socket.MSG_WAITALL) == b"JDWP-Handshake"
    assert cli(running, "debug", "java", "--off") == 0


def test_pods_have_no_debugger_and_say_so() -> None:
    with pytest.raises(ConfigurationError, match="--driver process or docker"):
        Emulator(Settings(port=0, driver="kubernetes", debug=("snake",)))


@pytest.mark.parametrize("running", [DOCKER], indirect=True)
def test_java_has_no_debugger_in_containers_and_says_so(
    running: Running, client: Any, capsys: Any
) -> None:
    create(client, "coffee", Runtime="java17", Handler="A::b")
    assert cli(running, "debug", "coffee") == 1
    said = capsys.readouterr().err
    assert "There is no debugger for java17 with the docker driver" in said
