"""Copies of sandboxes that wait at their snapshot: each is a sandbox like any other."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.process import snapshot_check
from emulator.driver.process.driver import ProcessDriver
from emulator.model.errors import DriverFault
from emulator.model.sandbox import Exit
from tests.contract.conftest import make_process_driver
from tests.contract.sandboxes import (
    Runtime,
    ended,
    handler,
    limits_memory,
    make_spec,
    with_api,
    write_code,
)

KINDS = ["process-root", pytest.param("process-user", marks=pytest.mark.slow)]
_SNAP = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}


@pytest.fixture(params=KINDS)
async def driver(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[ProcessDriver]:
    driver = make_process_driver(request.param, folder / "state")
    await driver.open()
    yield driver
    await driver.close()


class Original:
    """A function at its snapshot."""

    def __init__(self, runtime: Runtime, spec: Any, told: dict[str, list[str]]) -> None:
        self.runtime, self.spec = runtime, spec
        self.hindrances, self.shared = told["hindrances"], told["shared"]

    @classmethod
    async def start(
        cls, driver: ProcessDriver, folder: Path, source: str, **changes: Any
    ) -> Original:
        spec = make_spec(write_code(folder, source), environ=_SNAP, **changes)
        runtime = await Runtime.start(driver, spec)
        request = await runtime.request()
        assert (request.method, request.path) == ("GET", "restore/next"), request
        return cls(runtime, spec, json.loads(request.headers["localfaas-snapshot"]))

    async def copy(self) -> Runtime:
        driver = self.runtime.driver
        assert isinstance(driver, ProcessDriver)
        spec = with_api(self.spec, "127.0.0.1:7")
        copy = await Runtime.of(driver, await driver.copy(self.runtime.sandbox, spec))
        await copy.ready()
        return copy


_WRITES = handler(
    "with open('/tmp/left', 'a') as file: file.write('x')\n"
    "return [open('/tmp/left').read(), sorted(os.listdir('/tmp')), os.getuid(), os.getpid(),\n"
    "        os.environ['AWS_LAMBDA_RUNTIME_API'], os.getcwd(), open('/proc/1/comm').read() != '']"
)


async def test_a_copy_is_a_sandbox_of_its_own(driver: ProcessDriver, folder: Path) -> None:
    original = await Original.start(driver, folder, _WRITES)
    assert original.hindrances == []
    copies = [await original.copy() for _ in range(3)]
    told = [(await copy.invoke({})).json() for copy in copies]
    assert [each[:2] for each in told] == [["x", ["left"]]] * 3
    assert len({each[3] for each in told}) == 3
    assert {each[4] for each in told} == {"127.0.0.1:7"}
    assert {each[5] for each in told} == {"/var/task"}
    # A sandbox of its own has a process of its own on the machine.
    assert len({copy.sandbox.pid for copy in copies} | {original.runtime.sandbox.pid}) == 4
    for copy in copies:
        await copy.stop()
    await original.runtime.stop()


async def test_copies_outlive_the_stop_of_their_original(
    driver: ProcessDriver, folder: Path
) -> None:
    original = await Original.start(driver, folder, handler("return event"))
    copy = await original.copy()
    await original.runtime.stop()
    assert (await copy.invoke(1)).json() == 1
    with pytest.raises(DriverFault):
        await original.copy()
    pid = original.runtime.sandbox.pid
    assert pid is not None
    await copy.stop()
    await driver.close()
    assert not os.path.exists(f"/proc/{pid}")
    assert not driver._sandboxes


async def test_the_end_of_a_copy_is_told(driver: ProcessDriver, folder: Path) -> None:
    original = await Original.start(driver, folder, handler("exec(event)"))
    copy = await original.copy()
    await copy.send("os._exit(7)")
    assert await ended(copy) == Exit(status=7)
    await copy.stop()
    copy = await original.copy()
    await copy.send("os.kill(os.getpid(), 9)")
    assert (await ended(copy)).signal == signal.SIGKILL
    await copy.stop()
    # Nothing of it is left, whatever it has started.
    copy = await original.copy()
    code = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)"
    await copy.invoke(code)
    children = driver_processes(copy)
    assert len(children) == 2
    await copy.stop()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in children)
    await original.runtime.stop()


def driver_processes(runtime: Runtime) -> list[int]:
    from emulator.driver.process.sandbox import ProcessSandbox

    assert isinstance(runtime.sandbox, ProcessSandbox)
    return runtime.sandbox.processes()


async def test_a_copy_is_held_to_its_memory(driver: ProcessDriver, folder: Path) -> None:
    if not limits_memory(driver):
        pytest.skip("no control groups here")
    original = await Original.start(driver, folder, handler("bytearray(300_000_000)"))
    copy = await original.copy()
    await copy.send({})
    assert (await ended(copy)).out_of_memory
    await copy.stop()
    other = await original.copy()  # the original lives on
    await other.stop()
    await original.runtime.stop()


async def test_a_copy_freezes_and_thaws(driver: ProcessDriver, folder: Path) -> None:
    original = await Original.start(driver, folder, handler("return event"))
    copy = await original.copy()
    await driver.freeze(copy.sandbox)
    await copy.send(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await copy.reader.readexactly(1)
    await driver.thaw(copy.sandbox)
    assert (await copy.request()).json() == 1
    await copy.stop()
    await original.runtime.stop()


async def test_connections_of_init_are_dead_and_files_read_apart(
    driver: ProcessDriver, folder: Path
) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    original = await Original.start(
        driver,
        folder,
        f"import socket\nconnection = socket.create_connection(('127.0.0.1', {port}))\n"
        "file = open('/var/task/app.py', 'rb', buffering=0)\n"
        "def handler(event, context):\n    return [len(connection.recv(9)), len(file.read(9))]\n",
    )
    peer, _ = server.accept()
    assert original.hindrances == []
    assert original.shared == [
        "a socket in app.connection",
        f"an open connection to 127.0.0.1:{port}",
    ]
    for _ in range(2):
        copy = await original.copy()
        assert (await copy.invoke({})).json() == [0, 9]
        await copy.stop()
    await original.runtime.stop()
    peer.close()
    server.close()


async def test_event_loops_of_init_work_in_each_copy(driver: ProcessDriver, folder: Path) -> None:
    original = await Original.start(
        driver,
        folder,
        """
        import asyncio, concurrent.futures
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(asyncio.sleep(0))
        pool = concurrent.futures.ThreadPoolExecutor(1)
        def handler(event, context):
            # Another thread wakes the loop: by its own socket, not by that of other copies.
            return loop.run_until_complete(loop.run_in_executor(pool, lambda: event))
        """,
    )
    assert original.hindrances == []
    copies = [await original.copy() for _ in range(3)]
    for number in range(6):
        copy = copies[number % 3]
        assert (await copy.invoke(number)).json() == number
    for copy in copies:
        await copy.stop()
    await original.runtime.stop()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=(60,), daemon=True, name='ticker').start()",
            "1 thread of its INIT still runs (ticker)",
        ),
        (
            "import subprocess\nchild = subprocess.Popen(['sleep', '60'])",
            "1 process of its INIT still runs",
        ),
        ("file = open('/tmp/log', 'w')", "/tmp/log is open for writing"),
        ("open('/tmp/model', 'w').close()", "its INIT has left files in /tmp"),
        ("import os\npipe = os.pipe()", "descriptor 5 is pipe"),
        ("import socket, select\nepoll, pair = select.epoll(), socket.socketpair()", "is a socket"),
        ("import socket\npair = socket.socketpair()", "is a socket of this machine"),
        ("import mmap\nshared = mmap.mmap(-1, 4096)", "memory is shared between processes"),
    ],
)
async def test_what_cannot_be_copied_says_why_and_goes_on_itself(
    driver: ProcessDriver, folder: Path, source: str, why: str
) -> None:
    original = await Original.start(driver, folder, f"{source}\n{handler('return event')}")
    assert any(why in each for each in original.hindrances), original.hindrances
    original.runtime.answer("200 OK")
    await original.runtime.ready()
    assert (await original.runtime.invoke(1)).json() == 1
    await original.runtime.stop()


async def test_a_driver_that_closes_leaves_no_copies(driver: ProcessDriver, folder: Path) -> None:
    original = await Original.start(driver, folder, handler("return event"))
    await driver.expect_copies(original.runtime.sandbox, original.spec)
    copies = [await original.copy() for _ in range(2)]
    pids = [each.sandbox.pid for each in (*copies, original.runtime)]
    await driver.close()
    for each in (*copies, original.runtime):
        each.writer.close()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
    assert not driver._sandboxes


async def test_doctor_says_how_snapshots_are_restored(driver: ProcessDriver, folder: Path) -> None:
    snapshot_check.write_function(folder)
    found = await snapshot_check.check(driver, folder / "code")
    assert (found.subject, found.verdict) == ("SnapStart", "ok")
    assert found.detail.startswith("Python is copied from its snapshot. Other runtimes go on from")
    assert "CRIU" in found.detail


async def test_doctor_says_where_nothing_can_be_copied(folder: Path) -> None:
    driver = make_process_driver("process-none", folder / "state")
    await driver.open()
    snapshot_check.write_function(folder)
    found = await snapshot_check.check(driver, folder / "code")
    assert found.verdict == "note"
    assert "there are no namespaces" in found.detail
    await driver.close()
