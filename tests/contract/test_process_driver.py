"""The process driver: what the suite of all drivers does not ask."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.base import Driver
from emulator.driver.languages.python import LANGUAGE as PYTHON
from emulator.driver.process import layout, zygote
from emulator.driver.process.driver import ProcessDriver
from emulator.driver.process.interpreters import find
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.model.clock import Watchdog
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.sandbox import Exit
from tests.contract.conftest import LINUX, PROCESS_ONLY, make_process_driver
from tests.contract.sandboxes import (
    Runtime,
    ended,
    group_folders,
    handler,
    is_jailed,
    make_spec,
    write_code,
)
from tests.needs import need
from tests.patience import PATIENCE_S


@PROCESS_ONLY
async def test_a_zygote_that_is_killed_is_replaced(driver: Driver, folder: Path) -> None:
    code = write_code(folder, handler("return 1"))
    await driver.prepare("python3.11", "x86_64")
    first = await Runtime.start(driver, make_spec(code))
    await first.ready()
    left = json.loads((folder / "state/process/left.json").read_text())
    os.kill(left["processes"][-1][0], 9)
    if is_jailed(driver):
        assert await ended(first) == Exit(signal=9)
    await first.stop()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                second = await Runtime.start(driver, make_spec(code))
                await second.ready()
                break
            except (DriverFault, OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.01)
    assert (await second.invoke({})).json() == 1
    await second.stop()


@PROCESS_ONLY
async def test_a_zygote_that_does_not_answer_is_replaced(driver: Driver, folder: Path) -> None:
    code = write_code(folder, handler("return 1"))
    await driver.prepare("python3.11", "x86_64")
    assert isinstance(driver, ProcessDriver)
    (starting,) = driver._zygotes.values()
    stopped = await starting
    os.kill(stopped.pid, signal.SIGSTOP)
    stopped._watchdog = Watchdog(0.01, stopped._kill)
    unmade = await stopped.take(None, alone=True)
    await unmade.standing
    assert await unmade.exited == Exit(signal=9)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                runtime = await Runtime.start(driver, make_spec(code))
                await runtime.ready()
                break
            except (DriverFault, OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.01)
    assert (await runtime.invoke({})).json() == 1
    await runtime.stop()


@pytest.mark.skipif(not LINUX, reason="sandboxes with a root of their own need Linux")
@pytest.mark.parametrize("kind", ["process-root", "process-user"], indirect=True)
@pytest.mark.parametrize(
    "python", [each.executable for each in find(PYTHON) if each.release >= 11], ids=str
)
async def test_whichever_python_it_runs_on_starts_other_runtimes(
    kind: str, folder: Path, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("node")
    monkeypatch.setattr(zygote, "own_interpreter", lambda: python)
    driver = make_process_driver(kind, folder / "state")
    await driver.open()
    try:
        await driver.prepare("nodejs20.x", "x86_64")
        code = write_code(folder, "exports.handler = async () => 1", "app.js")
        runtime = await Runtime.start(driver, make_spec(code, runtime="nodejs20.x"))
        await runtime.ready()
        assert (await runtime.invoke({})).json() == 1
        await runtime.stop()
    finally:
        await driver.close()


@PROCESS_ONLY
async def test_runtimes_it_can_not_serve_are_refused_with_a_remedy(driver: Driver) -> None:
    with pytest.raises(ConfigurationError, match="docker"):
        driver.check_runtime("dotnetcore3.1")


def leftovers(state: Path) -> dict[str, Any]:
    """What a driver could leave on the machine."""
    mounts = Path("/proc/self/mountinfo").read_text()
    return {
        "fds": sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in list_fds()),
        "children": Path(f"/proc/self/task/{os.getpid()}/children").read_text().split(),
        "mounts": mounts.count(str(state)),
        "processes": processes_about(state),
        "tmp": sorted(str(p) for p in state.glob("process/tmp/*")),
    }


def existing(paths: list[Any]) -> list[Any]:
    return [path for path in paths if os.path.exists(path)]


def list_fds() -> list[str]:
    return [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]


def processes_about(state: Path) -> list[str]:
    """Return the processes that have a file of ``state`` open as their standard error."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/fd/2").startswith(str(state)):
                found.append(pid)
        except OSError:
            continue
    return found


@PROCESS_ONLY
@pytest.mark.skipif(not LINUX, reason="needs /proc")
async def test_close_leaves_nothing(kind: str, folder: Path) -> None:
    code = write_code(folder, handler("return 1"))
    state = folder / "state"
    before = leftovers(state)
    driver = make_process_driver(kind, state)
    await driver.open()
    await driver.prepare("python3.11", "x86_64")
    runtimes = [await Runtime.start(driver, make_spec(code)) for _ in range(5)]
    for runtime in runtimes:
        await runtime.ready()
    bases = group_folders(driver)
    await driver.stop(runtimes[0].sandbox)
    await driver.close()
    for runtime in runtimes:
        runtime.writer.close()
        await runtime.writer.wait_closed()
    after = leftovers(state)
    # Emulators of other tests in this process close connections of their own meanwhile.
    assert set(after.pop("fds")) <= set(before.pop("fds"))
    assert after == before
    assert not existing(bases)


VICTIM = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = {path!r}
from emulator.driver.process.driver import ProcessDriver
from tests.contract.sandboxes import Runtime, group_folders, make_spec

async def main():
    driver = ProcessDriver(state=Path({state!r}), isolation={isolation!r})
    await driver.open()
    await driver.prepare("python3.11", "x86_64")
    runtimes = []
    for _ in range(3):
        runtime = await Runtime.start(driver, make_spec(Path({code!r})))
        runtimes.append(runtime)
        await runtime.ready()
        await runtime.invoke({{}})
    print("ready", *group_folders(driver), flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


@PROCESS_ONLY
@pytest.mark.skipif(not LINUX, reason="needs /proc")
async def test_kill_9_of_the_control_plane_leaves_no_process(kind: str, folder: Path) -> None:
    driver = make_process_driver(kind, folder / "state")
    marker = f"{1000 + os.getpid() / 1e6:.6f}"
    code = write_code(
        folder,
        handler(
            f"import subprocess; subprocess.Popen(['sleep', '{marker}'], start_new_session=True)"
        ),
    )
    program = VICTIM.format(
        path=[str(Path(__file__).parents[2])],
        state=str(folder / "state"),
        isolation=kind.removeprefix("process-"),
        code=str(code),
    )
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    try:
        ready, *bases = (await asyncio.wait_for(victim.stdout.readline(), PATIENCE_S)).split()
        assert ready == b"ready"
        assert len(sleepers(marker)) == 3
    finally:
        victim.kill()
        await victim.wait()
    async with asyncio.timeout(PATIENCE_S):
        while sleepers(marker) or processes_about(folder / "state"):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    # Groups and folders are nobody's to remove until the next start.
    await driver.open()
    await driver.close()
    assert not existing(bases)
    assert not list((folder / "state/process").glob("tmp/*"))


def sleepers(marker: str) -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if marker.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return [pid for pid in found if pid != str(os.getpid())]


@pytest.mark.parametrize("use_cgroups", [True, False])
async def test_the_peak_of_a_runtime_that_has_ended_is_known(
    folder: Path, use_cgroups: bool
) -> None:
    driver = ProcessDriver(state=folder / "state", use_cgroups=use_cgroups)
    await driver.open()
    code = write_code(folder, handler("data = bytearray(b'x' * 40_000_000); sys.exit(7)"))
    runtime = await Runtime.start(driver, make_spec(code, memory_mb=512))
    await runtime.ready()
    await runtime.send({})
    assert await ended(runtime) == Exit(status=7)
    assert 45e6 < runtime.sandbox.memory_peak() < 130e6
    await runtime.stop()
    await driver.close()


@pytest.mark.skipif(not LINUX, reason="needs control groups")
async def test_without_control_groups_it_says_so(folder: Path) -> None:
    driver = ProcessDriver(state=folder / "state", use_cgroups=False)
    await driver.open()
    assert any("memory limits" in note for note in driver.notes())
    runtime = await Runtime.start(driver, make_spec(write_code(folder, handler("return 1"))))
    await runtime.ready()
    assert (await runtime.invoke({})).json() == 1
    assert runtime.sandbox.memory_peak() > 0
    await driver.freeze(runtime.sandbox)
    await runtime.stop()
    await driver.close()


@PROCESS_ONLY
async def test_the_official_client(kind: str, folder: Path) -> None:
    pytest.importorskip("awslambdaric")
    driver = make_process_driver(kind, folder / "state", bootstrap="awslambdaric")
    await driver.open()
    code = write_code(folder, handler("return [event, type(context).__module__]"))
    # Its compiled part is there for the Python it was installed with.
    own = f"python3.{sys.version_info.minor}"
    runtime = await Runtime.start(driver, make_spec(code, runtime=own, memory_mb=1769))
    await runtime.ready()
    await runtime.send({"a": 1})
    answer = await runtime.request()
    assert answer.json() == [{"a": 1}, "awslambdaric.lambda_context"]
    await runtime.stop()
    await driver.close()


@PROCESS_ONLY
async def test_one_state_folder_serves_one_emulator(driver: Driver, folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="Another emulator"):
        await ProcessDriver(state=folder / "state").open()


@PROCESS_ONLY
async def test_of_what_can_not_be_started_anew_nothing_is_left(
    driver: Driver, folder: Path
) -> None:
    spec = make_spec(write_code(folder, handler("return 1")))
    first = await Runtime.start(driver, spec)
    await first.ready()
    first.writer.close()
    with pytest.raises(DriverFault, match="its code is not there"):
        await driver.reset(first.sandbox, replace(spec, code=folder / "nowhere"))
    assert isinstance(first.sandbox, ProcessSandbox)
    assert first.sandbox.gone.done()
    assert (first.sandbox.output, first.sandbox.group, first.sandbox.tmp) == (None, None, None)


@PROCESS_ONLY
async def test_a_start_that_fails_for_want_of_room_takes_none(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(layout, "UIDS_PER_INSTANCE", 1)  # there can be one sandbox
    spec = make_spec(write_code(folder, handler("return 1")))
    driver = make_process_driver(kind, folder / "state", stem_cells=0)
    await driver.open()
    await driver.prepare("python3.11", "x86_64")
    try:
        with monkeypatch.context() as full:
            full.setattr(socket, "socketpair", refuse)
            with pytest.raises(DriverFault, match=r"no sandbox could be made: .* open files"):
                await driver.start(spec)
        await asyncio.gather(*driver._background)
        with monkeypatch.context() as full:
            full.setattr(driver._temporary, "take", refuse)
            with pytest.raises(DriverFault, match=r"contract could not be started: .* open files"):
                await driver.start(spec)
        runtime = await Runtime.start(driver, spec)
        await runtime.ready()
        await runtime.stop()
    finally:
        await driver.close()


@PROCESS_ONLY
@pytest.mark.skipif(not LINUX, reason="needs /proc")
async def test_a_zygote_that_ends_at_once_leaves_nothing(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = leftovers(folder / "state")
    driver = make_process_driver(kind, folder / "state")
    await driver.open()
    try:
        with monkeypatch.context() as broken:
            broken.setattr(zygote.Zygote, "_arguments", lambda *_: ["-c", "raise SystemExit"])
            with pytest.raises(DriverFault, match="did not start"):
                await driver.prepare("python3.11", "x86_64")
        assert leftovers(folder / "state")["children"] == before["children"]
        await driver.prepare("python3.11", "x86_64")
    finally:
        await driver.close()
