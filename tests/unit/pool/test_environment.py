"""One environment's life: init, invokes, failures and what comes after them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import re
import signal
from typing import Any

import pytest

from emulator.driver.base import Sandbox
from emulator.model.causes import StopCause
from emulator.model.function import FunctionVersion
from emulator.model.limits import RESPONSE_PAYLOAD
from emulator.model.sandbox import EnvironmentSpec, Exit
from emulator.pool.host import PoolSettings
from emulator.pool.states import TRANSITIONS, EnvironmentState
from emulator.testing import RuntimeClient, ScriptedSandbox, echo, until_idle
from tests.unit.pool.conftest import World, make_world


async def test_a_cold_invoke_then_a_warm_one(world: World) -> None:
    version = world.function()
    assert (await world.invoke(version, b'{"a": 1}')).payload == b'{"a": 1}'
    assert (await world.invoke(version, b"2")).payload == b"2"
    await until_idle()
    assert len(world.driver.sandboxes) == 1
    lines = world.lines()
    assert lines[0].startswith("INIT_START Runtime Version: python:3.12.v")
    assert [line.split()[0] for line in lines[1:]] == ["START", "END", "REPORT"] * 2
    assert "Init Duration" in lines[3]
    assert "Init Duration" not in lines[6]
    assert re.fullmatch(
        r"REPORT RequestId: [0-9a-f-]{36}\tDuration: 0\.00 ms\tBilled Duration: 1 ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: 10 MB\t",
        lines[6],
    )


async def test_what_a_sandbox_is_made_from_is_no_part_of_its_init(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch(spec: EnvironmentSpec) -> None:
        await world.clock.sleep(30)  # the pull of an image

    monkeypatch.setattr(world.driver, "fetch", fetch)
    calling = world.begin(world.function())
    await until_idle()
    assert not world.driver.sandboxes
    await world.clock.advance(30)
    await calling
    await until_idle()
    assert "\tInit Duration: 0.00 ms\t" in world.lines()[-1]


async def test_a_caller_is_answered_before_the_report_is_written(world: World) -> None:
    version = world.function()
    await world.invoke(version)
    assert [line.split()[0] for line in world.lines()] == ["INIT_START", "START"]
    await until_idle()
    assert [line.split()[0] for line in world.lines()] == ["INIT_START", "START", "END", "REPORT"]


async def test_the_report_is_there_for_who_asks_at_once_and_before_the_next_start(
    world: World,
) -> None:
    version = world.function()
    tail = (await world.invoke(version)).log_tail()
    assert [line.split()[0] for line in tail.decode().splitlines()] == ["START", "END", "REPORT"]
    await world.invoke(version)
    await world.invoke(version)
    written = [line.split()[0] for line in world.lines()[1:]]
    assert written == ["START", "END", "REPORT", "START", "END", "REPORT", "START"]


async def test_an_invocation_leaves_nothing_to_the_garbage_collector(world: World) -> None:
    version = world.function()
    await world.invoke(version)
    await until_idle()
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            await world.invoke(version)
        await world.clock.advance(version.timeout_s)  # the fake clock keeps cancelled timers
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = {type(each).__name__ for each in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left.isdisjoint({"InFlight", "Invocation", "InvocationResult", "bytes"})


async def test_output_comes_before_end_and_in_order(world: World) -> None:
    async def prints(runtime: RuntimeClient) -> Exit | None:
        runtime.print("module level\n")
        request_id, _ = await runtime.next()
        runtime.print("one\ntwo\nno newline")
        await runtime.respond(request_id, b"1")
        return None

    world.driver.script = prints
    await world.invoke(world.function())
    await until_idle()
    words = [line.split()[0] for line in world.lines()]
    assert words == ["INIT_START", "module", "START", "one", "two", "no", "END", "REPORT"]


@pytest.mark.parametrize("end", ["answer", "exit", "timeout"])
async def test_a_line_without_a_newline_belongs_to_its_own_invocation(
    world: World, end: str
) -> None:
    async def prints(runtime: RuntimeClient) -> Exit | None:
        runtime.print("part of the init")
        request_id, _ = await runtime.next()
        runtime.print("part of the invocation")
        if end == "timeout":
            await asyncio.Event().wait()
        elif end == "exit":
            return Exit(status=1)
        await runtime.respond(request_id, b"1")
        return None

    world.driver.script = prints
    version = world.function()
    running = asyncio.ensure_future(world.invoke(version))
    await until_idle()
    if end == "timeout":
        await world.clock.advance(version.timeout_s)
    result = await running
    tail = result.log_tail().decode().splitlines()
    assert "part of the invocation" in tail
    await until_idle()
    lines = [line for line in world.lines() if "Task timed out" not in line]
    assert [line.split(" RequestId")[0].partition(" Runtime")[0] for line in lines[:5]] == [
        "INIT_START",
        "part of the init",
        "START",
        "part of the invocation",
        "END",
    ]


async def test_timeout_answers_as_aws_and_keeps_the_sandbox(world: World) -> None:
    async def hangs(runtime: RuntimeClient) -> Exit | None:
        await runtime.next()
        await asyncio.Event().wait()
        return None

    world.driver.script = hangs
    version = world.function(timeout_s=1)
    call = world.begin(version)
    await until_idle()
    await world.clock.advance(1.0)
    result = await call
    assert result.function_error == "Unhandled"
    payload = json.loads(result.payload)
    assert payload["errorType"] == "Sandbox.Timedout"
    assert re.fullmatch(
        r"RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 seconds",
        payload["errorMessage"],
    )
    assert any(line.endswith("Task timed out after 1.00 seconds") for line in world.lines())
    assert world.lines()[-1].endswith("Status: timeout")
    await until_idle()
    assert world.driver.sandboxes[0].killed
    world.driver.script = echo
    assert (await world.invoke(version, b"3")).payload == b"3"
    assert world.pools.count == 1, "the environment was reset, not replaced"


async def answers_only_one(runtime: RuntimeClient) -> Exit | None:
    while (received := await runtime.next())[1] == b"1":
        await runtime.respond(received[0], b"1")
    await asyncio.Event().wait()
    return None


async def time_out(world: Any, version: FunctionVersion, *, throttled: float) -> list[str]:
    """Let an invocation time out, and return what its log says of throttling."""
    world.driver.script = answers_only_one
    before = len(world.lines(version.name))
    call = world.begin(version)
    await until_idle()
    await world.clock.advance(0.1)
    world.driver.sandboxes[-1].throttled += throttled
    await world.clock.advance(version.timeout_s)
    assert (await call).function_error == "Unhandled"
    await until_idle()
    lines = world.lines(version.name)[before:]
    return [line for line in lines if "throttled" in line]


async def test_a_timeout_says_how_long_the_function_waited_for_its_share_of_cpu(
    world: World,
) -> None:
    version = world.function(timeout_s=3, memory_mb=128)
    (line,) = await time_out(world, version, throttled=2.4)
    assert re.fullmatch(
        r"\S+Z [0-9a-f-]{36} throttled for 2\.4 of 3\.0 s: 128 MB is 7 % of a vCPU "
        r"\(raise MemorySize, or start with --cpu-limit none\)",
        line,
    )
    assert not await time_out(world, version, throttled=0.2), "that did not hold it back"
    (line,) = await time_out(world, version, throttled=9.0)
    assert "throttled for 3.0 of 3.0 s" in line, "the kernel adds up the waits of all CPUs"


async def test_throttling_of_earlier_invocations_does_not_count(world: World) -> None:
    world.driver.script = answers_only_one
    version = world.function(timeout_s=3, memory_mb=128)
    await world.invoke(version, b"1")
    world.driver.sandboxes[-1].throttled = 60.0
    assert not await time_out(world, version, throttled=0.0)


async def test_throttling_is_an_event_in_a_json_log(world: World) -> None:
    version = world.function(timeout_s=3, memory_mb=3538, log_format="JSON")
    (line,) = await time_out(world, version, throttled=1.5)
    event = json.loads(line)
    assert event["type"] == "localfaas.throttled"
    record = event["record"]
    del record["requestId"]
    assert record == {
        "throttledMs": 1500.0,
        "timeoutMs": 3000,
        "memorySizeMB": 3538,
        "vcpus": 2.0,
    }


async def test_init_error_is_tried_again_inside_the_invoke(world: World) -> None:
    attempts = []

    async def fails(runtime: RuntimeClient) -> Exit | None:
        attempts.append(1)
        body = b'{"errorMessage":"no","errorType":"ImportError","requestId":"","stackTrace":[]}'
        await runtime.call(
            "POST",
            "init/error",
            body,
            {"Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError"},
        )
        return Exit(status=1)

    world.driver.script = fails
    result = await world.invoke(world.function())
    assert len(attempts) == 2
    assert result.function_error == "Unhandled"
    assert json.loads(result.payload)["requestId"] == ""
    reports = [line for line in world.lines() if line.startswith("INIT_REPORT")]
    assert ["Phase: init" in reports[0], "Phase: invoke" in reports[1]] == [True, True]
    assert all("Status: error\tError Type: Runtime.ImportModuleError" in line for line in reports)


async def test_init_timeout_is_cut_at_ten_seconds(world: World) -> None:
    async def hangs(runtime: RuntimeClient) -> Exit | None:
        await asyncio.Event().wait()
        return None

    world.driver.script = hangs
    call = world.begin(world.function(timeout_s=30))
    await until_idle()
    await world.clock.advance(10.0)
    (report,) = [line for line in world.lines() if line.startswith("INIT_REPORT")]
    assert report == "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout"
    await world.clock.advance(29.0)
    assert not call.done()
    await world.clock.advance(1.0)
    assert b"Task timed out after 30.00 seconds" in (await call).payload


async def test_exits(world: World) -> None:
    for gone, reason, status in (
        (Exit(status=0), "Runtime exited without providing a reason", "Runtime.ExitError"),
        (Exit(status=3), "Runtime exited with error: exit status 3", "Runtime.ExitError"),
        (Exit(signal=11), "Runtime exited with error: signal: segmentation fault", "Runtime.E"),
        (
            Exit(signal=9, out_of_memory=True),
            "Runtime exited with error: signal: killed",
            "Runtime.OutOfMemory",
        ),
    ):

        async def dies(runtime: RuntimeClient, gone: Exit = gone) -> Exit | None:
            await runtime.next()
            return gone

        world.driver.script = dies
        name = f"f{gone.status}{gone.signal}"
        result = await world.invoke(world.function(name))
        payload = json.loads(result.payload)
        assert payload["errorType"] == "Runtime.ExitError"
        assert payload["errorMessage"].endswith(f"Error: {reason}")
        assert f"Status: error\tError Type: {status}" in world.lines(name)[-1]


async def test_a_dead_idle_runtime_is_not_handed_out(world: World) -> None:
    version = world.function()
    await world.invoke(version)
    await world.driver.sandboxes[0].kill()
    await until_idle()
    assert (await world.invoke(version, b"5")).payload == b"5"
    assert len(world.driver.sandboxes) == 2


async def test_runtime_api_misuse(world: World) -> None:
    seen = {}

    async def misuses(runtime: RuntimeClient) -> Exit | None:
        request_id, _ = await runtime.next()
        seen["unknown"] = await runtime.call("POST", "invocation/nope/response", b"1")
        seen["next"] = await runtime.call("GET", "invocation/next")
        seen["route"] = await runtime.call("GET", "nowhere")
        seen["init"] = await runtime.call("POST", "init/error", b"{}")
        seen["first"] = await runtime.call("POST", f"invocation/{request_id}/response", b"1")
        seen["second"] = await runtime.call("POST", f"invocation/{request_id}/response", b"2")
        request_id, payload = await runtime.next()
        await runtime.respond(request_id, payload)
        await runtime.next()
        return None

    world.driver.script = misuses
    version = world.function()
    assert (await world.invoke(version)).payload == b"1"
    assert (await world.invoke(version, b"9")).payload == b"9"
    status = {name: answer[0] for name, answer in seen.items()}
    assert status == {
        "unknown": 400,
        "next": 403,
        "route": 404,
        "init": 403,
        "first": 202,
        "second": 403,
    }
    assert b"InvalidRequestID" in seen["unknown"][2]
    assert b"InvalidStateTransition" in seen["second"][2]


async def test_a_response_over_the_limit(world: World) -> None:
    async def floods(runtime: RuntimeClient) -> Exit | None:
        request_id, _ = await runtime.next()
        answers.append(await runtime.respond(request_id, b"x" * (6 * 1024 * 1024 + 101)))
        await echo(runtime)
        return None

    answers: list[int] = []
    world.driver.script = floods
    version = world.function()
    payload = json.loads((await world.invoke(version)).payload)
    assert payload == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        "(6291556 bytes).",
    }
    assert (await world.invoke(version, b"8")).payload == b"8"
    assert answers == [413]
    assert len(world.driver.sandboxes) == 1


async def test_an_error_over_the_limit(world: World) -> None:
    async def fails(runtime: RuntimeClient) -> Exit | None:
        request_id, _ = await runtime.next()
        answers.append(await runtime.call("POST", f"invocation/{request_id}/error", too_much))
        await echo(runtime)
        return None

    too_much = json.dumps({"errorMessage": "x" * RESPONSE_PAYLOAD}).encode()
    answers: list[tuple[int, dict[str, str], bytes]] = []
    world.driver.script = fails
    version = world.function()
    result = await world.invoke(version)
    assert result.function_error == "Unhandled"
    assert json.loads(result.payload)["errorType"] == "Function.ResponseSizeTooLarge"
    assert (await world.invoke(version, b"8")).payload == b"8"
    assert [status for status, _, _ in answers] == [413]


async def test_an_error_of_the_init_over_the_limit(world: World) -> None:
    async def fails(runtime: RuntimeClient) -> Exit | None:
        await runtime.call("POST", "init/error", b"x" * (RESPONSE_PAYLOAD + 1))
        return Exit(status=1)

    world.driver.script = fails
    payload = json.loads((await world.invoke(world.function())).payload)
    assert payload["errorType"] == "Function.ResponseSizeTooLarge"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (b"GET /", b" HTTP/1.1\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nX: ", b"\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"\r\nx\r\n0\r\n\r\n"),
    ],
    ids=["path", "header", "chunk"],
)
async def test_a_head_of_megabytes_is_not_heard_to_its_end(
    world: World, begins: bytes, ends: bytes
) -> None:
    async def floods(runtime: RuntimeClient) -> Exit | None:
        await runtime.next()
        other = await runtime.another()
        other.writer.write(begins + b"x" * (4 * 1024 * 1024) + ends)
        with contextlib.suppress(ConnectionError):
            heard.append((await other.reader.readline())[9:12])
        return Exit(status=7)

    heard: list[bytes] = []
    world.driver.script = floods
    payload = json.loads((await world.invoke(world.function())).payload)
    assert payload["errorMessage"].endswith("exit status 7")
    assert b"404" not in heard


async def test_garbage_on_the_runtime_api_breaks_only_that_connection(world: World) -> None:
    async def garbles(runtime: RuntimeClient) -> Exit | None:
        await runtime.next()
        runtime.writer.write(b"\x00\xff garbage\r\n\r\n")
        return Exit(status=7)

    world.driver.script = garbles
    payload = json.loads((await world.invoke(world.function())).payload)
    assert payload["errorMessage"].endswith("exit status 7")


def test_every_state_can_end() -> None:
    for state in set(EnvironmentState) - {EnvironmentState.STOPPED, EnvironmentState.STOPPING}:
        assert EnvironmentState.STOPPING in TRANSITIONS[state]
    assert TRANSITIONS[EnvironmentState.STOPPING] == {EnvironmentState.STOPPED}
    assert set(TRANSITIONS) == set(EnvironmentState)


async def test_a_timeout_while_the_runtime_starts_anew_is_the_callers_own(world: World) -> None:
    """With another caller in line, who is given the environment at the same moment."""
    world.pools.settings = PoolSettings(max_environments=1)
    starts = 0

    async def slow_from_the_second_start_on(runtime: RuntimeClient) -> Exit | None:
        nonlocal starts
        starts += 1
        if starts > 1:
            await world.clock.sleep(5)
            return await echo(runtime)
        request_id, payload = await runtime.next()
        await runtime.respond(request_id, payload)
        await runtime.next()
        await asyncio.Event().wait()  # never answers its second one
        return None

    world.driver.script = slow_from_the_second_start_on
    version = world.function(timeout_s=2)
    assert (await world.invoke(version, b"1")).payload == b"1"
    late = world.begin(version)
    await world.clock.advance(2)
    assert (await late).error_type == "Sandbox.Timedout"
    calls = [world.begin(version) for _ in range(3)]
    await world.clock.advance(2)
    await world.clock.advance(2)
    await world.clock.advance(2)
    assert [(await call).error_type for call in calls] == ["Sandbox.Timedout"] * 3
    await until_idle()
    reports = [line for line in world.lines() if line.startswith("REPORT")]
    assert len(reports) == 5
    assert sum(line.endswith("Status: timeout") for line in reports) == 4


async def test_what_dies_while_it_is_thawed_is_not_handed_out() -> None:
    world = make_world(PoolSettings(freeze=True))
    version = world.function()
    await world.invoke(version)
    await world.clock.advance(1)
    thaw = world.driver.thaw

    async def thaws_and_dies(sandbox: Sandbox) -> None:
        await thaw(sandbox)
        # Heard of in the turn in which the caller goes on.
        world.driver.sandboxes[0].exited.set_result(Exit(status=1))

    world.driver.thaw = thaws_and_dies  # type: ignore[method-assign]
    assert (await world.invoke(version, b"2")).payload == b"2"
    assert len(world.driver.sandboxes) == 2
    await world.pools.close()


async def test_a_runtime_that_has_ended_gets_no_more_though_another_process_asks(
    world: World,
) -> None:
    """As where a web server dies behind an adapter, which goes on to speak for it."""

    async def dies_behind_its_adapter(runtime: RuntimeClient) -> Exit | None:
        request_id, _ = await runtime.next()
        runtime.sandbox.exited.set_result(Exit(status=3))
        await runtime.respond(request_id, b'"no server"')
        request_id, _ = await runtime.next()
        await runtime.respond(request_id, b'"still no server"')
        return None

    world.driver.script = dies_behind_its_adapter
    version = world.function()
    assert (await world.invoke(version)).payload == b'"no server"'
    world.driver.script = echo
    await until_idle()
    assert (await world.invoke(version, b"2")).payload == b"2"
    assert len(world.driver.sandboxes) == 2


class _Extension:
    """What an extension says, over a connection of its own."""

    def __init__(self, runtime: RuntimeClient, name: str) -> None:
        self._runtime, self._name, self._identifier = runtime, name, ""

    async def register(self) -> None:
        await self.ask_to_register()
        assert await self.is_registered()

    async def ask_to_register(self) -> None:
        self._client = await self._runtime.another()
        self._send("POST", "register", f"Lambda-Extension-Name: {self._name}", '{"events":[]}')

    async def is_registered(self) -> bool:
        """Wait for the answer."""
        status, headers, _ = await self._client.receive()
        self._identifier = headers.get("lambda-extension-identifier", "")
        return status == 200

    def wait(self) -> None:
        """Call ``next``, whose answer may never come."""
        self._send("GET", "event/next")

    async def fail(self) -> None:
        """Say that it can't initialise, then end."""
        self._send("POST", "init/error", "Lambda-Extension-Function-Error-Type: Extension.NoKey")
        assert (await self._client.receive())[0] == 202
        self._runtime.sandbox.extensions[self._name].set_result(Exit(status=0))

    def _send(self, method: str, path: str, header: str = "X-None: 0", body: str = "") -> None:
        self._client.writer.write(
            f"{method} /2020-01-01/extension/{path} HTTP/1.1\r\nHost: runtime\r\n{header}\r\n"
            f"Lambda-Extension-Identifier: {self._identifier}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )


def _have_extensions(world: World, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Have each sandbox that starts from now on run extensions."""
    start = world.driver.start

    async def starts(spec: EnvironmentSpec) -> Sandbox:
        sandbox = await start(spec)
        assert isinstance(sandbox, ScriptedSandbox)
        loop = asyncio.get_running_loop()
        sandbox.extensions = {name: loop.create_future() for name in names}
        return sandbox

    monkeypatch.setattr(world.driver, "start", starts)


async def test_a_runtime_whose_extension_has_failed_gets_no_invocation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes up while it is being ended, which takes an engine a while."""
    ends, end = asyncio.Event(), asyncio.Event()

    async def signal(sandbox: Sandbox, number: int) -> None:
        ends.set()
        await end.wait()

    async def comes_up_late(runtime: RuntimeClient) -> Exit | None:
        extension = _Extension(runtime, "ext")
        await extension.register()
        await extension.fail()
        await ends.wait()
        return await echo(runtime)

    _have_extensions(world, monkeypatch, "ext")
    monkeypatch.setattr(world.driver, "signal", signal)
    world.driver.script = comes_up_late
    running = world.begin(world.function())
    await ends.wait()
    await until_idle(0.05)
    end.set()
    await world.clock.advance(10)
    answer = json.loads((await running).payload)
    assert answer.get("errorType") == "Extension.InitError", answer
    assert len(world.driver.sandboxes) == 2


async def test_a_runtime_that_has_timed_out_gets_no_other_invocation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, end = asyncio.Event(), asyncio.Event()

    async def signal(sandbox: Sandbox, number: int) -> None:
        await end.wait()

    async def too_late(runtime: RuntimeClient) -> Exit | None:
        extension = _Extension(runtime, "ext")
        await extension.register()
        extension.wait()
        request_id, _ = await runtime.next()
        await goes_on.wait()
        await runtime.respond(request_id, b'"too late"')
        request_id, _ = await runtime.next()
        await runtime.respond(request_id, b'"by the old one"')
        return None

    async def anew(runtime: RuntimeClient) -> Exit | None:
        extension = _Extension(runtime, "ext")
        await extension.register()
        extension.wait()
        return await echo(runtime)

    _have_extensions(world, monkeypatch, "ext")
    monkeypatch.setattr(world.driver, "signal", signal)
    world.driver.script = too_late
    version = world.function()
    first = world.begin(version)
    await until_idle(0.05)
    world.driver.script = anew
    await world.clock.advance(version.timeout_s)
    assert json.loads((await first).payload)["errorType"] == "Sandbox.Timedout"
    second = world.begin(version, b'"second"')
    await until_idle()
    goes_on.set()
    await until_idle(0.05)
    end.set()
    await world.clock.advance(10)
    assert (await second).payload == b'"second"'
    (environment,) = world.pools.environments.values()
    environment.stop(StopCause.EVICTED)
    await world.clock.advance(10)


@pytest.mark.parametrize("count", [10, 11])
async def test_ten_extensions_are_the_most_however_soon_they_register(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """They may have done so before the emulator comes to look at them."""
    names = [f"number{index:02}" for index in range(count)]
    _have_extensions(world, monkeypatch, *names)
    start = world.driver.start

    async def starts_late(spec: EnvironmentSpec) -> Sandbox:
        sandbox = await start(spec)
        await until_idle(0.05)
        return sandbox

    async def quick(runtime: RuntimeClient) -> Exit | None:
        extensions = [_Extension(runtime, name) for name in names]
        for each in extensions:
            await each.ask_to_register()
        for each in extensions:
            if await each.is_registered():
                each.wait()
        return await echo(runtime)

    monkeypatch.setattr(world.driver, "start", starts_late)
    world.driver.script = quick
    running = world.begin(world.function())
    await until_idle(0.05)
    await world.clock.advance(10)
    answer = json.loads((await running).payload)
    (environment,) = world.pools.environments.values()
    environment.stop(StopCause.EVICTED)
    await world.clock.advance(10)
    assert answer.get("errorType", "") == ("" if count == 10 else "Extension.LaunchError"), answer


async def test_the_first_failure_of_two_extensions_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are heard of in one turn, as where a machine has no memory for them."""

    async def both_end(runtime: RuntimeClient) -> Exit | None:
        one, other = runtime.sandbox.extensions.values()
        one.set_result(Exit(status=3))
        other.set_result(Exit(status=4))
        return await echo(runtime)

    _have_extensions(world, monkeypatch, "one", "other")
    world.driver.script = both_end
    running = world.begin(world.function())
    await world.clock.advance(10)
    answer = json.loads((await running).payload)
    assert answer["errorType"] == "Extension.Crash", answer
    assert answer["errorMessage"].endswith("exit status 3")
    assert len(world.driver.sandboxes) == 2
    await until_idle()
    assert len([line for line in world.lines() if line.startswith("INIT_REPORT")]) == 2


async def _with_an_internal_extension(runtime: RuntimeClient) -> Exit | None:
    extension = _Extension(runtime, "inner")
    await extension.register()
    extension.wait()
    return await echo(runtime)


@pytest.mark.parametrize("ends_with_runtime", [False, True])
async def test_a_runtime_with_an_internal_extension_has_half_a_second_after_sigterm(
    world: World, ends_with_runtime: bool
) -> None:
    world.driver.script = _with_an_internal_extension
    await world.invoke(world.function())
    await until_idle()
    (sandbox,) = world.driver.sandboxes
    sandbox.ends_with_runtime = ends_with_runtime
    (environment,) = world.pools.environments.values()
    environment.stop(StopCause.EVICTED)
    await until_idle()
    assert sandbox.signals == [signal.SIGTERM]
    await world.clock.advance(0.49)
    assert not sandbox.killed
    await world.clock.advance(0.02)
    assert sandbox.killed
