"""A driver and the supervisors of its pods, on one machine: what needs no kubelet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.conventions import runtimes_folder
from emulator.driver.kubernetes.cluster import ClusterFault
from emulator.driver.kubernetes.conversation import Conversation
from emulator.driver.kubernetes.driver import KubernetesDriver
from emulator.driver.kubernetes.settings import KubernetesSettings
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.sandbox import Exit
from tests.contract.sandboxes import (
    SLEEPERS,
    Runtime,
    ended,
    handler,
    make_spec,
    signal_thawed,
    write_code,
)
from tests.needs import need
from tests.unit.driver.kubernetes.one_machine import OneMachine, need_namespaces

Start = Callable[..., Awaitable[Runtime]]


@pytest.fixture
def machine() -> OneMachine:
    need_namespaces()
    return OneMachine()


@pytest.fixture
async def driver(
    machine: OneMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[KubernetesDriver]:
    settings = KubernetesSettings(
        stems=0,
        advertise="127.0.0.1",
        directory=tmp_path / "locks",
        images={"python3.11": "x", "nodejs20.x": "x"},
    )
    driver = KubernetesDriver(settings, bootstraps=runtimes_folder(), environ={})
    monkeypatch.setattr(driver, "_cluster", machine)
    await driver.open()
    yield driver
    await driver.close()
    assert machine.pods == {}, "something is left"
    await machine.close()


@pytest.fixture
async def start(driver: KubernetesDriver, tmp_path: Path) -> AsyncIterator[Start]:
    runtimes: list[Runtime] = []

    async def start(source: str, *, wait: bool = True, **changes: Any) -> Runtime:
        runtime = await Runtime.start(driver, make_spec(write_code(tmp_path, source), **changes))
        runtimes.append(runtime)
        if wait:
            await runtime.ready()
        return runtime

    yield start
    for runtime in runtimes:
        await runtime.stop()


async def test_a_function_goes_through_all_its_life(
    start: Start, driver: KubernetesDriver, tmp_path: Path
) -> None:
    source = handler(
        """
        import subprocess
        print("printed", event)
        if event == "spawn":
            subprocess.Popen(["sleep", "1000"], start_new_session=True)
        try:
            open(os.environ["LAMBDA_TASK_ROOT"] + "/new", "w")
        except OSError as error:
            return [type(error).__name__, os.getuid() >= 10_000, sorted(os.listdir("/tmp"))]
        finally:
            open("/tmp/kept", "w").close()
        """
    )
    runtime = await start(source)
    assert (await runtime.invoke("spawn")).json() == ["OSError", True, []]
    assert "printed spawn" in await runtime.output("printed spawn")
    assert (await driver.usage(runtime.sandbox)).processes == 2
    assert runtime.sandbox.memory_peak() > 1e6
    await driver.freeze(runtime.sandbox)
    await runtime.send("frozen")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await runtime.request()
    await driver.thaw(runtime.sandbox)
    assert (await runtime.request()).json()[0] == "OSError"
    runtime.writer.close()
    spec = make_spec(write_code(tmp_path, source))
    again = await Runtime.of(driver, await driver.reset(runtime.sandbox, spec))
    await again.ready()
    assert (await again.invoke("again")).json() == ["OSError", True, ["kept"]]
    assert (await driver.usage(again.sandbox)).processes == 1
    await driver.kill(again.sandbox)
    assert await ended(again) == Exit(signal=9)
    await again.stop()


NODE = """\
const { spawn } = require('node:child_process');
const fs = require('node:fs');
exports.handler = async (event) => {
  console.log('printed', event);
  if (event === 'spawn') spawn('sh', ['-c', 'sleep 1000 & exec sleep 1001'], { detached: true });
  if (event === 'exit') process.exit(7);
  let wrote = true;
  try { fs.writeFileSync('/var/task/new', ''); } catch { wrote = false; }
  const kept = fs.existsSync('/tmp/kept');
  fs.writeFileSync('/tmp/kept', '');
  return [wrote, kept, process.env.OWN];
};
"""


async def test_node_js_functions_go_through_all_of_theirs(
    driver: KubernetesDriver, tmp_path: Path
) -> None:
    need("node")
    code = write_code(tmp_path, NODE, "app.js")
    spec = make_spec(code, runtime="nodejs20.x", environ={"OWN": "x"})
    runtime = await Runtime.start(driver, spec)
    await runtime.ready()
    assert (await runtime.invoke("spawn")).json() == [False, False, "x"]
    assert "printed spawn" in await runtime.output("printed spawn")
    # The shell begins its own process some time after the function has begun the shell.
    async with asyncio.timeout(60):
        while (await driver.usage(runtime.sandbox)).processes < 3:
            pass
    await driver.freeze(runtime.sandbox)
    await runtime.send("frozen")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await runtime.request()
    await driver.thaw(runtime.sandbox)
    assert (await runtime.request()).json() == [False, True, "x"]
    runtime.writer.close()
    again = await Runtime.of(driver, await driver.reset(runtime.sandbox, spec))
    await again.ready()
    assert (await again.invoke("again")).json() == [False, True, "x"]
    assert (await driver.usage(again.sandbox)).processes == 1
    await again.send("exit")
    assert await ended(again) == Exit(status=7)
    assert "printed exit" in await again.output("printed exit")
    await again.stop()


async def test_no_variable_of_a_function_is_in_its_pods_spec(
    start: Start, machine: OneMachine
) -> None:
    secret = "hush-4711"
    runtime = await start(handler("return os.environ['SECRET']"), environ={"SECRET": secret})
    assert (await runtime.invoke({})).json() == secret
    assert secret not in json.dumps([machine.asked, machine.pods])


async def test_ends_are_told_after_all_that_was_printed(start: Start) -> None:
    runtime = await start(handler("print('last words'); os._exit(7)"))
    await runtime.send({})
    assert await ended(runtime) == Exit(status=7)
    assert "last words" in await runtime.output("last words")


async def test_a_signal_right_after_the_thaw_is_handled(
    start: Start, driver: KubernetesDriver
) -> None:
    """By the main thread, which sleeps among others that the kernel may wake before it."""
    await signal_thawed(driver, await start(SLEEPERS + handler("return event")))


async def test_code_of_any_size_arrives_and_changes_are_seen(
    driver: KubernetesDriver, tmp_path: Path
) -> None:
    code = write_code(tmp_path, handler("return len(open('/var/task/data').read())"))
    spec = make_spec(code)
    for size in (3_000_000, 10, 0):  # in a file, in memory, nothing
        (code / "data").write_text("x" * size)
        runtime = await Runtime.start(driver, spec)
        await runtime.ready()
        assert (await runtime.invoke({})).json() == size
        await runtime.stop()


async def test_a_runtime_that_needs_a_fresh_process(start: Start, tmp_path: Path) -> None:
    runtime = await start(
        handler("return [sys.flags.hash_randomization, os.getcwd()]"),
        environ={"PYTHONHASHSEED": "0"},
    )
    assert (await runtime.invoke({})).json() == [0, "/var/task"]


async def test_an_end_that_comes_with_its_process_id_is_heard_of(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Conversation.ask

    async def late(self: Conversation, doing: str, *args: Any, **order: Any) -> dict[str, Any]:
        answer = await ask(self, doing, *args, **order)
        while doing == "run" and (await ask(self, "usage"))["processes"]:
            pass
        return answer

    monkeypatch.setattr(Conversation, "ask", late)
    environ = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/none"}
    runtime = await start(handler(""), wait=False, environ=environ)
    assert await ended(runtime) == Exit(status=127)


async def test_a_pod_that_dies_takes_its_function_with_it(
    start: Start, machine: OneMachine
) -> None:
    runtime = await start(handler("return event"))
    machine.kill(next(iter(machine.pods)))
    assert await ended(runtime) == Exit(signal=9)


async def test_refusals_say_why(
    driver: KubernetesDriver, machine: OneMachine, tmp_path: Path
) -> None:
    machine.refusals[""] = ClusterFault("exceeded quota: pods=2", 403, "Forbidden")
    with pytest.raises(DriverFault, match="exceeded quota"):
        await driver.start(make_spec(write_code(tmp_path, handler("return event"))))
    with pytest.raises(ConfigurationError, match="function of an image"):
        driver.check_runtime("java21")
    with pytest.raises(ConfigurationError):
        driver.check_runtime("no such runtime")
