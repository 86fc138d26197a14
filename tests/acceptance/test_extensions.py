"""Extensions beside a function: their life, what they hear, and how their failures show (E1)."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from emulator.model.causes import StopCause
from emulator.pool.extensions import group
from emulator.pool.extensions.members import Refused
from emulator.pool.extensions.subscriptions import read
from tests.acceptance.drivers import DRIVERS, KUBERNETES, in_cluster, settings
from tests.acceptance.test_python_start import archive
from tests.api.conftest import Running, create
from tests.contract.pods import pods
from tests.patience import PATIENCE_S, until

__all__ = ["pods"]

HANDLER = "def handler(event, context):\n    return {'id': context.aws_request_id}\n"
#: The start of an extension in Python: it registers, then ``next`` returns each event.
CLIENT = """\
#!/usr/bin/env python3
import http.client, json, os, sys
host = os.environ["AWS_LAMBDA_RUNTIME_API"]
def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(host)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body and json.dumps(body), names)
    answer = connection.getresponse()
    return answer, answer.read()
BASE = "/2020-01-01/extension/"
def register(*events, name=os.path.basename(sys.argv[0]), **headers):
    answer, body = call("POST", BASE + "register", {"events": events},
                        Lambda_Extension_Name=name, **headers)
    assert answer.status == 200, body
    return answer.headers["Lambda-Extension-Identifier"], json.loads(body)
def next_event(me):
    answer, body = call("GET", BASE + "event/next", Lambda_Extension_Identifier=me)
    assert answer.status == 200, body
    return json.loads(body)
def say(*words):
    # In one piece: an invocation that ends meanwhile ends the line, too.
    print(" ".join(map(str, words)) + "\\n", end="", flush=True)
"""


@pytest.fixture(scope="module", params=[*DRIVERS, KUBERNETES])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    if request.param == "kubernetes":
        pods = request.getfixturevalue("pods")
        if not pods.advertise:
            pytest.skip("pods have no way to this machine")
        with in_cluster(pods) as (in_pods, _):
            running = Running(in_pods)
            yield running
            running.stop()
        return
    running = Running(settings(request.param))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(running: Running) -> Any:
    return running.client("lambda")


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give shutdowns the time that a busy machine takes; unit tests count its seconds."""
    monkeypatch.setattr(group, "SHUTDOWN_S", PATIENCE_S)
    monkeypatch.setattr(group, "INTERNAL_SHUTDOWN_S", PATIENCE_S)


def layer(client: Any, **programs: str) -> str:
    """Publish a layer with these extensions; returns its ARN."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, text in programs.items():
            info = zipfile.ZipInfo(f"extensions/{name}")
            info.external_attr = 0o755 << 16
            file.writestr(info, CLIENT + text)
    name = f"layer-{uuid.uuid4().hex[:8]}"
    made = client.publish_layer_version(LayerName=name, Content={"ZipFile": packed.getvalue()})
    return str(made["LayerVersionArn"])


def function(client: Any, *layers: str, code: str = HANDLER, **fields: Any) -> str:
    name = f"extended-{uuid.uuid4().hex[:8]}"
    create(
        client,
        name,
        Code={"ZipFile": archive({"app.py": code})},
        Handler="app.handler",
        Runtime="python3.12",
        Layers=list(layers),
        **{"Timeout": 60, "MemorySize": 512, **fields},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def invoke(client: Any, name: str, **fields: Any) -> tuple[Any, str]:
    """Return the payload, and the error if there is one."""
    result = client.invoke(FunctionName=name, **fields)
    return json.loads(result["Payload"].read()), result.get("FunctionError", "")


def lines(running: Running, name: str) -> list[str]:
    logs = running.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return [event["message"].rstrip("\n") for event in events]


def log(running: Running, name: str, until: Callable[[list[str]], object]) -> list[str]:
    """Return the log once it is as it should be."""
    deadline = time.monotonic() + PATIENCE_S
    while not until(found := lines(running, name)):
        assert time.monotonic() < deadline, "\n".join(found)
        time.sleep(0.02)
    return found


def evict(running: Running, name: str) -> None:
    """End the idle environments of a function."""

    async def stop() -> None:
        for each in list(running.emulator.pools.environments.values()):
            if each.version.name == name:
                each.stop(StopCause.EVICTED)

    running.call(stop)


def wait_until_gone(running: Running, name: str) -> None:
    """Wait until nothing is left of a function's environments."""

    async def wait() -> None:
        for each in list(running.emulator.pools.environments.values()):
            if each.version.name == name and each.stopping is not None:
                await each.stopping

    running.call(wait)


OBSERVER = """
me, told = register("INVOKE", "SHUTDOWN", Lambda_Extension_Accept_Feature="accountId")
say("EXT registered", json.dumps(told, sort_keys=True), os.getcwd(), "_HANDLER" in os.environ)
while True:
    event = next_event(me)
    if event["eventType"] == "INVOKE":
        say("EXT event INVOKE", event["requestId"], event["tracing"]["type"])
    else:
        say("EXT event SHUTDOWN", event["shutdownReason"])
        break
"""


@pytest.mark.usefixtures("unhurried")
def test_an_extension_gets_an_event_of_each_invocation_and_of_the_end(
    running: Running, client: Any
) -> None:
    name = function(client, layer(client, myext=OBSERVER))
    first, _ = invoke(client, name)
    second, _ = invoke(client, name)
    events = {f"EXT event INVOKE {each['id']} X-Amzn-Trace-Id" for each in (first, second)}
    found = log(running, name, lambda found: events <= {*found})
    assert "EXTENSION\tName: myext\tState: Ready\tEvents: [INVOKE,SHUTDOWN]" in found
    told = {
        "accountId": "000000000000",
        "functionName": name,
        "functionVersion": "$LATEST",
        "handler": "app.handler",
    }
    assert f"EXT registered {json.dumps(told, sort_keys=True)} / False" in found
    started = [line for line in found if line.startswith("START ")]
    assert len(started) == 2
    evict(running, name)
    log(running, name, lambda found: "EXT event SHUTDOWN spindown" in found)


def test_the_runtime_starts_when_all_extensions_have_registered(
    running: Running, client: Any
) -> None:
    # By the clocks of those who act: the lines of two come as they come.
    slow = (
        "import time; time.sleep(0.3)\nat = time.time()\n"
        "me, _ = register()\nsay('there', at)\nnext_event(me)\n"
    )
    code = "import time\nprint('module', time.time(), flush=True)\n" + HANDLER
    name = function(client, layer(client, slow=slow, quick=OBSERVER), code=code)
    invoke(client, name)
    found = log(running, name, lambda found: {"there", "module"} <= {*" ".join(found).split()})
    (there,) = (line.split()[-1] for line in found if "there" in line)
    (module,) = (line.split()[-1] for line in found if line.startswith("module"))
    assert float(there) < float(module)
    assert "EXTENSION\tName: slow\tState: Ready\tEvents: []" in found
    timeline = running.emulator.timeline
    assert timeline is not None
    (environment,) = (
        each for each in timeline.history.environments.values() if each.version.function == name
    )
    phases = [each.name for each in environment.phases]
    assert phases[: phases.index("init") + 1] == ["code", "boot", "extensions", "init"]
    (extensions,) = (each for each in environment.phases if each.name == "extensions")
    assert extensions.detail == "quick, slow"
    assert extensions.end is not None
    assert float(there) < extensions.end


CRASH = "me, _ = register('INVOKE')\nsys.exit(3)\n"


def test_an_extension_that_ends_in_init_fails_the_invocation(running: Running, client: Any) -> None:
    name = function(client, layer(client, crash=CRASH))
    answer, error = invoke(client, name)
    assert (error, answer.get("errorType")) == ("Unhandled", "Extension.Crash"), answer
    assert re.fullmatch(r"RequestId: [0-9a-f-]{36} Error: exit status 3", answer["errorMessage"]), (
        answer
    )
    found = log(running, name, lambda found: any("REPORT Req" in line for line in found))
    assert any(line.startswith("EXTENSION\tName: crash\tState: Exited") for line in found), found
    assert any("INIT_REPORT" in line and "Extension.Crash" in line for line in found)


def test_an_extension_may_say_why_it_can_t_initialise(running: Running, client: Any) -> None:
    text = (
        "me, _ = register('INVOKE')\n"
        "call('POST', BASE + 'init/error', {}, Lambda_Extension_Identifier=me,"
        " Lambda_Extension_Function_Error_Type='Extension.NoKey')\n"
    )
    name = function(client, layer(client, refuses=text))
    answer, _ = invoke(client, name)
    assert answer.get("errorType") == "Extension.InitError", answer
    assert answer["errorMessage"].endswith(" Error: exit code 0"), answer
    expected = "EXTENSION\tName: refuses\tState: InitError\tEvents: [INVOKE]\tError Type: "
    assert expected + "Extension.NoKey" in lines(running, name)


@pytest.mark.parametrize(
    ("text", "mode", "why", "word"),
    [
        ("#!/no/such/interpreter\n", 0o755, "no such file", "UnknownError"),
        ("#!/bin/sh\n", 0o644, "permission denied", "PermissionDenied"),
    ],
)
def test_an_extension_that_can_t_be_executed_is_named(
    running: Running, client: Any, text: str, mode: int, why: str, word: str
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        info = zipfile.ZipInfo("extensions/broken")
        info.external_attr = mode << 16
        file.writestr(info, text)
    made = client.publish_layer_version(
        LayerName=f"broken-{uuid.uuid4().hex[:8]}", Content={"ZipFile": packed.getvalue()}
    )
    name = function(client, made["LayerVersionArn"])
    answer, _ = invoke(client, name)
    assert answer.get("errorType") == "Extension.LaunchError", answer
    assert f"fork/exec /opt/extensions/broken: {why}" in answer["errorMessage"]
    expected = "EXTENSION\tName: broken\tState: LaunchError\tEvents: []\tError Type: "
    assert expected + word in lines(running, name)


@pytest.mark.parametrize(("count", "error"), [(10, ""), (11, "Extension.LaunchError")])
def test_ten_extensions_are_the_most(running: Running, client: Any, count: int, error: str) -> None:
    text = "me, _ = register('INVOKE')\nwhile True: next_event(me)\n"
    named = {f"number{index:02}": text for index in range(count)}
    name = function(client, layer(client, **named), Timeout=60)
    answer, _ = invoke(client, name)
    assert answer.get("errorType", "") == error, answer
    told = (
        "EXTENSION\tName: number10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions"
    )
    assert (told in lines(running, name)) == bool(error)


def test_one_that_hangs_in_shutdown_is_ended_after_two_seconds(
    running: Running, client: Any
) -> None:
    text = "import time\nme, _ = register('SHUTDOWN')\nnext_event(me)\ntime.sleep(600)\n"
    name = function(client, layer(client, hangs=text))
    invoke(client, name)
    began = time.monotonic()
    evict(running, name)
    wait_until_gone(running, name)
    assert 1.5 < time.monotonic() - began < PATIENCE_S


@pytest.mark.usefixtures("unhurried")
def test_a_time_out_is_the_reason_of_shutdown(running: Running, client: Any) -> None:
    code = (
        "import time\ndef handler(event, context):\n    time.sleep(event['s'])\n    return 'ok'\n"
    )
    name = function(client, layer(client, myext=OBSERVER), code=code, Timeout=1)
    answer, _ = invoke(client, name, Payload=b'{"s": 5}')
    assert "Task timed out after 1.00 seconds" in answer.get("errorMessage", ""), answer
    log(running, name, lambda found: "EXT event SHUTDOWN timeout" in found)


def test_the_environment_is_free_when_its_extensions_are(running: Running, client: Any) -> None:
    slow = "import time\nme, _ = register('INVOKE')\n" + (
        "while True:\n    event = next_event(me)\n    time.sleep(0.2)\n"
        "    say('done', event['requestId'], time.time())\n"
    )
    code = (
        "import time\ndef handler(event, context):\n"
        "    return {'id': context.aws_request_id, 'at': time.time(),"
        " 'in': context.log_stream_name}\n"
    )
    name = function(client, layer(client, slow=slow), code=code)
    calls: dict[str, list[Any]] = {}

    def call() -> list[Any]:
        """Return the calls of the environment that has taken another one."""
        answer, _ = invoke(client, name)
        in_one = calls.setdefault(answer["in"], [])
        in_one.append(answer)
        return in_one

    # The order holds within one environment.
    in_one = until(call, lambda in_one: len(in_one) == 3)
    found = log(running, name, lambda found: f"done {in_one[2]['id']}" in str(found))
    done = dict(line.split()[1:] for line in found if line.startswith("done "))
    for before, after in pairwise(in_one):
        assert float(done[before["id"]]) < after["at"], (in_one, found)


INTERNAL = (
    CLIENT.replace("os.path.basename(sys.argv[0])", "'inner'")
    + """
import signal, threading
def last(number, frame):
    say("SIGTERM")
    sys.exit(0)
signal.signal(signal.SIGTERM, last)
me, _ = register("INVOKE")
def listen():
    while True:
        say("inner", next_event(me)["requestId"])
threading.Thread(target=listen, daemon=True).start()
"""
    + HANDLER
)


@pytest.mark.usefixtures("unhurried")
def test_an_internal_extension_registers_and_the_runtime_gets_sigterm(
    running: Running, client: Any
) -> None:
    name = function(client, code=INTERNAL)
    first, _ = invoke(client, name)
    log(running, name, lambda found: f"inner {first['id']}" in found)
    evict(running, name)
    log(running, name, lambda found: "SIGTERM" in found)


SUBSCRIBER = """
import http.server, threading
import socketserver
KIND = {kind!r}
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        got = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        tell(got)
    def log_message(self, *args):
        pass
class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            tell([json.loads(line)])
def tell(events):
    with open("/tmp/told", "a") as file:
        for event in events:
            file.write(json.dumps(event) + "\\n")
        file.flush()
if KIND == "HTTP":
    server = http.server.HTTPServer(("sandbox.localdomain", 0), Receiver)
    place = {{"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d/x" % server.server_port}}
else:
    server = socketserver.TCPServer(("sandbox.localdomain", 0), Lines)
    place = {{"protocol": "TCP", "port": server.server_address[1]}}
threading.Thread(target=server.serve_forever, kwargs={{"poll_interval": 0.02}}, daemon=True).start()
me, _ = register("INVOKE", "SHUTDOWN")
say("extension speaks")
answer, body = call("PUT", {path!r}, {{"schemaVersion": {schema!r},
    "types": ["platform", "function", "extension"],
    "buffering": {{"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25}},
    "destination": place}}, Lambda_Extension_Identifier=me)
assert (answer.status, body) == (200, b'"OK"'), body
while next_event(me)["eventType"] == "INVOKE":
    pass
"""
READER = """\
import os, time
def handler(event, context):
    print("function speaks")
    until = time.monotonic() + 50
    while time.monotonic() < until and event:
        told = open("/tmp/told").read() if os.path.exists("/tmp/told") else ""
        if event["until"] in told:
            return told
        time.sleep(0.01)
    return "nothing"
"""


@pytest.mark.parametrize("kind", ["HTTP", "TCP"])
def test_telemetry_reaches_its_subscriber(running: Running, client: Any, kind: str) -> None:
    """E3."""
    text = SUBSCRIBER.format(kind=kind, path="/2022-07-01/telemetry", schema="2022-12-13")
    name = function(client, layer(client, hears=text), code=READER)
    invoke(client, name, Payload=b"{}")
    answer, error = invoke(client, name, Payload=b'{"until": "platform.report"}')
    assert not error, answer
    events = [json.loads(line) for line in answer.splitlines()]
    kinds = [event["type"] for event in events]
    for expected in (
        "platform.initStart",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.extension",
        "platform.start",
        "platform.runtimeDone",
        "platform.report",
    ):
        assert expected in kinds, kinds
    assert "platform.end" not in kinds
    said = {event["type"]: event["record"] for event in events if "." not in event["type"]}
    assert said == {"function": "function speaks", "extension": "extension speaks"}
    line = "TELEMETRY\tName: hears\tState: Subscribed\tTypes: [Platform, Function, Extension]"
    log(running, name, lambda found: line in found)


def test_the_logs_api_has_the_events_of_its_time(running: Running, client: Any) -> None:
    text = SUBSCRIBER.format(kind="HTTP", path="/2020-08-15/logs", schema="2021-03-18")
    name = function(client, layer(client, hears=text), code=READER)
    invoke(client, name, Payload=b"{}")
    answer, error = invoke(client, name, Payload=b'{"until": "platform.report"}')
    assert not error, answer
    kinds = {json.loads(line)["type"] for line in answer.splitlines()}
    assert {"platform.logsSubscription", "platform.start", "platform.end"} <= kinds
    assert "platform.initStart" not in kinds


def test_a_subscriber_that_never_answers_holds_nobody_up(running: Running, client: Any) -> None:
    text = (
        "import socket\nserver = socket.create_server(('sandbox.localdomain', 0))\n"
        "me, _ = register('INVOKE')\n"
        "call('PUT', '/2022-07-01/telemetry', {'schemaVersion': '2022-12-13', 'types':"
        " ['function'], 'destination': {'protocol': 'HTTP', 'URI':"
        " 'http://sandbox.localdomain:%d' % server.getsockname()[1]}},"
        " Lambda_Extension_Identifier=me)\n"
        "while True:\n    next_event(me)\n"
    )
    code = "def handler(event, context):\n    print('x' * 1000)\n    return 'ok'\n"
    name = function(client, layer(client, slow=text), code=code)
    assert invoke(client, name) == ("ok", "")
    began = time.monotonic()
    for _ in range(30):
        assert invoke(client, name) == ("ok", "")
    # To wait for it would take five seconds each time, at least.
    assert time.monotonic() - began < PATIENCE_S


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"types": ["cats"]}, "types"),
        ({"buffering": {"timeoutMs": 1}}, "timeoutMs"),
        ({"destination": {"protocol": "HTTP", "URI": "http://example.com:80"}}, "URI"),
        ({"destination": {"protocol": "UDP"}}, "protocol"),
        ({"destination": {"protocol": "TCP", "port": 0}}, "port"),
        ({"destination": None}, "schema"),
    ],
)
def test_a_subscription_that_can_t_be_had_is_refused(body: dict[str, Any], named: str) -> None:
    asked = {"types": ["platform"], "destination": {"protocol": "TCP", "port": 1}, **body}
    with pytest.raises(Refused, match=named) as refused:
        read("telemetry", "ext", json.dumps(asked).encode())
    assert refused.value.status == 400


@pytest.mark.parametrize("running", ["process"], indirect=True)
def test_with_snapstart_extensions_go_on_from_the_snapshot(running: Running, client: Any) -> None:
    name = function(
        client, layer(client, myext=OBSERVER), SnapStart={"ApplyOn": "PublishedVersions"}
    )
    client.publish_version(FunctionName=name)
    client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")
    answer, error = invoke(client, name, Qualifier="1")
    assert not error, answer
    found = log(running, name, lambda found: f"EXT event INVOKE {answer['id']}" in str(found))
    assert any(line.startswith("RESTORE_START") for line in found), found


@pytest.mark.parametrize("running", ["process"], indirect=True)
def test_two_web_servers_never_answer_for_one_another(running: Running, client: Any) -> None:
    """Their adapters would both find the server that was there first."""
    with socket.socket() as one, socket.socket() as another:
        for probe in (one, another):
            probe.bind(("127.0.0.1", 0))
        port, other_port = one.getsockname()[1], another.getsockname()[1]
    adapter = layer(client, **{"lambda-adapter": OBSERVER})
    shared = {"Variables": {"AWS_LWA_PORT": str(port)}}
    first, second = (function(client, adapter, Environment=shared) for _ in range(2))
    assert invoke(client, first)[1] == ""
    payload, error = invoke(client, second)
    assert (payload.get("errorType"), error) == ("Extension.LaunchError", "Unhandled"), payload
    assert f"port {port}" in payload["errorMessage"]
    assert f"is in use by an environment of {first}" in payload["errorMessage"]
    assert "--driver docker" in payload["errorMessage"]
    evict(running, first)
    assert invoke(client, second)[1] == "", "what an environment that ends has is waited for"
    own = {"Variables": {"PORT": str(other_port)}}
    assert invoke(client, function(client, adapter, Environment=own))[1] == ""


def test_without_extensions_nothing_of_theirs_is_loaded() -> None:
    code = (
        "import sys, emulator.app, emulator.pool.pools\n"
        "print([each for each in sys.modules if each.startswith('emulator.pool.extensions')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
