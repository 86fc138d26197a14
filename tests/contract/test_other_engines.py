"""An emulator on Podman, and of an ordinary user on engines without root."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.acceptance.conftest import EMULATOR, Up, localfaas_up
from tests.acceptance.drivers import IMAGES
from tests.acceptance.matching import check, samples
from tests.acceptance.own_registry import archive, base, own_registry
from tests.acceptance.test_samples import take_their_time, through_boto3
from tests.contract.docker_engine import IMAGE
from tests.contract.other_engines import OtherEngine, marked, other_engine
from tests.patience import PATIENCE_S, until

KINDS = ("podman", "podman-rootless", "docker-rootless")
#: What everything of the emulator's own carries.
LABEL = "localfaas-test.other"
KILLED = "localfaas-test.killed"
OPTIONS = (
    *("--no-watch", "--driver=docker", f"--docker-label={LABEL}=yes"),
    *(f"--image={runtime}={image}" for runtime, image in IMAGES.items()),
)


@pytest.fixture(scope="module", params=[marked(kind) for kind in KINDS])
def engine(request: pytest.FixtureRequest) -> Iterator[OtherEngine]:
    if request.param == "podman":
        yield request.getfixturevalue("podman")
        return
    with other_engine(request.param) as engine:
        yield engine


def start(engine: OtherEngine, *options: str) -> AbstractContextManager[Up]:
    """Run ``localfaas up`` with the samples, as the engine's user does."""
    return localfaas_up(
        engine.code / "sample_functions", *OPTIONS, *options, before=engine.user(), cwd=engine.code
    )


@pytest.fixture(scope="module")
def up(engine: OtherEngine) -> Iterator[Up]:
    with start(engine) as running:
        yield running
    assert engine.left(LABEL) == []


def create(up: Up, name: str, **fields: Any) -> None:
    client = up.client()
    client.create_function(
        FunctionName=name,
        Role="arn:aws:iam::000000000000:role/any",
        **{"Timeout": 60, **fields},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)


def create_zip(up: Up, name: str, source: str, timeout: int = 60) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, source)
    code = {"ZipFile": buffer.getvalue()}
    create(up, name, Runtime="python3.11", Handler="app.handler", Code=code, Timeout=timeout)


def call(up: Up, name: str, event: Any = None) -> Any:
    answer = up.client().invoke(FunctionName=name, Payload=json.dumps(event))
    return json.load(answer["Payload"])


def test_doctor_names_it(engine: OtherEngine) -> None:
    words = [*engine.user(), *EMULATOR, "doctor", "--json", "--endpoint=http://localhost:1"]
    done = subprocess.run(words, cwd=engine.code, capture_output=True, text=True, check=True)
    findings = {each["subject"]: each for each in json.loads(done.stdout)}
    name = engine.kind.partition("-")[0].capitalize()
    assert findings["Docker"]["detail"].startswith(f"{name} ")
    assert (", rootless at unix://" in findings["Docker"]["detail"]) == engine.rootless


def test_samples(engine: OtherEngine, up: Up) -> None:
    wrong = {}
    take_their_time(up)
    # Functions of a bare folder have a whole vCPU's memory: more than this one means to fill.
    declared = {"FunctionName": "allocates-too-much", "MemorySize": 128, "Timeout": 30}
    up.client().update_function_configuration(**declared)
    up.client().get_waiter("function_updated_v2").wait(FunctionName="allocates-too-much")
    for sample in samples(engine.code / "sample_functions"):
        if sample.name == "times-out":
            continue  # in one second, which is little for a start beside other tests
        if sample.name in ("heavy-imports", "lazy-imports"):
            continue  # the tests' image has no boto3, which AWS's have
        if sample.name == "allocates-too-much" and not limits(engine):
            continue  # as the emulator's notes say
        for number, step in enumerate(sample.steps):
            outcome = through_boto3(up, sample.name, step.event)
            if found := check(step.expected, outcome):
                wrong[sample.name, number] = found, outcome
    assert not wrong, wrong


def limits(engine: OtherEngine) -> bool:
    return not engine.rootless or engine.docker("info", "--format", "{{.CgroupVersion}}") == "2"


def test_a_timeout_and_what_follows(up: Up) -> None:
    create_zip(up, "late", "import time\ndef handler(e, c):\n    time.sleep(e)\n    return e\n", 10)
    assert "Task timed out after 10.00 seconds" in call(up, "late", 30)["errorMessage"]
    assert call(up, "late", 0) == 0


CALLS_BACK = """\
import json, os, urllib.error, urllib.request

def handler(event, context):
    url = os.environ["AWS_ENDPOINT_URL"]
    with urllib.request.urlopen(url + "/2015-03-31/functions/", timeout=60) as answer:
        names = [each["FunctionName"] for each in json.load(answer)["Functions"]]
    try:
        urllib.request.urlopen(url + "/_emulator/state", timeout=60)
    except urllib.error.HTTPError as error:
        return names, error.code
"""


def test_functions_call_back_and_the_admin_api_is_closed(up: Up) -> None:
    create_zip(up, "calls-back", CALLS_BACK)
    found = call(up, "calls-back")
    assert "errorMessage" not in found, found
    names, status = found
    assert {"calls-back", "echo"} <= set(names)
    assert status == 403


CLIENT = """\
import http.client, os

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, number = answer.read(), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    print("speaks HTTP")
    api.request("POST", f"/2018-06-01/runtime/invocation/{number}/response", event)
    api.getresponse().read()
"""


def until_said(up: Up, name: str, text: str) -> None:
    """Wait until a function has logged something: an engine may pass it on after the answer."""
    logs = up.client("logs")

    def said() -> str:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        return "".join(event["message"] for event in found)

    until(said, lambda found: text in found)


def test_an_image_brings_its_own_runtime(up: Up) -> None:
    entry = {"EntryPoint": ["python3", "-u", "-c", CLIENT]}
    create(up, "image", PackageType="Image", Code={"ImageUri": IMAGE}, ImageConfig=entry)
    assert through_boto3(up, "image", {"a": 1}).payload == {"a": 1}
    until_said(up, "image", "speaks HTTP")


@pytest.mark.parametrize("engine", [marked("podman")], indirect=True)
def test_an_image_is_pulled(up: Up) -> None:
    config = {"Entrypoint": ["/usr/bin/python3", "-u", "/client.py"]}
    with own_registry() as registry:
        layers = (base(), archive({"client.py": CLIENT.encode()}))
        image = registry.push("faas:pulled", *layers, config=config)
        create(up, "pulled", PackageType="Image", Code={"ImageUri": image})
        assert through_boto3(up, "pulled", {"a": 1}).payload == {"a": 1}
        assert registry.pulls(image)
        assert registry.sends_layers()
        code = up.client().get_function(FunctionName="pulled")["Code"]
        assert code["ResolvedImageUri"].startswith(f"{registry.host}/faas@sha256:")
        absent = f"{registry.host}/faas:absent"
        with pytest.raises(WaiterError, match="Failed"):
            create(up, "absent", PackageType="Image", Code={"ImageUri": absent})
        shown = up.client().get_function_configuration(FunctionName="absent")
        said = f"the image {absent} is not here and could not be pulled: "
        assert shown["StateReason"].startswith(said)
        assert "manifest unknown" in shown["StateReason"]


def test_an_image_whose_command_is_not_there(up: Up) -> None:
    entry = {"EntryPoint": ["/no/such/command"]}
    create(up, "broken", PackageType="Image", Code={"ImageUri": IMAGE}, ImageConfig=entry)
    assert call(up, "broken")["errorType"] == "Runtime.InvalidEntrypoint"


def test_ten_at_once(up: Up) -> None:
    create_zip(up, "slow", "import time\ndef handler(e, c):\n    time.sleep(0.5)\n    return e\n")
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(lambda each: call(up, "slow", each), range(10))) == list(range(10))


def test_a_kill_leaves_what_the_next_start_removes(engine: OtherEngine, up: Up) -> None:
    with start(engine, f"--docker-label={KILLED}=yes") as killed:
        assert call(killed, "echo", 1) == 1
        killed.process.kill()
        killed.process.wait(PATIENCE_S)
    assert engine.left(KILLED) != []
    with start(engine) as other:
        assert call(other, "echo", 2) == 2
        until(lambda: engine.left(KILLED), lambda found: found == [])
    # What another emulator has is left alone.
    assert call(up, "echo", 3) == 3
