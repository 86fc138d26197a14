"""SnapStart on the process driver, from PublishVersion to the REPORT line."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.application import run
from emulator.model.causes import StopCause
from emulator.pool.states import EnvironmentState
from tests.acceptance.drivers import settings
from tests.acceptance.test_python_start import archive
from tests.api.conftest import Running, create
from tests.patience import until

_ON = {"ApplyOn": "PublishedVersions"}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(settings("process"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(running: Running) -> Any:
    return running.client("lambda")


def publish(client: Any, code: str, **fields: Any) -> str:
    """Create a function with SnapStart; returns its name, whose version 1 is published."""
    name = f"snap-{uuid.uuid4().hex[:8]}"
    create(
        client,
        name,
        Handler="app.handler",
        Runtime="python3.12",
        SnapStart=_ON,
        **{
            "Code": {"ZipFile": archive({"app.py": code})},
            "Timeout": 60,
            "MemorySize": 1769,
            **fields,
        },
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    client.publish_version(FunctionName=name)
    return name


def settled(client: Any, name: str) -> dict[str, Any]:
    """Return version 1 once it is not Pending any more."""

    def look() -> Any:
        found = client.get_function_configuration(FunctionName=name, Qualifier="1")
        return found if found["State"] != "Pending" else None

    return dict(until(look))


def call(client: Any, name: str, qualifier: str = "1") -> Any:
    result = client.invoke(FunctionName=name, Qualifier=qualifier)
    payload = json.loads(result["Payload"].read())
    assert "FunctionError" not in result, payload
    return payload


def lines(running: Running, name: str) -> list[str]:
    logs = running.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return [event["message"].rstrip("\n") for event in events]


def evict(running: Running, name: str) -> None:
    """End the environments of a function that are idle: its next one is restored."""

    async def stop() -> None:
        for each in list(running.emulator.pools.environments.values()):
            if each.version.name == name and each.state is EnvironmentState.READY:
                await each.stop(StopCause.EVICTED)

    running.call(stop)


_HOOKS = """
import os, time
from snapshot_restore_py import register_after_restore, register_before_snapshot
ran = []
register_before_snapshot(ran.append, 'before 1')
register_before_snapshot(ran.append, 'before 2')
register_after_restore(ran.append, 'after 1')
register_after_restore(ran.append, 'after 2')
LOADED = time.time()
def handler(event, context):
    return {"ran": ran, "environ": dict(os.environ), "loaded": LOADED,
            "log": context.log_group_name}
"""


def test_hooks_run_in_awss_order_and_variables_are_awss(client: Any, running: Running) -> None:
    name = publish(client, _HOOKS)
    version = settled(client, name)
    assert version["State"] == "Active", version
    assert version["SnapStart"] == {**_ON, "OptimizationStatus": "On"}
    before = time.time()
    told = call(client, name)
    assert told["ran"] == ["before 2", "before 1", "after 1", "after 2"]
    assert told["loaded"] < before
    environ = told["environ"]
    assert environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
    absent = {"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY_ID"}
    assert not absent & set(environ)
    assert told["log"] is None
    assert environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"].endswith("/2021-04-23/credentials")
    text = "\n".join(lines(running, name))
    assert re.search(r"INIT_REPORT Init Duration: \d+\.\d\d ms", text)
    assert re.search(r"RESTORE_REPORT Restore Duration: \d+\.\d\d ms\n?START", text)
    report = re.search(
        r"\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms.*Restore Duration: ([\d.]+) ms"
        r"\tBilled Restore Duration: (\d+) ms",
        text,
    )
    assert report is not None
    duration, billed, restore, billed_restore = map(float, report.groups())
    assert billed == -(-(duration + billed_restore) // 1)
    assert billed_restore <= restore + 1


def test_latest_is_never_restored(client: Any) -> None:
    name = publish(
        client,
        "import os\ndef handler(e, c): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n",
    )
    assert call(client, name, "$LATEST") == "on-demand"
    assert call(client, name, "1") == "snap-start"


@pytest.mark.slow
def test_the_sdk_finds_fresh_credentials_of_the_role(client: Any) -> None:
    code = """
import boto3
def handler(event, context):
    key = boto3.Session().get_credentials().get_frozen_credentials().access_key
    return [key, boto3.client('sts').get_caller_identity()['Arn']]
"""
    name = publish(client, code)
    key, arn = call(client, name)
    assert key.startswith("ASIA")
    assert arn.endswith(f":assumed-role/r/{name}") or f"/{name}" in arn


def test_a_function_that_fails_before_its_snapshot_is_failed(client: Any, running: Running) -> None:
    code = """
from snapshot_restore_py import register_before_snapshot
@register_before_snapshot
def fail():
    raise ValueError('not today')
def handler(event, context): ...
"""
    name = publish(client, code)
    version = settled(client, name)
    assert version["State"] == "Failed"
    assert version["StateReasonCode"] == "FunctionError"
    assert version["StateReason"] == "ValueError: not today"
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.invoke(FunctionName=name, Qualifier="1")


def test_a_hook_that_fails_after_restore_is_awss_error(client: Any, running: Running) -> None:
    code = """
from snapshot_restore_py import register_after_restore
@register_after_restore
def fail():
    raise ValueError('not today')
def handler(event, context): ...
"""
    name = publish(client, code)
    settled(client, name)
    with pytest.raises(client.exceptions.SnapStartException) as caught:
        client.invoke(FunctionName=name, Qualifier="1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    text = "\n".join(lines(running, name))
    assert "Status: error\tError Type: Runtime.AfterRestoreError" in text
    assert "not today" in text


_COPIED = """
import os, random, ssl, tempfile, uuid
DRAWN = random.random()
def handler(event, context):
    open('/tmp/left', 'a').write('x')
    return {
        'pid': os.getpid(), 'uid': os.getuid(), 'random': random.random(),
        'openssl': ssl.RAND_bytes(8).hex(), 'uuid1': str(uuid.uuid1()), 'uuid': str(uuid.uuid4()),
        'drawn': DRAWN, 'left': open('/tmp/left').read(), 'tmp': os.listdir('/tmp'),
        'pids': [p for p in os.listdir('/proc') if p.isdigit()],
        'api': os.environ['AWS_LAMBDA_RUNTIME_API'],
    }
"""


def test_copies_are_each_their_own(client: Any, running: Running) -> None:
    name = publish(client, _COPIED)
    settled(client, name)
    told = []
    for _ in range(3):
        told.append(call(client, name))
        evict(running, name)
    assert len({each["drawn"] for each in told}) == 1
    for unlike in ("random", "openssl", "uuid1", "uuid", "api", "pid"):
        assert len({each[unlike] for each in told}) == 3, unlike
    assert [(each["left"], each["tmp"]) for each in told] == [("x", ["left"])] * 3
    assert all(len(each["pids"]) == 2 for each in told)


_RENEWED = """
import os, secrets, socket, time
import numpy.random
LOADED, DRAWN = time.time(), secrets.token_hex(4)
host, _, port = os.environ['AWS_ENDPOINT_URL'].removeprefix('http://').partition(':')
CONNECTION = socket.create_connection((host, int(port)))
def handler(event, context):
    CONNECTION.settimeout(60)
    try:
        said = CONNECTION.recv(1).decode()
    except OSError as error:
        said = type(error).__name__
    return {'seeded': numpy.random.seeded, 'secret': secrets.token_hex(8), 'drawn': DRAWN,
            'age': time.time() - LOADED, 'said': said}
"""
_NUMPY = "seeded = 0\ndef seed():\n    global seeded\n    seeded += 1\n"


def test_copies_begin_anew_where_a_snapshot_would_mislead(client: Any, running: Running) -> None:
    """Generators of numpy, clocks, and connections whose other end is long gone."""
    files = {"app.py": _RENEWED, "numpy/__init__.py": "", "numpy/random.py": _NUMPY}
    name = publish(client, "", Code={"ZipFile": archive(files)})
    settled(client, name)
    time.sleep(0.3)  # real time has to pass between the snapshot and its copies
    told = []
    for _ in range(2):
        told.append(call(client, name))
        evict(running, name)
    assert told[0]["drawn"] == told[1]["drawn"]
    assert told[0]["secret"] != told[1]["secret"]
    for each in told:
        assert each["seeded"] == 1
        assert each["age"] >= 0.3
        assert each["said"] in ("", "ConnectionResetError", "BrokenPipeError")
    said = f"{name}:1: all environments restored from its snapshot share "
    assert any(
        each.startswith(said) and "app.CONNECTION" in each for each in running.console.warnings
    )


def test_what_is_shared_though_it_should_not_be_is_named(client: Any, running: Running) -> None:
    code = """
import datetime, random, secrets, time, uuid
VERSION = '3f2504e0-4f89-11d3-9a0c-0305e82c3301'
REQUEST = uuid.uuid4()
TEXT = {'id': str(uuid.uuid4())}
TOKEN = secrets.token_hex(16)
KEY = secrets.token_bytes(32)
BEGAN = time.time()
AT = datetime.datetime.now()
DICE = random.Random()
SAFE = random.SystemRandom()
LIMIT = 4711
class Service:
    def __init__(self):
        self.instance = str(uuid.uuid4())
service = Service()
def handler(event, context): return 1
"""
    name = publish(client, code)
    settled(client, name)
    said = [each for each in running.console.warnings if each.startswith(f"{name}:1: ")]
    start = f"{name}:1: all environments restored from its snapshot share "
    assert [each.removeprefix(start) for each in said] == [
        "an id (UUID) in app.REQUEST.",
        "a random token in app.TOKEN.",
        "random bytes in app.KEY.",
        "the time of INIT in app.BEGAN.",
        "the time of INIT in app.AT.",
        "a random generator in app.DICE.",
        "an id (UUID) in app.TEXT['id'].",
        "an id (UUID) in app.service.instance.",
    ]


@pytest.mark.slow
def test_a_thread_of_init_means_a_spare_and_that_is_said(client: Any, running: Running) -> None:
    code = """
import threading, time, uuid
threading.Thread(target=time.sleep, args=(600,), daemon=True, name='ticker').start()
DRAWN = uuid.uuid4()
def handler(event, context): return [str(DRAWN), threading.active_count()]
"""
    name = publish(client, code)
    settled(client, name)
    assert (
        f"{name}:1 is restored from a spare that is initialised ahead of use: "
        "1 thread of its INIT still runs (ticker)." in running.console.infos
    )
    told = []
    for _ in range(2):
        told.append(call(client, name))
        evict(running, name)
    assert [threads for _, threads in told] == [2, 2]
    assert told[0] != told[1]


def test_snapshots_are_listed(
    client: Any, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import uuid\nID = uuid.uuid4()\ndef handler(event, context): return 1\n"
    name = publish(client, code)
    settled(client, name)
    call(client, name)
    assert run(["snapshots", name, "--json", "--endpoint", running.url]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["version"], found["held"], found["way"]) == ("1", True, "copy")
    assert found["shared"] == ["an id (UUID) in app.ID"]
    assert found["environments"] == 1
    assert run(["snapshots", name, "--endpoint", running.url]) == 0
    assert "an id (UUID) in app.ID" in capsys.readouterr().out


@pytest.mark.slow
def test_a_snapshot_is_taken_anew_after_a_restart(tmp_path: Path) -> None:
    code = "def handler(event, context): return 1\n"
    first = Running(settings("process", state=tmp_path / "state"))
    try:
        name = publish(first.client("lambda"), code)
        settled(first.client("lambda"), name)
    finally:
        first.stop()
    second = Running(settings("process", state=tmp_path / "state"))
    try:
        assert call(second.client("lambda"), name) == 1
        assert "Restore Duration" in "\n".join(lines(second, name))
    finally:
        second.stop()


@pytest.mark.slow
def test_a_template_turns_it_on(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os\ndef handler(e, c): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
    )
    (tmp_path / "template.json").write_text(json.dumps(_TEMPLATE))
    running = Running(settings("process", functions=(tmp_path,), watch=False))
    try:
        client = running.client("lambda")
        # A start waits for a stack, but not for as long as a busy machine may take for a snapshot.
        stacks = running.client("cloudformation")
        until(stacks.describe_stacks, lambda found: "CREATE_COMPLETE" in str(found["Stacks"]))
        assert call(client, "restored", "live") == "snap-start"
        assert call(client, "restored", "$LATEST") == "on-demand"
    finally:
        running.stop()


_TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Restored": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "FunctionName": "restored",
                "CodeUri": ".",
                "Handler": "app.handler",
                "Runtime": "python3.12",
                "MemorySize": 1769,
                "AutoPublishAlias": "live",
                "SnapStart": {"ApplyOn": "PublishedVersions"},
            },
        }
    },
}


@pytest.mark.slow
def test_coldstart_compares_it(
    client: Any, running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = publish(client, "import json, decimal\ndef handler(event, context): return 1\n")
    words = ["--compare", "snapstart=on,off", "--runs", "3", "--json"]
    plot = ["--output", str(tmp_path / "plot.svg"), "--endpoint", running.url]
    assert run(["coldstart", name, *words, *plot]) == 0
    on, off = json.loads(capsys.readouterr().out)["variants"]
    assert all(each["restore_ms"] > 0 and each["init_ms"] == 0 for each in on["runs"])
    assert all(each["restore_ms"] == 0 and each["init_ms"] > 0 for each in off["runs"])
