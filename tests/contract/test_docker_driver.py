"""The Docker driver against a real engine: what the suite of all drivers does not ask."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.driver.base import Sandbox
from emulator.driver.docker.build import build_runtime_image
from emulator.driver.docker.create_request import user_id
from emulator.driver.docker.driver import DockerDriver
from emulator.model.console import SilentConsole
from emulator.model.debugging import DEBUG
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.sandbox import Exit, ImageConfig
from tests.contract.docker_engine import (
    IMAGE,
    RUNTIME,
    RUNTIMES,
    Runtime,
    make_driver,
    make_spec,
    need_engine,
    open_driver,
    read_output,
    refused_connections,
    until,
)
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]


@pytest.fixture
async def driver() -> AsyncIterator[DockerDriver]:
    need_engine()
    async with open_driver() as opened:
        yield opened


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _left(driver: DockerDriver) -> list[str]:
    mark = f"label=localfaas.instance={driver.instance}"
    found = _docker("ps", "-aq", "--filter", mark).split()
    found += _docker("volume", "ls", "-q", "--filter", mark).split()
    mounts = Path("/proc/self/mounts").read_text()
    folder = str(driver.folder)
    return found + [line for line in mounts.splitlines() if folder in line]


def _stray_links() -> int:
    """Return how many links to containers there are beyond one for each that runs.

    Those of this engine: others, on other bridges, have tests of their own at the same time.
    """
    links = list(Path("/sys/class/net/docker0/brif").glob("*"))
    return len(links) - len(_docker("ps", "-q").split())


async def _stands_still(driver: DockerDriver, sandbox: Sandbox) -> bool:
    before = (await driver.usage(sandbox)).cpu_seconds
    await asyncio.sleep(0.2)
    return (await driver.usage(sandbox)).cpu_seconds == before


class TestWalls:
    async def test_an_environment_is_what_it_is_on_aws(
        self, driver: DockerDriver, tmp_path: Path
    ) -> None:
        sandbox = await driver.start(make_spec(tmp_path))
        runtime = await Runtime.connect(sandbox)
        found = await runtime.run(
            "import os, resource\n"
            "status = dict(l.split(':', 1) for l in open('/proc/self/status'))\n"
            "def writable(path):\n"
            "    try: open(path + '/probe', 'w'); return True\n"
            "    except OSError: return False\n"
            "result = {'uid': os.getuid(), 'gid': os.getgid(),\n"
            " 'caps': status['CapBnd'].strip(), 'nnp': status['NoNewPrivs'].strip(),\n"
            " 'seccomp': status['Seccomp'].strip(), 'env': dict(os.environ),\n"
            " 'files': resource.getrlimit(resource.RLIMIT_NOFILE),\n"
            " 'writable': [p for p in ('/', '/var/task', '/opt', '/etc', '/tmp') if writable(p)],\n"
            " 'docker': os.path.exists('/var/run/docker.sock'), 'cwd': os.getcwd(),\n"
            " 'first': os.getpid() == 1}"
        )
        assert found == {
            "uid": user_id(1),
            "gid": user_id(1),
            "caps": "0" * 16,
            "nnp": "1",
            "seccomp": "2",
            "env": {
                "PATH": "/usr/bin:/bin",
                "AWS_REGION": "eu-west-1",
                "AWS_LAMBDA_RUNTIME_API": f"{driver.reach_host}:9001",
                "PYTHONPATH": "/var/runtime",  # the runtime sets it
            },
            "files": [1024, 1024],
            "writable": ["/tmp"],
            "docker": False,
            "cwd": "/var/task",
            "first": False,
        }
        runtime.close()

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root: without, they are open")
    @pytest.mark.parametrize("allowed", [False, True])
    async def test_link_local_addresses_are_closed_unless_asked_for(
        self, tmp_path: Path, allowed: bool
    ) -> None:
        need_engine()
        async with open_driver(allow_link_local=allowed) as driver:
            runtime = await Runtime.connect(await driver.start(make_spec(tmp_path)))
            number = await runtime.run(
                "import socket\n"
                "client = socket.socket()\n"
                "client.settimeout(0.5)\n"
                "result = client.connect_ex(('169.254.169.254', 80))"
            )
            assert (number == errno.EACCES) is not allowed
            runtime.close()

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root: without, neighbours reach it")
    async def test_a_debugger_is_nothing_for_a_neighbour(
        self, driver: DockerDriver, tmp_path: Path
    ) -> None:
        pytest.importorskip("debugpy")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with socket.create_server((driver.listen_host, 0)) as api:
            debugged = await driver.start(
                make_spec(
                    tmp_path,
                    environ={"PATH": "/usr/bin:/bin", DEBUG: f"{port},wait"},
                    memory_mb=1024,
                    runtime_api=f"{driver.reach_host}:{api.getsockname()[1]}",
                )
            )
            await read_output(debugged, b"listens on")
        runtime = await Runtime.connect(await driver.start(make_spec(tmp_path)))
        number = await runtime.run(
            "import socket\n"
            "client = socket.socket()\n"
            "client.settimeout(0.5)\n"
            f"result = client.connect_ex(('{debugged.host}', {port}))"
        )
        assert number == errno.EAGAIN  # no answer
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reader.readline()).startswith(b"Content-Length")
        writer.close()
        runtime.close()

    async def test_processes_are_limited(self, driver: DockerDriver, tmp_path: Path) -> None:
        sandbox = await driver.start(make_spec(tmp_path, memory_mb=1769))
        runtime = await Runtime.connect(sandbox)
        made = await runtime.run(
            "import os, signal\n"
            "pids = []\n"
            "try:\n"
            "    for _ in range(1000):\n"
            "        pid = os.fork()\n"
            "        if not pid: signal.pause(); os._exit(0)\n"
            "        pids.append(pid)\n"
            "except OSError: pass\n"
            "for pid in pids: os.kill(pid, 9); os.waitpid(pid, 0)\n"
            "result = len(pids)"
        )
        assert 700 < made < 742
        runtime.close()

    async def test_an_environment_reaches_this_machine_and_is_told_apart(
        self, driver: DockerDriver, tmp_path: Path
    ) -> None:
        sandbox = await driver.start(make_spec(tmp_path))
        other = await driver.start(make_spec(tmp_path))
        runtime = await Runtime.connect(sandbox)
        with socket.socket() as listener:
            listener.bind((driver.listen_host, 0))
            listener.listen()
            listener.setblocking(False)
            port = listener.getsockname()[1]
            for name in (driver.reach_host, "host.docker.internal"):
                runtime.send(f"import socket; socket.create_connection(({name!r}, {port}))")
                connection, peer = await asyncio.get_running_loop().sock_accept(listener)
                local = connection.getsockname()
                connection.close()
                assert sandbox.admits(peer, local)
                assert not other.admits(peer, local)
                await runtime.answered()
        assert not sandbox.admits((driver.listen_host, 1234), (driver.listen_host, port))
        runtime.close()


class TestFiles:
    @pytest.mark.parametrize("size", [512, 600])
    async def test_the_size_of_tmp_is_a_limit_and_no_memory(
        self, driver: DockerDriver, tmp_path: Path, size: int
    ) -> None:
        if driver.notes():
            pytest.skip(driver.notes()[0])
        sandbox = await driver.start(make_spec(tmp_path, memory_mb=256, ephemeral_storage_mb=size))
        runtime = await Runtime.connect(sandbox)
        written = await runtime.run(
            "import os\n"
            "result = 0\n"
            "try:\n"
            "    with open('/tmp/large', 'wb', buffering=0) as file:\n"
            "        while result < 1000: file.write(bytes(1 << 20)); result += 1\n"
            "except OSError: pass\n"
            "os.unlink('/tmp/large')"
        )
        assert size <= written < size * 1.1
        runtime.close()


class TestEnds:
    async def test_docker_kill_behind_our_back(self, driver: DockerDriver, tmp_path: Path) -> None:
        sandbox = await driver.start(make_spec(tmp_path))
        _docker("kill", sandbox.container.id)  # type: ignore[attr-defined]
        assert (await sandbox.exited).signal == signal.SIGKILL
        anew = await driver.reset(sandbox, make_spec(tmp_path))
        runtime = await Runtime.connect(anew)
        assert await runtime.run("result = 1") == 1
        runtime.close()

    async def test_docker_pause_behind_our_back(self, driver: DockerDriver, tmp_path: Path) -> None:
        sandbox = await driver.start(make_spec(tmp_path))
        _docker("pause", sandbox.container.id)  # type: ignore[attr-defined]
        await driver.kill(sandbox)
        anew = await driver.reset(sandbox, make_spec(tmp_path))
        runtime = await Runtime.connect(anew)
        assert await runtime.run("result = 1") == 1
        runtime.close()


class TestFreezing:
    async def test_nothing_moves_while_frozen(self, driver: DockerDriver, tmp_path: Path) -> None:
        sandbox = await driver.start(make_spec(tmp_path, memory_mb=1769))
        runtime = await Runtime.connect(sandbox)
        await runtime.run(
            "import threading\n"
            "import app\n"
            "app.ticks = 0\n"
            "def tick():\n"
            "    while True: app.ticks += 1\n"
            "threading.Thread(target=tick, daemon=True).start()"
        )
        await driver.freeze(sandbox)
        # What it did until then is booked a little later; a busy thread would never stand still.
        async with asyncio.timeout(PATIENCE_S):
            while not await _stands_still(driver, sandbox):
                pass
        await driver.thaw(sandbox)
        assert await runtime.run("import app; result = app.ticks") > 0
        runtime.close()

    async def test_a_frozen_environment_can_be_stopped(
        self, driver: DockerDriver, tmp_path: Path
    ) -> None:
        sandbox = await driver.start(make_spec(tmp_path))
        await driver.freeze(sandbox)
        await driver.stop(sandbox)
        assert (await sandbox.exited).signal == signal.SIGKILL


class TestImageFunctions:
    async def test_the_image_runs_its_own_command_with_overrides(
        self, driver: DockerDriver
    ) -> None:
        config = ImageConfig(
            entrypoint=("/bin/sh", "-c"),
            command=("echo $AWS_LAMBDA_RUNTIME_API in $PWD as $(id -u); exit 7",),
            working_directory="/usr/share",
        )
        spec = make_spec(None, image=IMAGE, image_config=config, runtime="", handler="")
        sandbox = await driver.start(spec)
        assert sandbox.channel is None
        said = await read_output(sandbox, b"\n")
        assert said.decode().strip() == f"{driver.reach_host}:9001 in /usr/share as {user_id(1)}"
        assert await sandbox.exited == Exit(status=7)

    async def test_a_large_output_comes_whole_and_in_order(self, driver: DockerDriver) -> None:
        config = ImageConfig(
            entrypoint=("python3", "-c"),
            command=("for i in range(60000): print(i)\nprint('end')",),
        )
        spec = make_spec(None, image=IMAGE, image_config=config, runtime="", memory_mb=512)
        sandbox = await driver.start(spec)
        lines = (await read_output(sandbox, b"end\n")).decode().split()
        assert lines == [*map(str, range(60000)), "end"]

    async def test_an_entrypoint_that_is_not_there(self, driver: DockerDriver) -> None:
        config = ImageConfig(entrypoint=("/nowhere",))
        spec = make_spec(None, image=IMAGE, image_config=config, runtime="")
        sandbox = await driver.start(spec)
        end = await sandbox.exited
        assert end.error_type == "Runtime.InvalidEntrypoint"
        assert end.message == "fork/exec /nowhere: no such file or directory"

    async def test_an_image_that_can_not_be_had(self, driver: DockerDriver) -> None:
        spec = make_spec(None, image="localhost:1/nothing:here", runtime="")
        with pytest.raises(DriverFault, match="localhost:1/nothing:here"):
            await driver.start(spec)

    async def test_tmp_survives_a_reset(self, driver: DockerDriver) -> None:
        config = ImageConfig(
            entrypoint=("/bin/sh", "-c"),
            command=("cat /tmp/kept || { echo old >/tmp/kept; echo new; }; exec sleep 60",),
        )
        spec = make_spec(None, image=IMAGE, image_config=config, runtime="")
        first = await driver.start(spec)
        assert b"new\n" in await read_output(first, b"new\n")
        second = await driver.reset(first, spec)
        assert await read_output(second, b"old\n") == b"old\n"


class TestOwnImages:
    @pytest.mark.parametrize("language", ["python", "nodejs"])
    async def test_an_image_that_is_built_serves_over_tcp(
        self, tmp_path: Path, language: str
    ) -> None:
        need_engine()
        _write_handlers(tmp_path)
        runtime = {"python": "python3.99", "nodejs": "nodejs99.x"}[language]
        image = await build_runtime_image(
            runtime,
            runtimes=RUNTIMES,
            environ=dict(os.environ),
            base_image=IMAGE,
            console=SilentConsole(),
        )
        try:
            await self._serve(tmp_path, image)
        finally:
            _docker("image", "rm", image)

    async def _serve(self, code: Path, image: str) -> None:
        async with open_driver(stems=0) as driver:
            with socket.create_server((driver.listen_host, 0)) as listener:
                listener.setblocking(False)
                config = ImageConfig(command=("index.handler",))
                spec = make_spec(
                    code,
                    image=image,
                    image_config=config,
                    runtime="",
                    environ={"LAMBDA_TASK_ROOT": "/var/task"},
                    runtime_api=f"{driver.listen_host}:{listener.getsockname()[1]}",
                )
                sandbox = await driver.start(spec)
                loop = asyncio.get_running_loop()
                connection, peer = await loop.sock_accept(listener)
                with connection:
                    assert sandbox.admits(peer, connection.getsockname())
                    said = await loop.sock_recv(connection, 4096)
                assert said.startswith(b"GET /2018-06-01/runtime/invocation/next")


class TestHygiene:
    @pytest.mark.parametrize(
        "environments",
        [12, pytest.param(300, marks=[pytest.mark.soak, pytest.mark.timeout(600)])],
    )
    async def test_churn_leaves_nothing(self, tmp_path: Path, environments: int) -> None:
        need_engine()
        async with open_driver(stems=2) as driver:
            for _ in range(environments // 4):
                started = await asyncio.gather(
                    *(driver.start(make_spec(tmp_path)) for _ in range(4))
                )
                await asyncio.gather(*map(driver.stop, started))
                await asyncio.gather(*map(driver.stop, started))
        assert _left(driver) == []
        assert not driver.folder.exists()
        assert _disks_in(driver.folder) == []
        # The kernel takes a link away a little later; other tests' containers have theirs.
        await until(lambda: _stray_links() <= 0)

    async def test_a_cancelled_start_leaves_nothing(self, tmp_path: Path) -> None:
        need_engine()
        async with open_driver(stems=0) as driver:
            starting = asyncio.ensure_future(driver.start(make_spec(tmp_path)))
            await asyncio.sleep(0.05)
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
        assert _left(driver) == []

    async def test_orphans_of_a_killed_emulator_are_removed(self, tmp_path: Path) -> None:
        need_engine()
        script = (
            "import asyncio, os, pathlib\n"
            "from tests.contract.docker_engine import make_driver, make_spec\n"
            "async def main():\n"
            "    driver = make_driver(stems=2)\n"
            "    await driver.open()\n"
            "    await driver.prepare('python3.11', 'x86_64')\n"
            f"    await driver.start(make_spec(pathlib.Path({str(tmp_path)!r})))\n"
            "    print(driver.instance, driver.folder.name, flush=True)\n"
            "    os.kill(os.getpid(), 9)\n"
            "asyncio.run(main())\n"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        instance, folder = said.decode().split()
        mark = f"label=localfaas.instance={instance}"
        assert len(_docker("ps", "-aq", "--filter", mark).split()) >= 2
        async with open_driver(stems=0) as driver:
            # A start waits for it but for so long.
            await until(lambda: _docker("ps", "-aq", "--filter", mark) == "")
            await until(lambda: folder not in os.listdir(driver.folder.parent))

    async def test_a_living_emulator_keeps_its_containers(
        self, driver: DockerDriver, tmp_path: Path
    ) -> None:
        sandbox = await driver.start(make_spec(tmp_path))
        async with open_driver(stems=0) as other:
            assert other.notes() == driver.notes()
        runtime = await Runtime.connect(sandbox)
        assert await runtime.run("result = 1") == 1
        runtime.close()

    async def test_a_living_emulator_in_a_container_keeps_its_own(self) -> None:
        need_engine()
        control = _docker("run", "-d", IMAGE, "sleep", "60").strip()
        volume = f"localfaas-test-{control[:12]}"
        marks = (f"instance={control}", "owner=elsewhere:/run", f"control={control}")
        try:
            words = [word for mark in marks for word in ("--label", f"localfaas.{mark}")]
            _docker("volume", "create", *words, volume)
            async with open_driver(stems=0):
                assert volume in _docker("volume", "ls", "-q").split()
            _docker("rm", "-f", control)
            async with open_driver(stems=0):
                await until(lambda: volume not in _docker("volume", "ls", "-q").split())
        finally:
            _docker("rm", "-f", control)
            _docker("volume", "rm", "-f", volume)

    async def test_labels_that_are_asked_for(self, tmp_path: Path) -> None:
        need_engine()
        reaper = {"org.testcontainers.session-id": "a-session"}
        async with open_driver(stems=0, labels=reaper) as driver:
            await driver.start(make_spec(tmp_path))
            found = _docker("ps", "-q", "--filter", "label=org.testcontainers.session-id=a-session")
            assert len(found.split()) == 1


class TestStems:
    async def test_a_killed_stem_is_replaced(self, driver: DockerDriver, tmp_path: Path) -> None:
        await driver.prepare(RUNTIME, "x86_64")
        mark = f"label=localfaas.instance={driver.instance}"
        before = _docker("ps", "-q", "--filter", mark)
        _docker("kill", before)
        sandbox = await driver.start(make_spec(tmp_path))
        runtime = await Runtime.connect(sandbox)
        assert await runtime.run("result = 1") == 1
        runtime.close()

    async def test_a_runtime_that_does_not_come_up_says_why(self, tmp_path: Path) -> None:
        need_engine()
        (tmp_path / "python").mkdir()
        (tmp_path / "python" / "bootstrap.py").write_text("raise SystemExit('no runtime here')")
        async with open_driver(bootstraps=tmp_path) as driver:
            with pytest.raises(DriverFault, match="no runtime here"):
                await driver.start(make_spec(tmp_path))


async def test_no_engine_is_a_clear_error(tmp_path: Path) -> None:
    driver = make_driver(host=f"unix://{tmp_path}/none.sock")
    with refused_connections(), pytest.raises(ConfigurationError, match="--driver process"):
        await driver.open()


def _write_handlers(code: Path) -> None:
    (code / "index.py").write_text("def handler(event, context): pass")
    (code / "index.js").write_text("exports.handler = async () => {}")
    code.chmod(0o755)


def _disks_in(folder: Path) -> list[str]:
    """The loop devices whose files lie (or lay) in ``folder``."""
    files = Path("/sys/block").glob("loop*/loop/backing_file")
    return [text for file in files if str(folder) in (text := file.read_text())]
