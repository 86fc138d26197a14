"""The Docker driver on an engine elsewhere: what the suite of all drivers does not ask."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator.driver.docker.driver import DockerDriver
from emulator.driver.docker.settings import DockerSettings
from emulator.model.errors import ConfigurationError
from emulator.settings import Settings
from tests.api.conftest import Running
from tests.contract.docker_engine import (
    IMAGE,
    RUNTIME,
    Runtime,
    make_driver,
    make_spec,
    read_output,
    refused_connections,
    until,
)
from tests.contract.remote_engine import REMOTE, RemoteEngine

pytestmark = REMOTE


@asynccontextmanager
async def open_driver(environ: dict[str, str], **settings: Any) -> AsyncIterator[DockerDriver]:
    driver = make_driver(environ=environ, **settings)
    await driver.open()
    try:
        yield driver
    finally:
        await driver.close()


@pytest.fixture
async def driver(remote_engine: RemoteEngine) -> AsyncIterator[DockerDriver]:
    async with open_driver(remote_engine.environ()) as opened:
        yield opened
    assert remote_engine.left(f"localfaas.instance={opened.instance}") == []
    assert not opened.folder.exists()


async def _reach(environ: dict[str, str]) -> None:
    async with open_driver(environ):
        pass


class TestTheWayThere:
    async def test_a_context_with_tls(self, remote_engine: RemoteEngine, tmp_path: Path) -> None:
        name = hashlib.sha256(b"away").hexdigest()
        meta, tls = (tmp_path / "contexts" / each / name for each in ("meta", "tls"))
        meta.mkdir(parents=True)
        endpoint = {"Host": f"tcp://{remote_engine.host}:2376", "SkipTLSVerify": False}
        (meta / "meta.json").write_text(
            json.dumps({"Name": "away", "Endpoints": {"docker": endpoint}})
        )
        (tmp_path / "config.json").write_text(json.dumps({"currentContext": "away"}))
        shutil.copytree(remote_engine.certificates, tls / "docker")
        await _reach({"DOCKER_CONFIG": str(tmp_path)})

    async def test_a_certificate_the_engine_does_not_know(
        self, remote_engine: RemoteEngine, tmp_path: Path
    ) -> None:
        shutil.copy(remote_engine.certificates / "ca.pem", tmp_path)
        environ = remote_engine.environ() | {"DOCKER_CERT_PATH": str(tmp_path)}
        with refused_connections(), pytest.raises(ConfigurationError, match="no Docker engine"):
            await _reach(environ)

    async def test_an_engine_that_is_not_the_one(
        self, remote_engine: RemoteEngine, tmp_path: Path
    ) -> None:
        shutil.copytree(remote_engine.certificates, tmp_path / "tls")
        shutil.copy(tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "ca.pem")
        environ = remote_engine.environ() | {"DOCKER_CERT_PATH": str(tmp_path / "tls")}
        with refused_connections(), pytest.raises(ConfigurationError, match="CERTIFICATE_VERIFY"):
            await _reach(environ)

    async def test_ssh(self, remote_engine: RemoteEngine, tmp_path: Path) -> None:
        environ = remote_engine.ssh_environ(tmp_path)
        (tmp_path / "code").mkdir()
        async with open_driver(environ) as driver:
            sandbox = await driver.start(make_spec(tmp_path / "code"))
            runtime = await Runtime.connect(sandbox)
            assert await runtime.run("result = 7") == 7
            [tunnel] = _tunnels(remote_engine)
            os.kill(tunnel, signal.SIGKILL)
            await _no_tunnels(remote_engine)
            # The way there is found anew, and what was started before goes on.
            assert await runtime.run("result = 8") == 8
            assert (await driver.usage(sandbox)).processes == 1
            assert len(_tunnels(remote_engine)) == 1
            runtime.close()
        assert _tunnels(remote_engine) == []
        assert remote_engine.left(f"localfaas.instance={driver.instance}") == []

    async def test_ssh_refused_says_why(self, remote_engine: RemoteEngine, tmp_path: Path) -> None:
        environ = remote_engine.ssh_environ(tmp_path)
        environ["DOCKER_HOST"] = environ["DOCKER_HOST"].replace("root@", "nobody@")
        with pytest.raises(ConfigurationError, match="Permission denied"):
            await _reach(environ)
        assert _tunnels(remote_engine) == []

    async def test_a_tunnel_ends_with_its_emulator(
        self, remote_engine: RemoteEngine, tmp_path: Path
    ) -> None:
        script = (
            "import asyncio, os\n"
            "from tests.contract.docker_engine import make_driver\n"
            "async def main():\n"
            "    await make_driver().open()\n"
            "    os.kill(os.getpid(), 9)\n"
            "asyncio.run(main())\n"
        )
        environ = remote_engine.ssh_environ(tmp_path)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, env=environ)
        assert await process.wait() == -signal.SIGKILL
        await _no_tunnels(remote_engine)


def _tunnels(engine: RemoteEngine) -> list[int]:
    """The processes of ``ssh`` that lead to the engine."""
    found = subprocess.run(
        ["pgrep", "-f", f"client.conf.* -L .*{engine.host}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(pid) for pid in found.stdout.split()]


async def _no_tunnels(engine: RemoteEngine) -> None:
    await until(lambda: not _tunnels(engine))


class TestFiles:
    async def test_large_code_is_shipped_once_and_anew_once_changed(
        self, driver: DockerDriver, remote_engine: RemoteEngine, tmp_path: Path
    ) -> None:
        (tmp_path / "weight").write_bytes(os.urandom(5 << 20))
        (tmp_path / "weight").chmod(0o666)
        started = [await driver.start(make_spec(tmp_path)) for _ in range(2)]
        assert await _volumes(remote_engine, driver) == 2  # the bootstrap, and the code
        for sandbox in started:
            assert sandbox.channel is None
            await driver.stop(sandbox)
        (tmp_path / "weight").write_bytes(os.urandom(5 << 20))
        await driver.start(make_spec(tmp_path))
        assert await _volumes(remote_engine, driver) == 3

    async def test_small_code_is_written_into_a_stem_cell(
        self, driver: DockerDriver, remote_engine: RemoteEngine, tmp_path: Path
    ) -> None:
        (tmp_path / "data").write_text("before")
        (tmp_path / "data").chmod(0o666)
        looks = (
            "result = [open('data').read()]\n"
            "try: open('data', 'w')\n"
            "except PermissionError: result.append('refused')"
        )
        for text in ("before", "after"):
            (tmp_path / "data").write_text(text)
            runtime = await Runtime.connect(await driver.start(make_spec(tmp_path)))
            assert await runtime.run(looks) == [text, "refused"]
            runtime.close()
        assert await _volumes(remote_engine, driver) == 1  # the bootstrap

    async def test_tmp_and_code_survive_a_reset(self, driver: DockerDriver, tmp_path: Path) -> None:
        spec = make_spec(tmp_path)
        first = await driver.start(spec)
        runtime = await Runtime.connect(first)
        await runtime.run("open('/tmp/kept', 'w').write('here')")
        runtime.close()
        await driver.kill(first)
        second = await driver.reset(first, spec)
        runtime = await Runtime.connect(second)
        assert await runtime.run("result = open('/tmp/kept').read()") == "here"
        runtime.close()

    async def test_the_aws_sdk_is_shipped_where_the_image_has_none(
        self, driver: DockerDriver, remote_engine: RemoteEngine, tmp_path: Path
    ) -> None:
        bare = "localfaas-test/bare:1"
        copy = f"docker export $(docker create {IMAGE} true) | docker import -c 'CMD sh' - {bare}"
        process = await asyncio.create_subprocess_shell(copy, env=remote_engine.environ())
        assert await process.wait() == 0
        async with open_driver(remote_engine.environ(), images={RUNTIME: bare}, stems=0) as other:
            environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "/var/runtime"}
            runtime = await Runtime.connect(await other.start(make_spec(tmp_path, environ=environ)))
            found = await runtime.run("import boto3; result = boto3.__file__")
            assert found == "/var/runtime/boto3/__init__.py"
            runtime.close()


async def _volumes(engine: RemoteEngine, driver: DockerDriver) -> int:
    """How many volumes the driver shares between containers there."""
    mark = f"label=localfaas.instance={driver.instance}"
    found = await asyncio.to_thread(engine.docker, "volume", "ls", "-q", "--filter", mark)
    return len(found.split())


class TestLife:
    async def test_stem_cells_are_ready_ahead_of_use(
        self, driver: DockerDriver, tmp_path: Path
    ) -> None:
        await driver.prepare(RUNTIME, "x86_64")
        runtime = await Runtime.connect(await driver.start(make_spec(tmp_path)))
        assert await runtime.run("import os; result = os.getcwd()") == "/var/task"
        runtime.close()

    @pytest.mark.parametrize("stems", [0, 1])
    async def test_the_memory_is_known_from_the_start(
        self, remote_engine: RemoteEngine, tmp_path: Path, stems: int
    ) -> None:
        async with open_driver(remote_engine.environ(), stems=stems) as driver:
            sandbox = await driver.start(make_spec(tmp_path))
            assert sandbox.memory_peak() > 0

    async def test_a_frozen_environment_can_be_stopped(
        self, driver: DockerDriver, tmp_path: Path
    ) -> None:
        sandbox = await driver.start(make_spec(tmp_path))
        await driver.freeze(sandbox)
        await driver.stop(sandbox)
        assert (await sandbox.exited).signal == signal.SIGKILL

    async def test_output_of_both_kinds_of_containers(
        self, driver: DockerDriver, tmp_path: Path
    ) -> None:
        stem = await driver.start(make_spec(tmp_path))
        fresh = await driver.start(
            make_spec(tmp_path, environ={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "1"})
        )
        runtime = await Runtime.connect(stem)
        runtime.send("print('from a stem cell', flush=True)")
        assert b"from a stem cell\n" in await read_output(stem, b"cell\n")
        # It has no one to talk to, and says so.
        assert b"onnection" in await read_output(fresh, b"efused")
        runtime.close()

    async def test_orphans_of_a_killed_emulator_are_removed(
        self, remote_engine: RemoteEngine, tmp_path: Path
    ) -> None:
        script = (
            "import asyncio, os, pathlib\n"
            "from tests.contract.docker_engine import make_driver, make_spec\n"
            "async def main():\n"
            "    driver = make_driver(stems=2)\n"
            "    await driver.open()\n"
            f"    await driver.start(make_spec(pathlib.Path({str(tmp_path)!r})))\n"
            "    print(driver.instance, flush=True)\n"
            "    os.kill(os.getpid(), 9)\n"
            "asyncio.run(main())\n"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script,
            env=remote_engine.environ(), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await process.communicate()
        instance = said.decode().strip()
        assert len(remote_engine.left(f"localfaas.instance={instance}")) >= 2
        async with open_driver(remote_engine.environ(), stems=0):
            await until(lambda: remote_engine.left(f"localfaas.instance={instance}") == [])


#: Looks for whatever listens at the emulator's address, and asks it for work and for functions.
INTRUDER = """\
import os, socket, urllib.parse

def handler(event, context):
    emulator = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
    answers = []
    for port in event["ports"]:
        for host in ("localhost", socket.gethostbyname(emulator.hostname)):
            request = f"GET {event['path']} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n"
            try:
                with socket.create_connection((emulator.hostname, port), 60) as connection:
                    connection.sendall(request.encode())
                    connection.settimeout(60)
                    answers.append(connection.recv(15).decode())
            except OSError as error:
                answers.append(type(error).__name__)
    return answers
"""
CALLS_BACK = """\
import json, os, urllib.request

def handler(event, context):
    print("asking")
    url = os.environ["AWS_ENDPOINT_URL"] + "/2015-03-31/functions/"
    with urllib.request.urlopen(url) as answer:
        return [each["FunctionName"] for each in json.load(answer)["Functions"]]
"""


@pytest.fixture
def running(remote_engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    for name, value in remote_engine.environ().items():
        monkeypatch.setenv(name, value)
    own = DockerSettings(images={"python3.11": IMAGE})
    running = Running(
        Settings(port=0, cpu_limit="none", driver="docker", driver_options={"docker": own})
    )
    yield running
    running.stop()


class TestAnEmulator:
    def test_functions_call_back_and_are_walled_off(self, running: Running) -> None:
        client = running.client("lambda")
        _create(client, "calls-back", CALLS_BACK)
        _create(client, "intruder", INTRUDER)
        answer = client.invoke(FunctionName="calls-back", LogType="Tail")
        assert sorted(json.load(answer["Payload"])) == ["calls-back", "intruder"]
        assert "FunctionError" not in answer

        victims = [each.spec for each in running.emulator.pools.environments.values()]
        apis = [int(spec.runtime_api.rpartition(":")[2]) for spec in victims]
        assert apis
        path = "/2018-06-01/runtime/invocation/next"
        assert set(_invoke(client, "intruder", ports=apis, path=path)) <= {
            "",
            "ConnectionResetError",
        }
        path = "/2015-03-31/functions/"
        ports = [urlsplit(str(victims[0].environ["AWS_ENDPOINT_URL"])).port]
        assert set(_invoke(client, "intruder", ports=ports, path=path)) == {"HTTP/1.1 403 Fo"}


def _create(client: Any, name: str, source: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, source)
    client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="app.handler",
        Timeout=300,
        Code={"ZipFile": buffer.getvalue()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)


def _invoke(client: Any, name: str, **event: Any) -> Any:
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    return json.load(answer["Payload"])
