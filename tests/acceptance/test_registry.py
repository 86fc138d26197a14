"""Images from a registry: their first use, as its user sees it, and what can go wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from emulator.driver.docker import images
from emulator.services.lambda_.lifecycle import states
from tests.acceptance.conftest import free_port
from tests.acceptance.drivers import settings
from tests.acceptance.own_engine import CACHE, OwnEngine, own_engine
from tests.acceptance.own_registry import PASSWORD, USER, Registry, archive, base, own_registry
from tests.acceptance.test_docker import create_image
from tests.acceptance.test_faults import again
from tests.api.conftest import Running, create, zip_of
from tests.needs import unavailable
from tests.patience import PATIENCE_S, until

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker-registry")]

MB = 1 << 20
#: A runtime client of an image of its own: it answers with the event and the machine.
CLIENT = b"""
import http.client, os, json
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event = json.loads(answer.read())
    request = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    path = f"/2018-06-01/runtime/invocation/{request}/response"
    api.request("POST", path, json.dumps([event, os.uname().machine]))
    api.getresponse().read()
"""
CONFIG = {"Entrypoint": ["/usr/bin/python3", "/client.py"], "Env": ["PATH=/usr/bin:/bin"]}


@pytest.fixture(scope="module")
def shared_registry() -> Iterator[Registry]:
    with own_registry() as registry:
        yield registry


@pytest.fixture(scope="module")
def engine(shared_registry: Registry) -> Iterator[OwnEngine]:
    # Else it would try again for most of a minute what a registry has cut off.
    with own_engine(disk_mb=900, options=["--max-download-attempts=1"]) as engine:
        # What all images have below their own layers: 200 MB.
        engine.docker("pull", shared_registry.push("faas:base", base()))
        yield engine


@pytest.fixture
def registry(shared_registry: Registry) -> Iterator[Registry]:
    shared_registry.reset()
    yield shared_registry
    shared_registry.passing.set()


@pytest.fixture
def image(registry: Registry) -> str:
    """A runtime's image with something of its own to download, in the registry alone."""
    return registry.push(f"faas:{uuid.uuid4()}", base(), archive({"opt/x": os.urandom(8 * MB)}))


@pytest.fixture
def elsewhere(engine: OwnEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The engine is the one that commands and emulators take; they leave no container there."""
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    yield engine.url
    assert engine.docker("ps", "-aq") == ""
    assert engine.docker("volume", "ls", "-q") == ""


@contextmanager
def running(image: str, **fields: Any) -> Iterator[Running]:
    fields = {"stem_cells": 0, **fields}
    running = Running(settings("docker", images={"python3.12": image}, **fields))
    try:
        yield running
    finally:
        running.stop()


def state_of(client: Any, name: str) -> dict[str, Any]:
    return client.get_function_configuration(FunctionName=name)


def reaches(client: Any, name: str, state: str) -> str:
    """Wait until the function is in ``state``, and return why."""
    found = until(lambda: state_of(client, name), lambda found: found["State"] == state)
    return str(found.get("StateReason", ""))


def localfaas(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emulator", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_function(folder: Path) -> Path:
    (folder / "hello").mkdir()
    (folder / "hello" / "app.py").write_text("def handler(event, context):\n    return event\n")
    return folder


# As its user sees it -------------------------------------------------------------------------


class Command:
    """``localfaas up`` with its output, on a terminal or not."""

    def __init__(self, folder: Path, image: str, *, terminal: bool) -> None:
        self.port = free_port()
        self._here, there = os.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "emulator", "up", str(folder), f"--port={self.port}",
             "--no-watch", "--driver=docker", f"--image=python3.12={image}", "--stem-cells=0"],
            stdout=there, stderr=there,
        )  # fmt: skip
        os.close(there)
        self.output = ""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._here, 65536):
                self.output += data.decode(errors="replace")
        except OSError:
            pass  # so a terminal's other side learns of its end
        os.close(self._here)

    def invoke(self) -> bytes:
        url = f"http://localhost:{self.port}/2015-03-31/functions/hello/invocations"
        try:
            with urllib.request.urlopen(url, data=b'{"a": 1}', timeout=PATIENCE_S) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.read()

    def serves(self) -> bool:
        """Say whether an environment is being started."""
        url = f"http://localhost:{self.port}/_emulator/environments"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return b'"starting"' in answer.read()

    def end(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        self._reading.join(PATIENCE_S)
        return self.output


@pytest.mark.parametrize("terminal", [True, False])
def test_a_first_use_is_seen(
    elsewhere: Running, registry: Registry, image: str, tmp_path: Path, terminal: bool
) -> None:
    registry.pace = 0.01  # so that there is something to be seen
    up = Command(write_function(tmp_path), image, terminal=terminal)
    try:
        until(lambda: f"{image}: pulling" in up.output)
        assert up.invoke() == b'{"a": 1}'
        # What is printed is printed soon, by a thread of its own.
        until(lambda: "REPORT" in up.output)
    finally:
        output = up.end()
    told = [line for line in output.splitlines() if line.startswith(f"{image}: ")]
    if terminal:
        # The bar takes one line, which each of its pictures begins with removing.
        bars = [part for part in re.split(r"\r\x1b\[2K|\n", output) if "%" in part]
        assert any(re.search(r"\[#+-+\] +\d+% \d of 8 MB", bar) for bar in bars), output
        assert all("\r" not in bar and len(bar) < 80 for bar in bars)
        assert f"\x1b[2K{image}: pulled" in output
    else:
        assert told == [f"{image}: pulling", f"{image}: pulled"]
        assert not {"\r", "\x1b"} & set(output)


def test_a_pull_does_not_hold_up_the_end(
    elsewhere: Running, engine: OwnEngine, registry: Registry, image: str, tmp_path: Path
) -> None:
    registry.pass_bytes = 4 * MB
    up = Command(write_function(tmp_path), image, terminal=False)
    try:
        until(lambda: f"{image}: pulling" in up.output)
        with ThreadPoolExecutor(1) as pool:
            calling = pool.submit(up.invoke)
            until(up.serves)
            output = up.end()
            assert b"is not pulled any more: the emulator ends" in calling.result(PATIENCE_S)
    finally:
        registry.passing.set()
        up.process.kill()
    assert up.process.returncode == 0
    assert f"{image}: given up" in output
    assert "Traceback" not in output


def test_runtimes_are_listed_with_what_is_here(
    elsewhere: Running, engine: OwnEngine, registry: Registry, image: str
) -> None:
    def listed() -> list[str]:
        done = localfaas("runtimes", "list", f"--image=python3.12={image}")
        [line] = [line for line in done.stdout.splitlines() if line.startswith("python3.12 ")]
        return line.split()

    assert listed() == ["python3.12", "not", "pulled", "setting", image]
    with running(image) as emulator:
        client = emulator.client("lambda")
        create(client)
        reaches(client, "hello", "Active")
    assert listed() == ["python3.12", "amd64", "setting", image]


# States --------------------------------------------------------------------------------------


def test_an_image_function_is_pending_while_its_image_comes(
    elsewhere: Running, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "_INVOKE_PATIENCE_S", 0.5)
    layers = (base(), archive({"client.py": CLIENT, "opt/x": os.urandom(8 * MB)}))
    image = registry.push("faas:pending", *layers, config=CONFIG)
    registry.pass_bytes = 4 * MB
    with running(image) as emulator:
        client = emulator.client("lambda")
        client.create_function(
            FunctionName="f",
            Role="arn:aws:iam::000000000000:role/role",
            PackageType="Image",
            Code={"ImageUri": image},
            Timeout=60,
        )
        until(registry.sends_layers)
        assert state_of(client, "f")["State"] == "Pending"
        with pytest.raises(ClientError, match="following state: Pending"):
            client.invoke(FunctionName="f")
        registry.passing.set()
        reaches(client, "f", "Active")
        assert again(client, "f", "x").payload[0] == "x"
        code = client.get_function(FunctionName="f")["Code"]
        assert code["ResolvedImageUri"].startswith(image.removesuffix(":pending") + "@sha256:")


def test_an_updated_image_function_has_what_its_tag_means_then(
    elsewhere: Running, engine: OwnEngine, registry: Registry
) -> None:
    def push() -> str:
        layers = (base(), archive({"client.py": CLIENT, "opt/x": os.urandom(9)}))
        return registry.push("faas:updated", *layers, config=CONFIG)

    def resolved() -> str:
        shown = client.get_function(FunctionName="f")
        assert shown["Code"]["ResolvedImageUri"].endswith(shown["Configuration"]["CodeSha256"])
        return shown["Code"]["ResolvedImageUri"]

    image = push()
    with running(image) as emulator:
        client = emulator.client("lambda")
        create_image(client, "f", image)
        first = resolved()
        push()
        engine.docker("pull", image)
        assert resolved() == first
        client.update_function_code(FunctionName="f", ImageUri=image)
        client.get_waiter("function_updated_v2").wait(FunctionName="f")
        assert resolved() in engine.docker("image", "inspect", image)
        assert resolved() != first
        assert again(client, "f", "x").payload[0] == "x"


def test_many_first_uses_are_one_pull(
    elsewhere: Running, registry: Registry, image: str, tmp_path: Path
) -> None:
    with running(image, functions=(write_function(tmp_path),)) as emulator:
        client = emulator.client("lambda")
        client.update_function_configuration(FunctionName="hello", Timeout=60)
        with ThreadPoolExecutor(20) as pool:
            calls = pool.map(lambda number: again(client, "hello", number).payload, range(1, 21))
            assert list(calls) == list(range(1, 21))
    assert registry.pulls(image) == 1


# What goes wrong -----------------------------------------------------------------------------


def fails(client: Any, name: str) -> str:
    """Create a function whose image can't be had: nothing but its state tells, and a call."""
    create(client, name)
    reason = reaches(client, name, "Failed")
    with pytest.raises(ClientError) as told:
        client.invoke(FunctionName=name)
    error = told.value.response["Error"]
    assert error["Code"] == "ResourceConflictException"
    assert reason in error["Message"]
    return reason


def test_a_tag_that_is_not_there(elsewhere: Running, registry: Registry) -> None:
    image = f"{registry.host}/faas:absent"
    with running(image) as emulator:
        client = emulator.client("lambda")
        assert re.search(r"could not be pulled: .*not found", fails(client, "f"))
        registry.push("faas:absent", base())
        assert again(client, "f", "x").payload == "x"
        assert state_of(client, "f")["State"] == "Active"


def test_a_registry_that_is_not_there(elsewhere: Running) -> None:
    image = f"127.0.0.1:{free_port()}/nothing:1"
    with running(image) as emulator:
        reason = fails(emulator.client("lambda"), "f")
    assert f"the image {image} is not here and could not be pulled" in reason
    assert "connection refused" in reason
    assert "localfaas runtimes build" in reason


def test_a_registry_that_dies_in_the_middle_of_a_layer(
    elsewhere: Running, registry: Registry, image: str
) -> None:
    registry.pass_bytes, registry.cuts = 4 * MB, True
    with running(image) as emulator:
        client = emulator.client("lambda")
        create(client, "f")  # no call, for which the engine would try as long again
        assert "could not be pulled: " in reaches(client, "f", "Failed")
        registry.pass_bytes = None
        assert again(client, "f", "x").payload == "x"


def test_a_pull_that_hangs(
    elsewhere: Running, registry: Registry, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "QUIET", 1.0)
    registry.pass_bytes = 4 * MB
    with running(image) as emulator:
        client = emulator.client("lambda")
        assert "could not be pulled: nothing came for 1 s" in fails(client, "f")
        registry.passing.set()
        monkeypatch.undo()
        assert again(client, "f", "x").payload == "x"


def test_a_registry_that_does_not_answer(
    elsewhere: Running, registry: Registry, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even with the manifest."""
    monkeypatch.setattr(images, "QUIET", 1.0)
    registry.silent = True
    with running(image) as emulator:
        client = emulator.client("lambda")
        create(client, "f")
        assert "could not be pulled: nothing came for 1 s" in reaches(client, "f", "Failed")
        registry.silent = False
        registry.passing.set()
        monkeypatch.undo()
        assert again(client, "f", "x").payload == "x"


def test_a_call_does_not_wait_for_a_long_pull(
    elsewhere: Running,
    registry: Registry,
    image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A function of a folder is Pending; its first call has what SDKs try again at."""
    monkeypatch.setattr(images, "PATIENCE", 0.2)
    registry.pass_bytes = 4 * MB
    with running(image, functions=(write_function(tmp_path),)) as emulator:
        client = emulator.client("lambda")
        until(registry.sends_layers)
        for _ in range(5):  # more than there are threads for containers
            with pytest.raises(ClientError, match=rf"{image} is still being pulled") as told:
                client.invoke(FunctionName="hello")
            assert told.value.response["Error"]["Code"] == "ServiceException"
        assert state_of(client, "hello")["State"] == "Pending"
        registry.passing.set()
        monkeypatch.undo()
        assert again(client, "hello", "x").payload == "x"
        reaches(client, "hello", "Active")
    assert registry.pulls(image) == 1


def test_a_folders_functions_fail_with_their_image(
    elsewhere: Running, registry: Registry, tmp_path: Path
) -> None:
    """They are there from the start, and their state tells; stem cells do not try on their own."""
    image = f"{registry.host}/faas:of-a-folder"
    with running(image, functions=(write_function(tmp_path),), stem_cells=2) as emulator:
        client = emulator.client("lambda")
        reason = reaches(client, "hello", "Failed")
        assert reason.startswith(f"the image {image} is not here and could not be pulled")
        asked = registry.pulls(image)
        with pytest.raises(ClientError, match=re.escape(reason)):
            client.invoke(FunctionName="hello")
        # More than a stem cell that could not be made waits before it is made again.
        time.sleep(1)
        assert registry.pulls(image) == 2 * asked
        registry.push("faas:of-a-folder", base())
        assert again(client, "hello", "x").payload == "x"
        assert state_of(client, "hello")["State"] == "Active"


def test_an_engine_that_dies_while_it_pulls(
    elsewhere: Running, engine: OwnEngine, registry: Registry, image: str
) -> None:
    registry.pass_bytes = 4 * MB
    with running(image) as emulator:
        client = emulator.client("lambda")
        create(client, "f")
        until(registry.sends_layers)
        engine.stop(signal.SIGTERM)
        try:
            assert "could not be pulled: the Docker engine" in reaches(client, "f", "Failed")
        finally:
            engine.start()
        registry.passing.set()
        assert again(client, "f", "x").payload == "x"


# Credentials ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def private_registry() -> Iterator[Registry]:
    with own_registry(login=True) as registry:
        yield registry


@pytest.mark.parametrize("kind", ["Zip", "Image"])
def test_a_private_registry(
    elsewhere: Running,
    engine: OwnEngine,
    private_registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """What `docker login` keeps counts from the next call on, as for `docker pull`."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    layers = (base(), archive({"client.py": CLIENT}))
    image = private_registry.push(f"faas:{kind.lower()}", *layers, config=CONFIG)
    with running(image) as emulator:
        client = emulator.client("lambda")
        fields = {"FunctionName": "f", "Timeout": 60, "Role": "arn:aws:iam::000000000000:role/r"}
        if kind == "Image":
            client.create_function(**fields, PackageType="Image", Code={"ImageUri": image})
        else:
            create(client, "f", Timeout=60)
        reason = reaches(client, "f", "Failed")
        assert f"no basic auth credentials (`docker login {private_registry.host}`" in reason
        subprocess.run(
            ["docker", "login", "-u", USER, "--password-stdin", private_registry.host],
            input=PASSWORD, text=True, check=True, capture_output=True,
        )  # fmt: skip
        answer = again(client, "f", "x").payload
        assert answer == ("x" if kind == "Zip" else ["x", os.uname().machine])
        assert state_of(client, "f")["State"] == "Active"


def test_a_credentials_helper_that_is_not_there(
    elsewhere: Running,
    registry: Registry,
    image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `docker pull`: what needs no credentials is pulled without."""
    (tmp_path / "config.json").write_text('{"credsStore": "of-another-machine"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with running(image) as emulator:
        client = emulator.client("lambda")
        create(client)
        assert again(client, "hello", "x").payload == "x"
    built = localfaas("runtimes", "build", "python3.13", "--base-image", image)
    assert (built.returncode, built.stdout) == (0, "localfaas/python:3.13\n"), built.stderr


def test_a_build_without_its_base_names_the_remedy(elsewhere: Running) -> None:
    built = localfaas("runtimes", "build", "python3.12")
    assert built.returncode == 1
    line = built.stderr.splitlines()[-1]
    assert line.startswith("error: localfaas/python:3.12 could not be built: ")
    assert "`--base-image`" in line


# Architectures -------------------------------------------------------------------------------


def arm64() -> Path:
    """Return the layer of a system for arm64; skip the test where this kernel can't run it."""
    if os.uname().machine != "x86_64":
        pytest.skip("the machine that emulates arm64 is one of x86_64 here")
    handlers = [
        handler.read_text()
        for handler in Path("/proc/sys/fs/binfmt_misc").glob("*a*64*")
        if "aarch64" in handler.name or "arm64" in handler.name
    ]
    # In CI, too: it depends on the kernel, which this project does not choose.
    if not any(re.search("^flags:.*F", handler, re.MULTILINE) for handler in handlers):
        pytest.skip("this kernel emulates no arm64 in containers: no handler in binfmt_misc")
    archive = CACHE / "arm64-1.tar"
    if not archive.exists():
        unavailable(f"{archive} is missing: run tests/docker_engine.sh")
    return archive


EMULATED = "linux/arm64 is emulated on this linux/amd64 machine"
MACHINE = "import os\ndef handler(event, context):\n    return os.uname().machine\n"


def test_each_function_has_the_image_of_its_architecture(
    elsewhere: Running, registry: Registry
) -> None:
    """An engine keeps one of them by the name: the one pulled last."""
    image = registry.push_list("faas:list", {"amd64": [base()], "arm64": [arm64()]})
    with running(image) as emulator:
        client = emulator.client("lambda")
        code = {"ZipFile": zip_of(app__py=MACHINE)}
        # Twice each: the second time, the name means the other image.
        for turn in ("first", "second"):
            for architecture, machine in (("x86_64", "x86_64"), ("arm64", "aarch64")):
                name = f"{turn}-{architecture}"
                create(client, name, Code=code, Architectures=[architecture], Timeout=60)
                assert again(client, name).payload == machine
    assert registry.pulls(image) == 2
    notes = {text for text in emulator.console.warnings if EMULATED in text}
    assert {text.partition(":")[0] for text in notes} == {"first-arm64", "second-arm64"}
    assert not [text for text in emulator.console.warnings if "x86_64" in text]


def test_an_image_function_of_the_other_architecture_is_emulated(
    elsewhere: Running, registry: Registry
) -> None:
    layers = (arm64(), archive({"client.py": CLIENT}))
    image = registry.push("faas:arm64", *layers, architecture="arm64", config=CONFIG)
    with running(image) as emulator:
        client = emulator.client("lambda")
        create_image(client, "f", image, Architectures=["arm64"], Timeout=60)
        assert again(client, "f", "x").payload == ["x", "aarch64"]


@pytest.mark.parametrize("kind", ["Zip", "Image"])
def test_an_image_of_another_architecture_than_the_functions(
    elsewhere: Running, registry: Registry, kind: str
) -> None:
    image = registry.push(f"faas:only-{kind.lower()}", base(), config=CONFIG)
    with running(image) as emulator:
        client = emulator.client("lambda")
        fields = {"Architectures": ["arm64"], "Timeout": 60}
        if kind == "Zip":
            create(client, "f", **fields)
        else:
            with pytest.raises(WaiterError):
                create_image(client, "f", image, **fields)
        expected = f"the image {image} is for linux/amd64 only, and the function's architecture"
        assert expected in reaches(client, "f", "Failed")
        with pytest.raises(ClientError, match=re.escape(expected)):
            client.invoke(FunctionName="f")


#: For a machine that no kernel knows: fails as arm64 does where no handler emulates it.
FOREIGN = b"\x7fELF\x02\x01\x01" + bytes(9) + bytes([2, 0, 0xFE, 0xFE]) + bytes(44)


def test_an_image_function_that_this_machine_can_not_run(
    elsewhere: Running, registry: Registry
) -> None:
    layer = archive({"client": FOREIGN, "bin/sh": FOREIGN})
    config = {"Entrypoint": ["/client"]}
    image = registry.push("faas:foreign", layer, architecture="arm64", config=config)
    with running(image) as emulator:
        client = emulator.client("lambda")
        create_image(client, "f", image, Architectures=["arm64"], Timeout=60)
        call = again(client, "f")
    assert call.payload["errorType"] == "Runtime.InvalidEntrypoint"
    expected = f"fork/exec /client: exec format error ({EMULATED}"
    assert expected in call.payload["errorMessage"]
    assert any(text.startswith(f"f: {EMULATED}") for text in emulator.console.warnings)


def test_of_a_list_the_functions_architecture_is_pulled(
    elsewhere: Running, engine: OwnEngine, registry: Registry
) -> None:
    foreign = archive({"bin/sh": FOREIGN})
    image = registry.push_list("faas:both", {"arm64": [foreign], "amd64": [base()]})
    with running(image) as emulator:
        client = emulator.client("lambda")
        create(client, "own")
        assert again(client, "own", "x").payload == "x"
        create(client, "foreign", Architectures=["arm64"])
        with pytest.raises(ClientError, match=f"ended.*{EMULATED}"):
            client.invoke(FunctionName="foreign")
        assert engine.docker("image", "inspect", "-f", "{{.Architecture}}", image) == "arm64"
        # The name means the other image now; a container is made from the right one still.
        client.update_function_configuration(FunctionName="own", Description="anew")
        client.get_waiter("function_updated_v2").wait(FunctionName="own")
        assert again(client, "own", "x").payload == "x"
