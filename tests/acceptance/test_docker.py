"""An emulator whose functions run in containers: what only this driver has."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.driver.docker.sandbox import DockerSandbox
from emulator.telemetry.traces import waterfall
from tests.acceptance.conftest import ROOT, localfaas_up
from tests.acceptance.drivers import options, settings
from tests.acceptance.own_engine import OwnEngine, own_engine
from tests.acceptance.own_registry import archive
from tests.acceptance.test_extensions import CLIENT, OBSERVER, log
from tests.acceptance.test_faults import again, run, whole_log
from tests.api.conftest import Running, create, zip_of
from tests.contract.docker_engine import IMAGE, need_engine
from tests.patience import PATIENCE_S, until

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]

ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    running = Running(settings("docker", otlp_receiver=0))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(emulator: Running) -> Any:
    return emulator.client("lambda")


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _containers(emulator: Running, function: str | None = None) -> list[str]:
    return [
        each.sandbox.container.id
        for each in emulator.emulator.pools.environments.values()
        if isinstance(each.sandbox, DockerSandbox) and function in (None, each.version.name)
    ]


def container_of(emulator: Running, function: str) -> str:
    """Return the id of the only container of a function."""

    def find() -> list[str]:
        return _containers(emulator, function)

    [found] = emulator.call(find)
    return found


# The network ---------------------------------------------------------------------------------


def test_the_sdk_inside_talks_to_this_emulator(client: Any, emulator: Running) -> None:
    code = """
import boto3, os
def handler(event, context):
    functions = boto3.client("lambda").list_functions()["Functions"]
    return [os.environ["AWS_ENDPOINT_URL"], [f["FunctionName"] for f in functions]]
"""
    endpoint, names = run(client, "sdk", code, Timeout=30, MemorySize=1769).payload
    assert endpoint == f"http://{emulator.emulator.driver.reach_host}:{emulator.emulator.port}"
    assert "sdk" in names


def listening() -> list[tuple[str, int]]:
    """Return where this process listens."""
    lines = subprocess.run(
        ["ss", "-Hltnp"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    places = [line.split()[3].rpartition(":") for line in lines if f"pid={os.getpid()}," in line]
    return [(host, int(port)) for host, _, port in places]


def test_it_listens_on_loopback_and_the_bridge_alone(emulator: Running) -> None:
    driver = emulator.emulator.driver
    own = listening()
    assert {host for host, _ in own} <= {"127.0.0.1", driver.listen_host}
    assert (driver.listen_host, emulator.emulator.port) in own


def test_what_containers_send_becomes_part_of_their_trace(client: Any, emulator: Running) -> None:
    code = """
import json, os, socket, time, urllib.request
def handler(event, context):
    told = dict(part.split("=") for part in os.environ["_X_AMZN_TRACE_ID"].split(";"))
    now = time.time()
    part = {"type": "subsegment", "id": "00000000000000aa", "name": "by the daemon",
            "trace_id": told["Root"], "parent_id": told["Parent"],
            "start_time": now, "end_time": now + 0.001}
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        text = json.dumps({"format": "json", "version": 1}) + chr(10) + json.dumps(part)
        sender.sendto(text.encode(), (host, int(port)))
    span = {"traceId": told["Root"].replace("-", "")[1:], "spanId": "00000000000000bb",
            "parentSpanId": told["Parent"], "name": "by OTLP",
            "startTimeUnixNano": str(int(now * 1e9)), "endTimeUnixNano": str(int(now * 1e9) + 1000)}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    url = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=25).close()
    return told["Root"]
"""
    root = run(client, "sender", code, Timeout=30, TracingConfig={"Mode": "Active"}).payload

    def names() -> set[str]:
        found = emulator.emulator.tracing.store.find(root)
        if found is None:
            return set()
        return {row["name"] for row in waterfall.rows(found)}

    until(lambda: names() >= {"sender", "by the daemon", "by OTLP"})


def test_the_outside_is_reached(client: Any) -> None:
    """As far as this machine's own address beyond the bridge: what lies behind is not ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        outside = probe.getsockname()[0]
    code = """
import socket
def handler(event, context):
    with socket.create_connection(tuple(event), timeout=25) as connection:
        return connection.recv(5).decode()
"""
    with socket.create_server((outside, 0)) as listener:
        run(client, "outside", ECHO)
        create_or_update(client, "outside", code)
        client_end = listener.getsockname()
        answer = invoke_in_thread(client, "outside", list(client_end))
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"hello")
        assert answer() == "hello"


@pytest.mark.parametrize("asked", ["", "--experimental-require-module"])
def test_node_js_has_awss_options_as_far_as_it_knows_them(client: Any, asked: str) -> None:
    code = (
        "exports.handler = async () => [process.execArgv,"
        " process.allowedNodeEnvironmentFlags.has('--experimental-require-module')]\n"
    )
    name = f"node-options-{len(asked)}"
    create(
        client,
        name,
        Runtime="nodejs20.x",
        Handler="index.handler",
        Code={"ZipFile": zip_of(index__js=code)},
        Environment={"Variables": {"NODE_OPTIONS": asked} if asked else {}},
    )
    payload = json.loads(client.invoke(FunctionName=name)["Payload"].read())
    if isinstance(payload, dict) and asked:
        pytest.skip("this image's Node.js has no such option")
    options, known = payload
    assert ("--no-experimental-require-module" in options) is (known and not asked)


def create_or_update(client: Any, name: str, code: str) -> None:
    client.update_function_code(FunctionName=name, ZipFile=zip_of(app__py=code))
    client.get_waiter("function_updated_v2").wait(FunctionName=name)


def invoke_in_thread(client: Any, name: str, event: Any) -> Callable[[], Any]:
    pool = ThreadPoolExecutor(1)
    future = pool.submit(lambda: again(client, name, event).payload)
    pool.shutdown(wait=False)
    return lambda: future.result(PATIENCE_S)


def until_invoked(emulator: Running, name: str, times: int) -> None:
    """Wait until a function has begun its ``times``-th invocation."""
    until(lambda: sum(line.startswith("START") for line in whole_log(emulator, name)) == times)


# Walls (T4, T5) ------------------------------------------------------------------------------


def test_an_environment_can_not_use_what_is_anothers(client: Any, emulator: Running) -> None:
    """It knows where to look: at every port of the bridge that is the emulator's."""
    victim = """
import os
def handler(event, context):
    names = ("AWS_LAMBDA_RUNTIME_API", "AWS_XRAY_DAEMON_ADDRESS", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return [os.environ[name] for name in names]
"""
    addresses = run(client, "victim", victim).payload
    address, *for_everybody = addresses
    host, _, port = address.rpartition(":")
    adversary = """
import http.client, os
def call(host, port, method, path, patience_s=1):
    connection = http.client.HTTPConnection(host, port, timeout=patience_s)
    try:
        connection.request(method, path, b"" if method == "POST" else None)
        answer = connection.getresponse()
        return [answer.status, answer.read().decode()]
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()
def handler(event, context):
    own = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")[2]
    paths = {"next": "invocation/next", "answer": "invocation/x/response", "init": "init/error"}
    found = {}
    for port in event["ports"]:
        if str(port) != own:
            for name, path in paths.items():
                method = "GET" if name == "next" else "POST"
                found[f"{port} {name}"] = call(
                    event["host"], port, method, "/2018-06-01/runtime/" + path)
    controls = [("POST", "/_emulator/shutdown"), ("GET", "/_emulator/state"),
                ("GET", "/_emulator/docs"), ("POST", "/%5femulator/shutdown")]
    # Who is refused is answered, however busy the machine is; who is not heard, never.
    return found, [call(event["host"], event["emulator"], *each, 60)[0] for each in controls]
"""
    door = emulator.emulator.port
    # Segments, sampling rules and spans: what each environment sends is its own.
    open_to_all = {door, *(int(each.rpartition(":")[2]) for each in for_everybody)}
    ports = [number for where, number in listening() if where == host and number not in open_to_all]
    assert int(port) in ports
    event = {"host": host, "ports": ports, "emulator": door}
    run(client, "adversary", adversary, {"host": host, "ports": [], "emulator": door}, Timeout=300)
    found, controls = again(client, "adversary", event).payload
    assert found
    # The door of an environment that nobody has been let into yet says nothing at all.
    assert set(found.values()) <= {"ConnectionResetError", "RemoteDisconnected", "TimeoutError"}
    assert controls == [403, 403, 403, 403]
    assert again(client, "victim").payload == addresses, "it serves on"


def test_the_walls_from_inside(client: Any) -> None:
    code = """
import os
def handler(event, context):
    lines = open("/proc/self/status").read().splitlines()
    status = dict(line.split(":\\t", 1) for line in lines)
    def tried(action):
        try:
            action()
            return True
        except OSError:
            return False
    places = ("/", "/etc", "/usr", "/var", "/var/task", "/opt", "/var/runtime", "/run", "/dev")
    return {
        "capabilities": [int(status["Cap" + name], 16) for name in ("Eff", "Prm", "Bnd", "Inh")],
        "privileges": status["NoNewPrivs"], "seccomp": status["Seccomp"],
        "root": 0 in (os.getuid(), os.geteuid(), os.getgid()) or 0 in os.getgroups(),
        "writable": [p for p in places if tried(lambda: open(p + "/probe", "w"))],
        "sockets": [p for p in ("/var/run/docker.sock", "/run/docker.sock") if os.path.exists(p)],
        "mount": tried(lambda: os.chroot("/tmp")), "devices": tried(lambda: open("/dev/mem")),
        "kernel": tried(lambda: open("/proc/sysrq-trigger", "w")),
        "names": tried(lambda: open("/proc/sys/kernel/hostname", "w")),
    }
"""
    assert run(client, "walls", code).payload == {
        "capabilities": [0, 0, 0, 0],
        "privileges": "1",
        "seccomp": "2",
        "root": False,
        "writable": [],
        "sockets": [],
        "mount": False,
        "devices": False,
        "kernel": False,
        "names": False,
    }


# Freezing ------------------------------------------------------------------------------------

TICKS = """
import threading, time
ticks = 0
def tick():
    global ticks
    while True:
        time.sleep(0.001); ticks += 1
threading.Thread(target=tick, daemon=True).start()
def handler(event, context):
    return [ticks, time.monotonic()]
"""


@pytest.mark.parametrize("freeze", [True, False])
def test_a_background_thread_between_calls(freeze: bool) -> None:
    running = Running(settings("docker", freeze=None if freeze else False))
    try:
        client = running.client("lambda")
        before, began = run(client, "ticks", TICKS, MemorySize=1769).payload

        def frozen() -> bool:
            [environment] = running.emulator.pools.environments.values()
            return environment.state.value == "frozen"

        if freeze:
            until(lambda: running.call(frozen))
        time.sleep(0.3)  # what is measured: progress in this time
        after, ended = again(client, "ticks").payload
        assert ended - began > 0.3
        # A thread that is let run makes some 250 rounds, on a busy machine too few to count on.
        assert (after - before < 60) if freeze else (after > before)
    finally:
        running.stop()


# Images --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")  # it outlives the emulator whose containers are made from it
def official_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image as AWS's are made: awslambdaric, unchanged, is its entrypoint."""
    need_engine()
    awslambdaric = pytest.importorskip("awslambdaric")
    folder = tmp_path_factory.mktemp("image")
    packages = Path(awslambdaric.__file__).parents[1]
    (folder / "packages").mkdir()
    for pattern in ("awslambdaric", "runtime_client*", "simplejson", "snapshot_restore_py*"):
        for source in packages.glob(pattern):
            subprocess.run(["cp", "-r", source, folder / "packages"], check=True)
    (folder / "app.py").write_text(
        "import os\n"
        "def handler(event, context):\n"
        "    if event == 'raise': raise KeyError('x')\n"
        "    return [event, os.getcwd(), type(context).__module__, os.environ.get('FROM_IMAGE')]\n"
        "def other(event, context):\n    return 'other'\n"
    )
    (folder / "Dockerfile").write_text(
        f"FROM {IMAGE}\nCOPY packages /usr/lib/python3/dist-packages\nCOPY app.py /var/task/\n"
        "ENV FROM_IMAGE=yes\nWORKDIR /var/task\n"
        'ENTRYPOINT ["python3", "-m", "awslambdaric"]\nCMD ["app.handler"]\n'
    )
    name = f"localfaas-test/official:{os.getpid()}"  # its own: runs may share an engine
    docker("build", "-q", "-t", name, str(folder))
    yield name
    docker("image", "rm", name)


def create_image(client: Any, name: str, image: str, **fields: Any) -> None:
    client.create_function(
        FunctionName=name,
        Role="arn:aws:iam::000000000000:role/role",
        PackageType="Image",
        Code={"ImageUri": image},
        **{"Timeout": 60, "MemorySize": 512, **fields},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)


@pytest.fixture(scope="module")
def extended_image(official_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image with an extension in it."""
    folder = tmp_path_factory.mktemp("extended")
    (folder / "myext").write_text(CLIENT + OBSERVER)
    (folder / "myext").chmod(0o755)
    (folder / "Dockerfile").write_text(f"FROM {official_image}\nCOPY myext /opt/extensions/myext\n")
    name = f"localfaas-test/extended:{os.getpid()}"
    docker("build", "-q", "-t", name, str(folder))
    yield name
    docker("image", "rm", "--force", name)


def test_an_extension_in_an_image_runs_beside_it(
    emulator: Running, client: Any, extended_image: str
) -> None:
    create_image(client, "extended", extended_image)
    for event in ({"a": 1}, 2):
        call = again(client, "extended", event)
        assert call.payload[0] == event, call.log
    said = log(
        emulator, "extended", lambda said: any(line.startswith("EXT event INVOKE") for line in said)
    )
    assert any(line.startswith("EXTENSION\tName: myext\tState: Ready") for line in said), said


def test_an_image_function_runs_its_own_client(client: Any, official_image: str) -> None:
    create_image(client, "image", official_image)
    for event in ({"a": "ü"}, 2):
        call = again(client, "image", event)
        assert call.payload == [event, "/var/task", "awslambdaric.lambda_context", "yes"], call.log
    call = again(client, "image", "raise")
    assert (call.error, call.payload["errorType"]) == ("Unhandled", "KeyError")
    assert again(client, "image", 3).payload[0] == 3


def test_what_an_image_function_shows(client: Any, official_image: str) -> None:
    config = {"Command": ["app.other"], "WorkingDirectory": "/usr"}
    create_image(client, "shown", official_image, ImageConfig=config)
    shown = client.get_function(FunctionName="shown")
    code, configuration = shown["Code"], shown["Configuration"]
    assert (code["RepositoryType"], code["ImageUri"]) == ("ECR", official_image)
    repository, _, digest = code["ResolvedImageUri"].partition("@sha256:")
    assert repository == official_image.partition(":")[0]
    assert configuration["CodeSha256"] == digest
    assert configuration["PackageType"] == "Image"
    assert configuration["ImageConfigResponse"] == {"ImageConfig": config}
    assert not {"Runtime", "Handler"} & set(configuration)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Command": ["app.other"], "WorkingDirectory": "/var/task"}, "other"),
        (
            {"EntryPoint": ["/usr/bin/env", "FROM_IMAGE=no", "python3", "-m", "awslambdaric"]},
            ["x", "/var/task", "awslambdaric.lambda_context", "no"],
        ),
    ],
)
def test_each_part_of_an_image_can_be_overridden(
    client: Any, official_image: str, config: dict[str, Any], expected: str | list[str]
) -> None:
    name = "over-" + "-".join(config).lower()
    create_image(client, name, official_image, ImageConfig=config)
    assert again(client, name, "x").payload == expected


def test_an_image_that_is_nowhere_fails_the_function(client: Any) -> None:
    with pytest.raises(Exception, match="Failed"):
        create_image(client, "nowhere", "localhost:1/nothing:here")
    shown = client.get_function_configuration(FunctionName="nowhere")
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "InvalidImage")
    assert "localhost:1/nothing:here" in shown["StateReason"]


def test_an_image_that_is_there_later_serves_the_next_call(
    client: Any, official_image: str
) -> None:
    name = f"localfaas-test/later:{os.getpid()}"
    with pytest.raises(Exception, match="Failed"):
        create_image(client, "later", name)
    docker("tag", official_image, name)
    try:
        assert again(client, "later", "x").payload[0] == "x"
        assert client.get_function_configuration(FunctionName="later")["State"] == "Active"
    finally:
        client.delete_function(FunctionName="later")
        docker("rmi", name)


def test_an_image_that_is_built_serves_its_runtime(client: Any) -> None:
    def localfaas(*words: str) -> str:
        command = [sys.executable, "-m", "emulator", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    built = localfaas("runtimes", "build", "python3.13", "--base-image", IMAGE).strip()
    try:
        [listed] = [
            each
            for each in json.loads(localfaas("runtimes", "list", "--json"))
            if each["runtime"] == "python3.13"
        ]
        assert (listed["image"], listed["source"]) == (built, "built here")
        assert listed["architecture"]
        running = Running(settings("docker", images={}, stem_cells=0))
        try:
            call = run(running.client("lambda"), "own", ECHO, {"a": 1}, Runtime="python3.13")
            assert call.payload == {"a": 1}
        finally:
            running.stop()
    finally:
        docker("image", "rm", built)


@pytest.fixture
def foreign_image(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """An image for another architecture, whose shell this machine's kernel can't execute."""
    need_engine()
    own = docker("image", "inspect", "-f", "{{.Architecture}}", IMAGE)
    foreign, machine = {"amd64": ("arm64", 0xB7)}.get(own, ("amd64", 0x3E))
    program = b"\x7fELF\x02\x01\x01" + bytes(9) + bytes([2, 0, machine, 0])
    layer = archive({"bin/sh": program, "tmp/x": b"", "var/task/x": b"", "opt/x": b""})
    config = {
        "architecture": foreign,
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
    }
    name = f"localfaas-test/foreign:{os.getpid()}"
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    image = archive(
        {
            "config.json": json.dumps(config).encode(),
            "manifest.json": json.dumps(manifest).encode(),
            "layer.tar": layer,
        }
    )
    (tmp_path / "image.tar").write_bytes(image)
    docker("load", "-i", str(tmp_path / "image.tar"))
    yield name, {"arm64": "arm64", "amd64": "x86_64"}[foreign]
    docker("image", "rm", "-f", name)


def test_an_architecture_the_machine_has_not(foreign_image: tuple[str, str]) -> None:
    image, architecture = foreign_image
    running = Running(settings("docker", images={"python3.12": image, "python3.11": IMAGE}))
    try:
        client = running.client("lambda")
        fields = {"Architectures": [architecture]}
        create(client, "foreign", **fields)
        until(
            lambda: client.get_function_configuration(FunctionName="foreign")["State"] == "Failed"
        )
        shown = client.get_function_configuration(FunctionName="foreign")
        assert "is emulated on this" in shown["StateReason"], shown["StateReason"]
        assert any(
            "foreign" in text and "is emulated on this" in text for text in running.console.warnings
        )
        # The image of the machine's own architecture does not do, and none can be pulled.
        create(client, "missing", Runtime="python3.11", **fields)
        until(
            lambda: client.get_function_configuration(FunctionName="missing")["State"] == "Failed"
        )
        shown = client.get_function_configuration(FunctionName="missing")
        assert f"{IMAGE} is here for linux/" in shown["StateReason"], shown["StateReason"]
    finally:
        running.stop()


# What goes wrong -----------------------------------------------------------------------------


def test_docker_kill(client: Any, emulator: Running) -> None:
    code = "import time\ndef handler(event, context):\n    time.sleep(event or 0)\n    return 1\n"
    run(client, "killed", code, Timeout=60)
    answer = invoke_in_thread(client, "killed", 50)
    until_invoked(emulator, "killed", 2)
    docker("kill", container_of(emulator, "killed"))
    assert answer()["errorType"] == "Runtime.ExitError"
    assert again(client, "killed").payload == 1


def test_docker_kill_of_an_idle_one(client: Any, emulator: Running) -> None:
    run(client, "killed-idle", ECHO)
    container = container_of(emulator, "killed-idle")
    docker("kill", container)
    until(lambda: container not in emulator.call(lambda: containers(emulator)))
    assert again(client, "killed-idle", 1).payload == 1


def containers(emulator: Running) -> list[str]:
    return _containers(emulator)


def test_docker_pause(client: Any, emulator: Running) -> None:
    code = "import time\ndef handler(event, context):\n    time.sleep(event or 0)\n    return 1\n"
    run(client, "paused", code, Timeout=12)
    answer = invoke_in_thread(client, "paused", 11)
    until_invoked(emulator, "paused", 2)
    docker("pause", container_of(emulator, "paused"))
    assert answer()["errorType"] == "Sandbox.Timedout"
    assert again(client, "paused").payload == 1


@pytest.fixture(scope="module")
def engine() -> Iterator[OwnEngine]:
    with own_engine() as engine:
        yield engine


@pytest.fixture
def elsewhere(
    engine: OwnEngine, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Running]:
    """An emulator on an engine that may be stopped; it leaves nothing there.

    Parametrised by fields of its settings.
    """
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    running = Running(settings("docker", **getattr(request, "param", {})))
    yield running
    running.stop()
    assert engine.docker("ps", "-aq") == ""
    assert engine.docker("volume", "ls", "-q") == ""


SLEEPER = "import time\ndef handler(event, context):\n    time.sleep(event or 0); return 1\n"


def test_an_engine_that_restarts(engine: OwnEngine, elsewhere: Running) -> None:
    client = elsewhere.client("lambda")
    run(client, "f", SLEEPER, Timeout=30)
    answer = invoke_in_thread(client, "f", 25)
    until_invoked(elsewhere, "f", 2)
    engine.stop(signal.SIGTERM)
    try:
        assert answer()["errorType"] == "Runtime.ExitError"
        with pytest.raises(ClientError, match="No execution environment"):
            client.invoke(FunctionName="f")
    finally:
        engine.start()
    until(lambda: answers(client, "f"))


def test_an_engine_that_hangs(engine: OwnEngine, elsewhere: Running) -> None:
    """What runs goes on, and whoever needs the engine itself waits for no more than its time."""
    client = elsewhere.client("lambda")
    run(client, "f", SLEEPER, Timeout=10)
    engine.signal(signal.SIGSTOP)
    try:
        assert again(client, "f").payload == 1
        # Its runtime is killed by the kernel, and a stem cell takes its place.
        assert again(client, "f", 60).payload["errorType"] == "Sandbox.Timedout"
        assert again(client, "f").payload == 1
    finally:
        engine.signal(signal.SIGCONT)


# No container is made or removed on the side: what one gives back is room for the next.
@pytest.mark.parametrize("elsewhere", [{"stem_cells": 0}], indirect=True, ids=["without-stems"])
def test_an_engine_whose_disk_is_full(engine: OwnEngine, elsewhere: Running) -> None:
    client = elsewhere.client("lambda")
    run(client, "before", ECHO, Timeout=10)
    create(client, "f", Code={"ZipFile": zip_of(app__py=ECHO)}, Timeout=10)
    client.get_waiter("function_active_v2").wait(FunctionName="f")
    filler = engine.data / "filler"
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 20)):
                pass
        with pytest.raises(ClientError, match=r"(?i)no space left on device"):
            client.invoke(FunctionName="f")
    finally:
        filler.unlink()
    assert again(client, "f", {"a": 1}).payload == {"a": 1}


def answers(client: Any, name: str) -> bool:
    try:
        return again(client, name).payload == 1
    except ClientError:
        return False


# Hygiene -------------------------------------------------------------------------------------


def left(mark: str) -> list[str]:
    """Return what there is with a label: containers and volumes."""
    volumes = docker("volume", "ls", "-q", "--filter", mark).split()
    return docker("ps", "-aq", "--filter", mark).split() + volumes


def test_kill_9_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    label = f"test.kill={uuid.uuid4().hex}"
    arguments = ("--no-watch", *options("docker"), f"--docker-label={label}")
    mark = f"label={label}"
    with localfaas_up(ROOT / "sample_functions", *arguments) as up:
        up.client().invoke(FunctionName="hello")
        assert docker("ps", "-aq", "--filter", mark)
        up.process.kill()
        up.process.wait(PATIENCE_S)
    assert docker("ps", "-aq", "--filter", mark), "nobody is there to remove them"
    with localfaas_up(ROOT / "sample_functions" / "hello", "--no-watch", *options("docker")) as up:
        up.client().invoke(FunctionName="hello")
        until(lambda: left(mark), lambda found: found == [])


def test_kill_9_of_many_environments_leaves_nothing_when_the_next_serves(tmp_path: Path) -> None:
    label = f"test.kill={uuid.uuid4().hex}"
    mark = f"label={label}"
    code = "import time\ndef handler(event, context):\n    time.sleep(2)\n    return event\n"
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "app.py").write_text(code)
    arguments = ("--no-watch", *options("docker"))
    with localfaas_up(tmp_path, *arguments, f"--docker-label={label}") as up:
        client = up.client()
        # A function of a folder has AWS's 3 s; the first ones wait for their containers.
        client.update_function_configuration(FunctionName="slow", Timeout=30)
        client.get_waiter("function_updated_v2").wait(FunctionName="slow")
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda _: client.invoke(FunctionName="slow"), range(5)))
        # A caller may have been given another's environment: its own one still comes.
        until(lambda: docker("ps", "-q", "--filter", mark).split(), lambda found: len(found) >= 5)
        up.process.kill()
        up.process.wait(PATIENCE_S)
    assert len(docker("ps", "-aq", "--filter", mark).split()) >= 5
    with localfaas_up(tmp_path, *arguments) as up:
        # Its first answer may come before it has looked; its first environment does not, but for
        # an engine that takes longer for it than a start waits.
        up.client().invoke(FunctionName="slow")
        until(lambda: left(mark), lambda found: found == [])


def test_auto_takes_processes_where_no_engine_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    running = Running(settings("auto"))
    try:
        assert running.emulator.driver.name == "process"
        [note] = [n for n in running.emulator.notes if "no Docker engine answers" in n]
        assert f"{tmp_path}/none.sock" in note
        assert run(running.client("lambda"), "hello", ECHO, {"a": 1}).payload == {"a": 1}
    finally:
        running.stop()


def test_no_engine_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    command = [sys.executable, "-m", "emulator", "up", "--port=0", "--driver=docker"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: no Docker engine answers at unix://{tmp_path}/none.sock")
    assert "DOCKER_HOST" in line
    assert "--driver process" in line


def test_auto_takes_docker_where_one_does() -> None:
    need_engine()
    running = Running(settings("docker", driver="auto"))
    try:
        assert running.emulator.driver.name == "docker"
        assert any("Docker engine" in note for note in running.emulator.notes)
    finally:
        running.stop()


def test_images_need_containers() -> None:
    running = Running(settings("process"))
    try:
        client = running.client("lambda")
        create_image(client, "image", "some/image:1")
        with pytest.raises(
            ClientError, match=r"some/image:1 is a container image.*--driver docker"
        ):
            client.invoke(FunctionName="image")
    finally:
        running.stop()


IMAGE_TEMPLATE = """
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {PackageType: Image, ImageUri: "%s", Timeout: 30}
"""


def test_a_templates_images_need_containers(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(IMAGE_TEMPLATE % "some/image:1")
    running = Running(settings("process", functions=(tmp_path,)))
    try:
        with pytest.raises(ClientError, match=r"some/image:1 is a container.*--driver docker"):
            running.client("lambda").invoke(FunctionName="F")
    finally:
        running.stop()


def test_a_templates_image_runs(tmp_path: Path, official_image: str) -> None:
    (tmp_path / "template.yaml").write_text(IMAGE_TEMPLATE % official_image)
    running = Running(settings("docker", functions=(tmp_path,)))
    try:
        assert again(running.client("lambda"), "F", "x").payload[0] == "x"
    finally:
        running.stop()


def _publish(client: Any, name: str) -> None:
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    client.publish_version(FunctionName=name)
    client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")


def _report(emulator: Running, name: str) -> str:
    logs = emulator.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return "\n".join(event["message"] for event in events)


def test_a_version_with_snapstart_goes_on_from_a_spare(client: Any, emulator: Running) -> None:
    code = (
        "import os\n"
        "def handler(event, context): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
    )
    create(
        client,
        "snap-zip",
        Code={"ZipFile": zip_of(app__py=code)},
        Runtime="python3.12",
        Handler="app.handler",
        SnapStart={"ApplyOn": "PublishedVersions"},
        Timeout=30,
        MemorySize=512,
    )
    _publish(client, "snap-zip")
    answer = client.invoke(FunctionName="snap-zip", Qualifier="1")
    assert json.loads(answer["Payload"].read()) == "snap-start"
    assert "Billed Restore Duration" in _report(emulator, "snap-zip")
    assert any("snap-zip:1 is restored from a spare" in each for each in emulator.console.infos)


def test_awss_own_client_in_an_image_is_restored(
    client: Any, emulator: Running, official_image: str
) -> None:
    snap: dict[str, Any] = {"ApplyOn": "PublishedVersions"}
    create_image(client, "snap-image", official_image, SnapStart=snap, Timeout=30)
    _publish(client, "snap-image")
    for payload in (b'"x"', b'"y"'):
        answer = client.invoke(FunctionName="snap-image", Qualifier="1", Payload=payload)
        assert json.loads(answer["Payload"].read())[0] == json.loads(payload)
    text = _report(emulator, "snap-image")
    assert "INIT_REPORT Init Duration" in text
    assert "RESTORE_REPORT Restore Duration" in text
