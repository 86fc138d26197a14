"""The emulator's own image: functions as processes inside it, and in containers beside it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config

from emulator.driver.docker.address import resolve
from tests.contract.docker_engine import IMAGE, need_engine
from tests.patience import PATIENCE_S, until

ROOT = Path(__file__).parents[2]
EMULATOR = "localfaas-test/emulator:1"
PYTHON = "localfaas-test/python:1"
#: Settings of pip that mean the same inside a build.
PIP = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")

docker_tests = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.xdist_group("docker"),
    pytest.mark.timeout(1200),
]


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}{done.stdout}"
    return done.stdout.strip()


def build(folder: Path, tag: str, **arguments: str) -> None:
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    given += [f"--build-arg={name}" for name in PROXIES if name in os.environ]
    # The host's network: an engine started by hand may have no name server of its own.
    words = ["docker", "build", "--network=host", "-q", "-t", tag, *given, str(folder)]
    # The builder that every engine has.
    environ = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}{done.stdout}"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the image from the tests' base, as no registry may be there."""
    need_engine()
    folder = tmp_path_factory.mktemp("python")
    # The authorities this machine trusts, behind whatever stands between it and the registry.
    bundle = Path(os.environ.get("PIP_CERT") or "/etc/ssl/certs/ca-certificates.crt")
    shutil.copy(bundle, folder / "authorities.crt")
    settings = {name: os.environ[name] for name in PIP if name in os.environ}
    settings |= {"PIP_CERT": "/authorities.crt", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    (folder / "Dockerfile").write_text(
        f"FROM {IMAGE}\n"
        "RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-venv\n"
        "COPY authorities.crt /\n"
        + "".join(f"ENV {name}={value}\n" for name, value in settings.items())
    )
    build(folder, PYTHON)
    build(ROOT, EMULATOR, BASE_IMAGE=PYTHON)
    return EMULATOR


class Inside:
    """An emulator in a container."""

    def __init__(self, container: str) -> None:
        self.container = container
        port = docker("port", container, "4566/tcp").splitlines()[0].rpartition(":")[2]
        self.client: Any = boto3.client(
            "lambda",
            endpoint_url=f"http://localhost:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, read_timeout=PATIENCE_S),
        )

    def wait_until_healthy(self) -> None:
        status = ("inspect", "-f", "{{.State.Health.Status}}", self.container)
        until(lambda: docker(*status) == "healthy")

    def invoke(self, name: str, event: Any) -> Any:
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.load(answer["Payload"])


@contextmanager
def running(image: str, *options: str) -> Iterator[Inside]:
    functions = ROOT / "sample_functions"
    container = docker(
        "run", "-d", "--init", "-p", "127.0.0.1:0:4566", "-v", f"{functions}:/functions:ro",
        *options, image,
    )  # fmt: skip
    try:
        inside = Inside(container)
        inside.wait_until_healthy()
        yield inside
    finally:
        docker("stop", "-t", "60", container)
        ended = docker("inspect", "-f", "{{.State.ExitCode}}", container)
        said = docker("logs", container)
        docker("rm", "-f", "-v", container)
    assert ended == "0", said


class TestImage:
    pytestmark = docker_tests

    @pytest.mark.parametrize("beside", [False, True])
    def test_the_testcontainers_module_starts_it(
        self, image: str, monkeypatch: pytest.MonkeyPatch, beside: bool
    ) -> None:
        """By a port of this machine, or its own address, as tests in a container beside it do."""
        if beside and sys.platform != "linux":
            pytest.skip("only Linux has containers' networks itself")
        from testcontainers.core.config import ConnectionMode, testcontainers_config

        from emulator.testcontainers import LocalfaasContainer

        # Its own image, which removes what a test leaves, is in a registry.
        monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
        mode = ConnectionMode.bridge_ip if beside else ConnectionMode.docker_host
        monkeypatch.setattr(testcontainers_config, "connection_mode_override", mode)

        functions = ROOT / "sample_functions"
        with LocalfaasContainer(image, functions=functions, region="eu-west-1") as localfaas:
            answer = localfaas.client("lambda").invoke(FunctionName="hello", Payload=b"{}")
            assert json.load(answer["Payload"])["message"] == "Hello, world!"
            assert localfaas.url.endswith(":4566") is beside
            assert localfaas.client("sts", account="123456789012").get_caller_identity()[
                "Account"
            ] == ("123456789012")

    def test_it_adds_little_to_its_base(self, image: str) -> None:
        sizes = [int(docker("inspect", "-f", "{{.Size}}", each)) for each in (image, PYTHON)]
        assert sizes[0] - sizes[1] < 200 * 10**6

    def test_functions_as_processes_inside_it(self, image: str) -> None:
        with running(image) as inside:
            assert inside.invoke("hello", {"name": "you"})["message"] == "Hello, you!"
            assert inside.invoke("echo", {"a": 1}) == {"a": 1}
            assert docker("exec", inside.container, "id", "-u") != "0"

    def test_functions_in_containers_beside_it(self, image: str) -> None:
        url = resolve(os.environ, home=Path.home()).url
        if not url.startswith("unix://"):
            pytest.skip("the engine has no socket here to mount")
        socket = url.removeprefix("unix://")
        options = (
            f"-v={socket}:/var/run/docker.sock",
            f"--group-add={os.stat(socket).st_gid}",
            "-e=LOCALFAAS_DRIVER=docker",
            f"-e=LOCALFAAS_IMAGE=python3.12={IMAGE} nodejs20.x={IMAGE}",
        )
        with running(image, *options) as inside:
            assert inside.invoke("hello", {"name": "you"})["message"] == "Hello, you!"
            assert inside.invoke("hello-node", {"name": "you"})["message"] == "Hello, you!"
            control = f"label=localfaas.control={inside.container}"
            assert docker("ps", "-q", "--filter", control)
            create(inside.client, "calls-back", CALLS_BACK)
            assert "hello" in inside.invoke("calls-back", {})
            assert inside.invoke("calls-back", {"as": "another"}) == 403
        assert docker("ps", "-aq", "--filter", control) == ""
        assert docker("volume", "ls", "-q", "--filter", control) == ""


#: Asks the emulator for its functions, by its own name or, as a foreign page would, by another.
CALLS_BACK = """\
import json, os, urllib.error, urllib.request

def handler(event, context):
    url = os.environ["AWS_ENDPOINT_URL"] + "/2015-03-31/functions/"
    headers = {"Host": "evil.example"} if event else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return [each["FunctionName"] for each in json.load(answer)["Functions"]]
    except urllib.error.HTTPError as error:
        return error.code
"""


def create(client: Any, name: str, source: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, source)
    client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="app.handler",
        Timeout=60,
        Code={"ZipFile": buffer.getvalue()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)


def test_what_compose_shows_is_loopback_only_and_waits_for_the_end() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert set(services) == {"processes", "containers"}
    for service in services.values():
        assert service["build"] == "."
        assert service["init"] is True
        assert service["ports"] == ["127.0.0.1:4566:4566"]
        assert service["stop_grace_period"] == "35s"
    assert "/var/run/docker.sock:/var/run/docker.sock" in services["containers"]["volumes"]
    assert "docker.sock" not in str(services["processes"])
