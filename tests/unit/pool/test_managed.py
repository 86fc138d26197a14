"""Environments on Managed Instances: many invocations in one, and as many as the bounds say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from emulator.model.errors import AwsError, DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.sandbox import Exit
from emulator.pool.concurrent import ConcurrentEnvironment
from emulator.pool.host import PoolSettings
from emulator.pool.managed import ManagedPool
from emulator.pool.placement import EnvironmentBounds
from emulator.testing import RuntimeClient, Script, until_idle
from tests.unit.pool.conftest import World, make_world

_ARN = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:provider"
#: Seconds that TCP may take on a busy machine.
_PATIENCE_S = 0.05


def managed(world: World, concurrency: int = 2, **fields: Any) -> FunctionVersion:
    instances = {
        "CapacityProviderArn": _ARN,
        "PerExecutionEnvironmentMaxConcurrency": concurrency,
    }
    return world.function(
        version="1",
        log_format="JSON",
        memory_mb=2048,
        settings={
            "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": instances}
        },
        **fields,
    )


Handler = Callable[[RuntimeClient, bytes], Awaitable[bytes]]


def workers(count: int, handler: Handler) -> Script:
    """A script of a runtime with ``count`` workers, each with a connection of its own."""

    async def work(client: RuntimeClient) -> None:
        while True:
            request_id, payload = await client.next()
            answer = await handler(client, payload)
            await client.respond(request_id, answer)

    async def script(runtime: RuntimeClient) -> Exit | None:
        clients = [await runtime.another() for _ in range(count)]
        await asyncio.gather(*(work(client) for client in clients))
        return None

    return script


class Held:
    """A handler that answers once it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.seen: list[bytes] = []

    async def __call__(self, client: RuntimeClient, payload: bytes) -> bytes:
        self.seen.append(payload)
        await self.go.wait()
        return payload


_BOUNDS = EnvironmentBounds()


async def started(
    world: World, version: FunctionVersion, bounds: EnvironmentBounds = _BOUNDS
) -> ManagedPool:
    pool = world.pools.managed(version)
    pool.scale(bounds)
    await pool.settled()
    await until_idle(_PATIENCE_S)
    return pool


async def test_one_environment_runs_several_invocations_at_once(world: World) -> None:
    held = Held()
    world.driver.script = workers(3, held)
    version = managed(world, 3)
    pool = await started(world, version)
    calls = [world.begin(version, str(n).encode()) for n in range(3)]
    await until_idle(_PATIENCE_S)
    assert sorted(held.seen) == [b"0", b"1", b"2"]
    (environment,) = pool.environments.values()
    assert (environment.state, environment.invokes) == ("invoking", 3)
    held.go.set()
    assert [(await call).payload for call in calls] == [b"0", b"1", b"2"]
    await until_idle(_PATIENCE_S)
    assert environment.state == "ready"
    environ = world.driver.sandboxes[0].spec.environ
    assert environ["AWS_LAMBDA_MAX_CONCURRENCY"] == "3"
    assert environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances"
    assert environ["AWS_LAMBDA_LOG_FORMAT"] == "JSON"


async def test_the_least_number_is_there_before_the_first_call(world: World) -> None:
    world.driver.script = workers(2, Held())
    pool = await started(world, managed(world), EnvironmentBounds(3, 5))
    assert len(world.driver.sandboxes) == pool.count == 3
    await world.clock.advance(3600)
    assert pool.count == 3


async def test_work_is_spread(world: World) -> None:
    held = Held()
    world.driver.script = workers(2, held)
    version = managed(world)
    pool = await started(world, version, EnvironmentBounds(2, 2))
    calls = [world.begin(version) for _ in range(2)]
    await until_idle(_PATIENCE_S)
    assert [each.invokes for each in pool.environments.values()] == [1, 1]
    held.go.set()
    await asyncio.gather(*calls)


async def test_more_come_up_to_the_greatest_number_then_callers_are_throttled(world: World) -> None:
    held = Held()
    world.driver.script = workers(2, held)
    version = managed(world)
    pool = await started(world, version, EnvironmentBounds(1, 2))
    calls = [world.begin(version, str(n).encode()) for n in range(4)]
    await until_idle(_PATIENCE_S)
    assert (pool.count, len(held.seen)) == (2, 4)
    with pytest.raises(AwsError) as raised:
        await world.invoke(version)
    assert raised.value.code == "TooManyRequestsException"
    assert raised.value.fields["Reason"] == "ConcurrentInvocationLimitExceeded"
    held.go.set()
    await asyncio.gather(*calls)
    await world.invoke(version)
    await world.clock.advance(299)
    assert pool.count == 2
    await world.clock.advance(400)
    assert pool.count == 1, "what has had no work for long goes, down to the least number"


async def test_a_line_is_no_longer_than_what_is_on_its_way(world: World) -> None:
    gate = asyncio.Event()
    world.driver.script = workers(2, Held())
    world.driver.gate = gate.wait
    version = managed(world)
    world.pools.managed(version).scale(EnvironmentBounds(1, 1))
    calls = [world.begin(version) for _ in range(2)]
    await until_idle()
    with pytest.raises(AwsError, match=r"Rate Exceeded\."):
        await world.invoke(version)
    for call in calls:
        call.cancel()
    gate.set()
    await until_idle(_PATIENCE_S)


async def test_the_account_and_the_scaling_rate_do_not_count(world: World) -> None:
    world.admission.limit = 0
    held = Held()
    held.go.set()
    world.driver.script = workers(2, held)
    version = managed(world)
    await started(world, version)
    assert (await world.invoke(version, b"1")).payload == b"1"


async def test_time_is_up_for_one_and_not_for_the_others(world: World) -> None:
    held = Held()
    world.driver.script = workers(2, held)
    version = managed(world, timeout_s=3)
    pool = await started(world, version, EnvironmentBounds(1, 1))
    first = world.begin(version, b"1")
    await until_idle(_PATIENCE_S)
    await world.clock.advance(2)
    second = world.begin(version, b"2")
    await until_idle(_PATIENCE_S)
    await world.clock.advance(1)
    late = await first
    assert json.loads(late.payload)["errorType"] == "Sandbox.Timedout"
    assert not second.done()
    (environment,) = pool.environments.values()
    # Its worker goes on: there is no place for another yet.
    with pytest.raises(AwsError):
        await world.invoke(version)
    held.go.set()
    assert (await second).payload == b"2"
    await until_idle(_PATIENCE_S)
    assert isinstance(environment, ConcurrentEnvironment)
    assert environment.free == 2
    assert (await world.invoke(version, b"3")).payload == b"3"
    assert len(world.driver.sandboxes) == 1


async def test_a_late_answer_is_refused(world: World) -> None:
    answers: list[tuple[int, dict[str, str], bytes]] = []

    async def script(runtime: RuntimeClient) -> Exit | None:
        client = await runtime.another()
        request_id, payload = await client.next()
        await held(client, payload)
        answers.append(await client.call("POST", f"invocation/{request_id}/response", b"1"))
        answers.append(await client.call("POST", f"invocation/{request_id}/response", b"1"))
        await client.next()
        return None

    held = Held()
    world.driver.script = script
    version = managed(world, 2, timeout_s=1)
    await started(world, version)
    call = world.begin(version)
    await until_idle(_PATIENCE_S)
    await world.clock.advance(1)
    await call
    held.go.set()
    await until_idle(_PATIENCE_S)
    assert [status for status, _, _ in answers] == [410, 400]
    assert json.loads(answers[0][2])["errorType"] == "InvokeTimeout"


async def test_an_environment_whose_workers_are_all_late_is_replaced(world: World) -> None:
    world.driver.script = workers(2, Held())
    version = managed(world, timeout_s=1)
    pool = await started(world, version, EnvironmentBounds(1, 1))
    calls = [world.begin(version) for _ in range(2)]
    await until_idle(_PATIENCE_S)
    held = Held()
    held.go.set()
    world.driver.script = workers(2, held)
    await world.clock.advance(1)
    for call in calls:
        assert json.loads((await call).payload)["errorType"] == "Sandbox.Timedout"
    await pool.settled()
    assert (await world.invoke(version, b"5")).payload == b"5"
    assert len(world.driver.live) == 1


async def test_every_caller_hears_of_a_runtime_that_dies(world: World) -> None:
    async def script(runtime: RuntimeClient) -> Exit | None:
        clients = [await runtime.another() for _ in range(3)]
        await asyncio.gather(*(client.next() for client in clients))
        return Exit(status=7)

    world.driver.script = script
    version = managed(world, 4)
    pool = await started(world, version, EnvironmentBounds(1, 1))
    calls = [world.begin(version) for _ in range(4)]
    await until_idle(_PATIENCE_S)
    await world.clock.advance(0.2)
    for call in calls:
        payload = json.loads((await call).payload)
        assert payload["errorType"] == "Runtime.ExitError"
        assert payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 7")
    await pool.settled()
    assert pool.count == 1, "another takes its place"
    assert len(world.driver.sandboxes) == 2


async def test_an_answer_with_an_error_is_that_invocations_own(world: World) -> None:
    async def script(runtime: RuntimeClient) -> Exit | None:
        worker = await runtime.another()
        while True:
            request_id, payload = await worker.next()
            if payload == b"1":
                error = b'{"errorMessage":"no","errorType":"Nope"}'
                await runtime.call(
                    "POST",
                    f"invocation/{request_id}/error",
                    error,
                    {"Lambda-Runtime-Function-Error-Type": "Nope"},
                )
            else:
                await worker.respond(request_id, payload)

    world.driver.script = script
    version = managed(world)
    await started(world, version)
    assert (await world.invoke(version, b"1")).function_error == "Unhandled"
    assert (await world.invoke(version, b"2")).payload == b"2"
    await until_idle()
    statuses = [json.loads(line)["record"]["status"] for line in world.lines() if "report" in line]
    assert statuses == ["error", "success"]


async def test_what_a_worker_has_not_read_another_one_gets(world: World) -> None:
    async def script(runtime: RuntimeClient) -> Exit | None:
        first, second = await runtime.another(), await runtime.another()
        await first.send("GET", "invocation/next")
        transport = first.writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        await until_idle()
        await second.send("GET", "invocation/next")
        await full.wait()
        first.close()
        _, headers, payload = await second.receive()
        await second.respond(headers["lambda-runtime-aws-request-id"], payload + b"2")
        await second.next()
        return None

    full = asyncio.Event()
    world.driver.script = script
    version = managed(world)
    await started(world, version)
    call = world.begin(version, b"1")
    await until_idle(_PATIENCE_S)
    full.set()
    assert (await call).payload == b"12"


async def test_what_was_sent_to_a_worker_that_had_gone_another_one_gets(world: World) -> None:
    """Its end is closed before the call is dispatched, and that is noticed after."""

    async def script(runtime: RuntimeClient) -> Exit | None:
        first, second = await runtime.another(), await runtime.another()
        await first.send("GET", "invocation/next")
        await until_idle()
        await second.send("GET", "invocation/next")
        await go.wait()
        first.close()
        calls.append(world.begin(version, b"1"))
        _, headers, payload = await second.receive()
        await second.respond(headers["lambda-runtime-aws-request-id"], payload + b"2")
        await second.next()
        return None

    go = asyncio.Event()
    calls: list[asyncio.Task[Any]] = []
    world.driver.script = script
    version = managed(world)
    await started(world, version)
    go.set()
    await until_idle(_PATIENCE_S)
    assert (await calls[0]).payload == b"12"


async def test_an_init_that_fails_is_told_and_not_tried_for_ever(world: World) -> None:
    async def fails(runtime: RuntimeClient) -> Exit | None:
        body = b'{"errorMessage":"no","errorType":"ImportError","requestId":"","stackTrace":[]}'
        headers = {"Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError"}
        await runtime.call("POST", "init/error", body, headers)
        return Exit(status=1)

    world.driver.script = fails
    version = managed(world)
    pool = await started(world, version, EnvironmentBounds(2, 4))
    tries = len(world.driver.sandboxes)
    assert tries == 2
    assert pool.count == 0
    assert json.loads((await world.invoke(version)).payload)["errorMessage"] == "no"
    await until_idle(_PATIENCE_S)
    assert len(world.driver.sandboxes) == tries + 1
    held = Held()
    held.go.set()
    world.driver.script = workers(2, held)
    assert (await world.invoke(version, b"1")).payload == b"1"


async def test_a_runtime_that_dies_before_it_is_used_is_not_replaced_for_ever(world: World) -> None:
    async def short(runtime: RuntimeClient) -> Exit | None:
        client = await runtime.another()
        await client.send("GET", "invocation/next")
        await until_idle()
        return Exit(status=3)

    world.driver.script = short
    version = managed(world)
    await started(world, version)
    await world.clock.advance(1)
    await until_idle(_PATIENCE_S)
    tries = len(world.driver.sandboxes)
    await world.clock.advance(60)
    assert len(world.driver.sandboxes) == tries <= 2
    payload = json.loads((await world.invoke(version)).payload)
    assert "exit status 3" in payload["errorMessage"]


async def test_a_driver_fault_reaches_who_waits(world: World) -> None:
    world.driver.fault = DriverFault("no processes left")
    version = managed(world)
    await started(world, version)
    with pytest.raises(AwsError, match="no processes left") as raised:
        await world.invoke(version)
    assert raised.value.code == "ServiceException"
    world.driver.fault = None
    held = Held()
    held.go.set()
    world.driver.script = workers(2, held)
    assert (await world.invoke(version, b"1")).payload == b"1"


async def test_where_there_is_no_room_it_is_said() -> None:
    world = make_world(PoolSettings(max_environments=1))
    busy = world.begin(world.function("other", timeout_s=60))
    world.driver.script = stuck
    await until_idle()
    call = world.begin(managed(world))
    await world.clock.advance(10)
    with pytest.raises(AwsError, match=r"the limit of \d+ environments is reached") as raised:
        await call
    assert raised.value.code == "ServiceException"
    await world.pools.close()
    assert b"signal: killed" in (await busy).payload


async def stuck(runtime: RuntimeClient) -> Exit | None:
    await runtime.next()
    await asyncio.Event().wait()
    return None


async def test_the_tail_of_a_log_is_the_invocations_own(world: World) -> None:
    held = Held()
    world.driver.script = workers(2, held)
    version = managed(world)
    await started(world, version)
    calls = [world.begin(version) for _ in range(2)]
    await until_idle(_PATIENCE_S)
    held.go.set()
    results = [await call for call in calls]
    tails = [[json.loads(line) for line in each.log_tail().splitlines()] for each in results]
    for tail in tails:
        assert [event["type"] for event in tail] == ["platform.start", "platform.report"]
    ids = [{event["record"]["requestId"] for event in tail} for tail in tails]
    assert [len(each) for each in ids] == [1, 1]
    assert ids[0] != ids[1]


async def test_bounds_that_change_take_hold(world: World) -> None:
    held = Held()
    world.driver.script = workers(2, held)
    version = managed(world)
    pool = await started(world, version, EnvironmentBounds(3, 3))
    call = world.begin(version, b"1")
    await until_idle(_PATIENCE_S)
    pool.scale(EnvironmentBounds(0, 0))
    await until_idle(_PATIENCE_S)
    assert len(pool.environments) == 1, "who is busy ends when it is done"
    with pytest.raises(AwsError):
        await world.invoke(version)
    held.go.set()
    assert (await call).payload == b"1"
    await until_idle(_PATIENCE_S)
    assert not pool.environments
    pool.scale(EnvironmentBounds(1, 1))
    assert (await world.invoke(version, b"2")).payload == b"2"


async def test_a_capacity_provider_bounds_all_its_functions_together(world: World) -> None:
    held = Held()
    world.driver.script = workers(1, held)
    world.pools.capacity[_ARN] = 2.0
    version = managed(world, 1)  # 2 GiB, which are 1 vCPU
    await started(world, version, EnvironmentBounds(1, 9))
    calls = [world.begin(version) for _ in range(2)]
    await until_idle(_PATIENCE_S)
    with pytest.raises(AwsError):
        await world.invoke(version)
    held.go.set()
    await asyncio.gather(*calls)


async def test_an_update_sends_away_who_waits_and_lets_the_busy_finish(world: World) -> None:
    held = Held()
    world.driver.script = workers(1, held)
    version = managed(world, 1)
    pool = await started(world, version, EnvironmentBounds(1, 1))
    busy = world.begin(version, b"1")
    await until_idle(_PATIENCE_S)
    world.pools.retire(version, "updated")
    await until_idle(_PATIENCE_S)
    assert len(pool.environments) == 1
    held.go.set()
    assert (await busy).payload == b"1"
    await until_idle(_PATIENCE_S)
    assert not pool.environments


async def test_a_place_is_given_back_by_who_goes_away(world: World) -> None:
    held = Held()
    world.driver.script = workers(1, held)
    version = managed(world, 1)
    await started(world, version, EnvironmentBounds(0, 1))
    open_gate = asyncio.Event()
    world.driver.gate = open_gate.wait
    call = world.begin(version)
    await until_idle(_PATIENCE_S)
    call.cancel()
    open_gate.set()
    await until_idle(_PATIENCE_S)
    held.go.set()
    assert (await world.invoke(version, b"1")).payload == b"1"
    assert len(world.driver.sandboxes) == 1


async def test_evicted_environments_are_replaced(world: World) -> None:
    handler = Held()
    world.driver.script = workers(2, handler)
    version = managed(world)
    pool = await started(world, version, EnvironmentBounds(2, 2))
    before = set(pool.environments)
    call = world.begin(version)
    await until_idle(_PATIENCE_S)
    assert world.pools.evict(version) == (1, 1)
    await until_idle(_PATIENCE_S)
    handler.go.set()
    await call
    await until_idle(_PATIENCE_S)
    assert len(pool.environments) == 2
    assert not before & set(pool.environments)
