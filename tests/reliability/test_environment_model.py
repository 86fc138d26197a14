"""Environments, their pools and their callers under everything that may happen to them at once.

Hypothesis state machines over scripted runtimes and a clock moved by hand. What must hold, whatever
the order: each caller gets exactly one answer, and its own; no environment runs more invocations
than it may; concurrency stays within its limits; in the end nothing is left.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from emulator.driver.base import Sandbox
from emulator.model.errors import AwsError, DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.lifecycle_events import (
    EnvironmentRequested,
    EnvironmentStopped,
    EnvironmentStopping,
    Event,
    InvocationAnswered,
    InvocationEnded,
    InvocationEvent,
    InvocationRefused,
    InvocationRequested,
    InvocationStarted,
    InvocationWaiting,
)
from emulator.model.sandbox import EnvironmentSpec, Exit
from emulator.pool.host import PoolSettings
from emulator.pool.placement import EnvironmentBounds
from emulator.pool.pools import PROVISIONED_INIT_SECONDS
from emulator.pool.provisioned import Provisioning
from emulator.pool.states import EnvironmentState
from emulator.registry.function import Function
from emulator.telemetry.timeline.timeline import Timeline
from emulator.testing import FakeClock, RuntimeClient, ScriptedDriver, until_idle
from tests.unit.pool.conftest import World, make_world

pytestmark = pytest.mark.thorough

T = TypeVar("T")

#: Another run of the same: LOCALFAAS_TEST_SEED=… pytest …
SEED = int(os.environ.get("LOCALFAAS_TEST_SEED") or random.randrange(1 << 32))
SECONDS = st.sampled_from([0.0, 0.005, 0.02, 0.3, 1.0, 2.0, 3.0, 11.0, 301.0])
TIMEOUT_S = 2
INITS = ["quick", "slow", "very slow", "fails", "exits", "hangs"]
WORKS = [
    "answer",
    "answer",
    "error",
    "slow",
    "hang",
    "exit",
    "answer, exit",
    "answer, hang",
    "answer, pause",
    "answer twice",
    "next at once",
]
FAULTS = ["start", "reset", "kill", "freeze", "thaw"]


class FaultyDriver(ScriptedDriver):
    """A scripted driver of which each operation can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: set[str] = set()
        #: Seconds that starting and starting again take.
        self.takes_s = 0.0
        self.clock = FakeClock()

    async def _do(self, name: str) -> None:
        if self.takes_s:
            await self.clock.sleep(self.takes_s)
        if name in self.faults:
            raise DriverFault(f"no {name}")

    async def start(self, spec: EnvironmentSpec) -> Sandbox:
        await self._do("start")
        return await super().start(spec)

    async def reset(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        await self.stop(sandbox)
        await self._do("reset")
        return await ScriptedDriver.start(self, spec)

    async def kill(self, sandbox: Sandbox) -> None:
        if "kill" in self.faults:
            raise DriverFault("no kill")
        await super().kill(sandbox)

    async def freeze(self, sandbox: Sandbox) -> None:
        await self._do("freeze")
        await super().freeze(sandbox)

    async def thaw(self, sandbox: Sandbox) -> None:
        await self._do("thaw")
        await super().thaw(sandbox)


class _Machine(RuleBasedStateMachine):
    """The invoke path over fakes, and a loop to run it on."""

    names: tuple[str, ...]
    #: Invocations that an environment may run at once.
    concurrency: int
    world: World
    driver: FaultyDriver
    clock: FakeClock

    async def script(self, runtime: RuntimeClient) -> Exit | None:
        """Be a runtime."""
        raise NotImplementedError

    async def nothing_is_held(self) -> None:
        """See that no environment stays."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _, context: self.broken.append(context))
        #: What the loop was told of exceptions that nobody took.
        self.broken: list[dict[str, Any]] = []
        #: Callers without an answer: by request id, what it asks for and the task.
        self.pending: dict[str, tuple[str, asyncio.Task[InvocationResult]]] = {}
        self.number = 0
        #: All that was ever asked for.
        self.done: set[str] = set()
        #: Request ids of callers that went away.
        self.given_up: set[str] = set()
        self.heard: list[Event] = []
        self.killed = self.faulted = self.closing = False
        #: How runtimes begin now, and how any has begun.
        self.init, self.inits = "quick", {"quick"}
        #: By environment, how many invocations its runtime has now, and has had at once.
        self.serving: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    def open(self, pool_settings: PoolSettings) -> None:
        async def make() -> None:
            self.world = make_world(pool_settings)
            self.world.driver = self.world.pools.driver = self.driver = FaultyDriver()
            self.driver.clock = self.clock = self.world.clock
            self.driver.script = self.script
            self.world.pools.lifecycle.add(self.heard.append)
            self.timeline = Timeline(self.world.pools.lifecycle, self.clock, 8 * 1024 * 1024)
            await self.timeline.open()

        self.run(make())

    def function(self, name: str) -> Function:
        found = self.world.registry.find("000000000000", "us-east-1", name)
        assert found is not None
        return found

    # --- what runtimes do ----------------------------------------------------------------------

    async def start_up(self, runtime: RuntimeClient) -> Exit | None:
        """Run the INIT phase; returns how it ended the runtime, None: well."""
        match self.init:
            case "slow":
                await self.clock.sleep(1.0)
            case "very slow":
                await self.clock.sleep(TIMEOUT_S + 1.0)
            case "hangs":
                await asyncio.Event().wait()
            case "exits":
                return Exit(status=1)
            case "fails":
                error = b'{"errorType":"ImportError","errorMessage":"no","requestId":""}'
                kind = {"Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError"}
                await runtime.call("POST", "init/error", error, kind)
                return Exit(status=1)
        return None

    async def work(self, runtime: RuntimeClient, request_id: str, payload: bytes) -> Exit | None:
        """Work off one invocation; returns how it ended the runtime, None: not at all."""
        environment = runtime.sandbox.spec.environment_id
        self.serving[environment] += 1
        self.most[environment] = max(self.most[environment], self.serving[environment])
        try:
            do = json.loads(payload)["do"]
            if do == "slow":
                await self.clock.sleep(1.0)
            if do == "hang":
                await asyncio.Event().wait()
            if do == "exit":
                return Exit(status=3)
            if do == "error":
                error = json.dumps({"errorType": "Oops", "errorMessage": request_id}).encode()
                await runtime.call("POST", f"invocation/{request_id}/error", error)
                return None
            if do == "next at once":
                await runtime.call("GET", "invocation/next")
            await runtime.respond(request_id, json.dumps(request_id).encode())
        finally:
            self.serving[environment] -= 1
        match do:
            case "answer twice":
                await runtime.respond(request_id, b'"again"')
            case "answer, exit":
                return Exit(status=0)
            case "answer, hang":
                await asyncio.Event().wait()
            case "answer, pause":
                await self.clock.sleep(0.3)
        return None

    # --- callers -------------------------------------------------------------------------------

    def begin(self, version: FunctionVersion, do: str) -> None:
        self.number += 1
        request_id = f"{self.number:08d}-0000-4000-8000-000000000000"
        invocation = Invocation(
            request_id=request_id,
            payload=json.dumps({"do": do}).encode(),
            invoked_arn=version.function_arn,
            trace_id="Root=1-0-0;Sampled=0",
        )
        call = self.loop.create_task(self.world.invoker.invoke(version, invocation))
        self.pending[request_id] = (do, call)
        self.done.add(do)

    def check_answer(self, request_id: str, do: str, call: asyncio.Task[InvocationResult]) -> None:
        """Check that a call that has ended got its own answer, or a reason that there is."""
        if call.cancelled():
            assert request_id in self.given_up
            return
        error = call.exception()
        if error is not None:
            assert isinstance(error, AwsError), repr(error)
            assert error.code in ("TooManyRequestsException", "ServiceException")
            told = error.code != "ServiceException" or self.faulted or self.closing
            assert told or self.check_refusal(error), error
            return
        result = call.result()
        told = json.loads(result.payload)
        if not result.function_error:
            assert told == request_id
            assert "answer" in do or do in ("slow", "next at once")
            return
        own = told["errorMessage"].startswith(f"RequestId: {request_id} ")
        match told["errorType"]:
            case "Oops":
                assert told["errorMessage"] == request_id
            case "Sandbox.Timedout":
                assert own
            case "Runtime.ExitError":
                assert own
                assert self.killed or self.closing or self.faulted or self.ends_by_itself(do), do
            case "ImportError":
                assert "fails" in self.inits
            case other:
                raise AssertionError(other)

    def check_refusal(self, error: AwsError) -> bool:
        return False

    def ends_by_itself(self, do: str) -> bool:
        return do == "exit" or "exits" in self.inits

    def choose(self, among: Sequence[T], number: int) -> T | None:
        return among[number % len(among)] if among else None

    # --- what may happen -----------------------------------------------------------------------

    @rule(kind=st.sampled_from(INITS))
    def runtimes_begin(self, kind: str) -> None:
        self.init = kind
        self.inits.add(kind)

    @rule(seconds=SECONDS)
    def advance(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @rule(turns=st.integers(1, 6))
    def go_on_a_little(self, turns: int) -> None:
        """Stop in the middle of what goes on."""

        async def go_on() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        self.run(go_on())

    @rule()
    def come_to_rest(self) -> None:
        self.run(self.until_idle())

    @rule(number=st.integers(0, 99))
    def a_caller_goes_away(self, number: int) -> None:
        request_id = self.choose(sorted(self.pending), number)
        if request_id is not None:
            self.given_up.add(request_id)
            self.pending[request_id][1].cancel()

    @rule(number=st.integers(0, 99))
    def a_runtime_dies(self, number: int) -> None:
        alive = [each for each in self.driver.sandboxes if not each.exited.done()]
        sandbox = self.choose(alive, number)
        if sandbox is not None:
            self.killed = True
            sandbox._task.cancel()

    @rule(fault=st.sampled_from(FAULTS), takes_s=st.sampled_from([0.0, 0.0, 0.5, 3.0]))
    def the_machine_fails(self, fault: str, takes_s: float) -> None:
        self.faulted = True
        self.driver.faults = {fault}
        self.driver.takes_s = takes_s

    @rule(name_at=st.integers(0, 9))
    def somebody_evicts(self, name_at: int) -> None:
        version = self.function(self.names[name_at % len(self.names)]).latest

        async def evict() -> None:
            self.world.pools.evict(version)

        self.run(evict())

    @rule()
    def the_machine_works(self) -> None:
        self.driver.faults = set()
        self.driver.takes_s = 0.0

    # --- what must hold ------------------------------------------------------------------------

    @invariant()
    def all_is_well(self) -> None:
        self.nothing_broke()
        self.answers_are_the_callers_own()
        self.environments_are_within_their_bounds()
        self.leases_cover_what_runs()

    def nothing_broke(self) -> None:
        assert not self.broken, self.broken

    def answers_are_the_callers_own(self) -> None:
        for request_id, (do, call) in list(self.pending.items()):
            if call.done():
                del self.pending[request_id]
                self.check_answer(request_id, do, call)

    def environments_are_within_their_bounds(self) -> None:
        pools = self.world.pools
        assert pools.count <= pools.settings.max_environments
        for environment in pools.environments.values():
            assert environment.in_flight <= environment.limit
        for environment_id, most in self.most.items():
            assert most <= self.concurrency, environment_id

    def leases_cover_what_runs(self) -> None:
        running = sum(each.in_flight for each in self.world.pools.environments.values())
        leases = sum(self.world.admission._running.values())
        assert running <= leases <= running + len(self.pending)

    def teardown(self) -> None:
        try:
            if not self.broken:
                self.run(self.end())
        finally:
            self.run(self.clean_up())
            self.loop.close()

    async def clean_up(self) -> None:
        """Leave nothing behind after a failure, so that it is the only one that is told."""
        await self.driver.close()
        for environment in list(self.world.pools.environments.values()):
            environment._api.close()
            environment._output.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)

    async def end(self) -> None:
        """Let everything come to its end, and see that nothing is left."""
        self.init = "quick"
        self.the_machine_works()
        await self.clock.advance(PROVISIONED_INIT_SECONDS + 1.0)
        for _ in range(3 + 2 * len(self.pending)):
            await self.clock.advance(TIMEOUT_S + 1.0)
            await self.until_idle()
        self.answers_are_the_callers_own()
        assert not self.pending, "callers without an answer"
        assert sum(self.world.admission._running.values()) == 0
        await self.nothing_is_held()
        self.closing = True
        await self.world.pools.close()
        await self.until_idle()
        assert not self.driver.live, "sandboxes outlived the pools"
        assert self.world.pools.count == 0
        assert not self.world.pools.environments
        others = asyncio.all_tasks(self.loop) - {asyncio.current_task()}
        assert not others, others
        self.nothing_broke()
        self.each_start_has_its_end()
        self.each_life_was_told_whole()
        self.each_life_was_recorded()

    async def until_idle(self) -> None:
        await until_idle()

    def each_life_was_told_whole(self) -> None:
        environments: dict[str, list[type[Event]]] = {}
        invocations: dict[str, list[type[Event]]] = {}
        for event in self.heard:
            if isinstance(event, InvocationEvent):
                invocations.setdefault(event.request_id, []).append(type(event))
            else:
                environments.setdefault(event.environment_id, []).append(type(event))
        for life in environments.values():
            assert life[0] is EnvironmentRequested
            assert life[-2:] == [EnvironmentStopping, EnvironmentStopped]
        for life in invocations.values():
            assert life[0] is InvocationRequested
            started = life.count(InvocationStarted)
            assert life.count(InvocationAnswered) == life.count(InvocationEnded) == started <= 1
            assert (
                started or InvocationRefused in life or InvocationWaiting in life or self.given_up
            )

    def each_life_was_recorded(self) -> None:
        """What the timeline has is what was told."""
        recorded = list(self.timeline.history.snapshot())
        told = [
            (event.request_id, isinstance(event, InvocationEnded))
            for event in self.heard
            if isinstance(event, InvocationEnded | InvocationRefused)
        ]
        assert [(each.request_id, each.started is not None) for each in recorded] == told
        assert not self.timeline.recorder.waiting
        environments = self.timeline.history.environments
        assert len(environments) == sum(isinstance(e, EnvironmentRequested) for e in self.heard)
        for each in environments.values():
            assert each.state == "stopped"
            assert each.ended is not None
            assert each.ended_cause
            assert all(phase.end is not None for phase in each.phases), each
            times = [at for phase in each.phases for at in (phase.start, phase.end or 0.0)]
            assert times == sorted(times), each
        calls = Counter(each.environment_id for each in recorded if each.environment_id)
        assert calls == {each.id: each.invokes for each in environments.values() if each.invokes}

    def each_start_has_its_end(self) -> None:
        for name in self.names:
            begun: list[str] = []
            written: Counter[tuple[str, str]] = Counter()
            for line in self.world.lines(name):
                word, _, rest = line.partition(" RequestId: ")
                if word in ("START", "END", "REPORT"):
                    request_id = rest[:36]
                    written[word, request_id] += 1
                    begun += [request_id] if word == "START" else []
            for request_id in begun:
                ends = [written[word, request_id] for word in ("START", "END", "REPORT")]
                assert ends == [1, 1, 1], request_id


class Serial(_Machine):
    """Environments that run one invocation at a time."""

    names = ("plain", "reserved", "provisioned")
    concurrency = 1

    @initialize(most=st.integers(1, 4), freeze=st.booleans(), limit=st.integers(2, 4))
    def begin_all(self, most: int, freeze: bool, limit: int) -> None:
        self.open(PoolSettings(max_environments=most, freeze=freeze))
        world = self.world
        world.admission.limit = limit
        for name in self.names:
            world.function(name, timeout_s=TIMEOUT_S, version="1" if name == "provisioned" else "")
        world.registry.reserve(self.function("reserved"), 1)
        self.stale: list[FunctionVersion] = []
        self.provisioning = Provisioning(world.pools)
        world.registry.on_retired.append(self.provisioning.retire)

    async def script(self, runtime: RuntimeClient) -> Exit | None:
        gone = await self.start_up(runtime)
        while gone is None:
            request_id, payload = await runtime.next()
            gone = await self.work(runtime, request_id, payload)
        return gone

    @rule(name=st.sampled_from(names), do=st.sampled_from(WORKS))
    def call(self, name: str, do: str) -> None:
        self.begin(self.function(name).latest, do)

    @rule(do=st.sampled_from(WORKS), number=st.integers(0, 9))
    def call_what_has_been_replaced(self, do: str, number: int) -> None:
        """Somebody has looked up the version just before it was retired."""
        version = self.choose(self.stale, number)
        if version is not None:
            self.begin(version, do)

    @rule(name=st.sampled_from(names))
    def update(self, name: str) -> None:
        async def update() -> None:
            self.stale.append(self.function(name).latest)
            self.world.registry.reload(self.function(name))

        self.run(update())

    @rule(count=st.integers(0, 2))
    def provision(self, count: int) -> None:
        async def provision() -> None:
            # Room is left for others: those in line for it would wait as long.
            most = self.world.pools.settings.max_environments - 1
            self.provisioning.set(self.function("provisioned").latest, min(count, most))

        self.run(provision())

    @invariant()
    def all_is_well_here(self) -> None:
        self.idle_environments_are_idle()
        self.concurrency_is_within_its_limits()

    def idle_environments_are_idle(self) -> None:
        for pool in self.world.pools:
            idle = [*pool.idle, *pool.provisioned_idle]
            assert len(set(idle)) == len(idle)
            for environment in idle:
                assert environment.state in (
                    EnvironmentState.READY,
                    EnvironmentState.FROZEN,
                    EnvironmentState.RESET,
                )
                assert environment.in_flight == 0
                assert environment.id in pool.environments

    def concurrency_is_within_its_limits(self) -> None:
        running: Counter[tuple[str, bool]] = Counter()
        for environment in self.world.pools.environments.values():
            running[environment.version.name, environment.provisioned] += environment.in_flight
        assert running["reserved", False] <= 1
        shared = running["plain", False] + running["provisioned", False]
        assert shared <= self.world.admission.limit - 1

    async def nothing_is_held(self) -> None:
        version = self.function("provisioned").latest
        self.provisioning.set(version, 0)
        await self.until_idle()
        await self.clock.advance(self.world.pools.settings.idle_timeout_s + 1.0)
        await self.until_idle()
        assert self.world.pools.count == 0, self.world.pools.environments
        await self.provisioning.close()


class Managed(_Machine):
    """Environments that run several invocations at once, on Managed Instances."""

    names = ("managed",)
    concurrency = 2

    @initialize(most=st.integers(1, 3), least=st.integers(0, 1))
    def begin_all(self, most: int, least: int) -> None:
        self.open(PoolSettings(max_environments=3))
        instances = {
            "CapacityProviderArn": "arn:aws:lambda:us-east-1:000000000000:capacity-provider:p",
            "PerExecutionEnvironmentMaxConcurrency": self.concurrency,
        }
        self.version = self.world.function(
            "managed",
            version="1",
            timeout_s=TIMEOUT_S,
            settings={
                "CapacityProviderConfig": {
                    "LambdaManagedInstancesCapacityProviderConfig": instances
                }
            },
        )
        self.scale(most, least)

    async def script(self, runtime: RuntimeClient) -> Exit | None:
        gone = await self.start_up(runtime)
        if gone is not None:
            return gone
        workers = [asyncio.ensure_future(self.worker(runtime)) for _ in range(self.concurrency)]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
            return next((each.result() for each in workers if each.done()), None)
        finally:
            for each in workers:
                each.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def worker(self, runtime: RuntimeClient) -> Exit | None:
        # Not over TCP, where the kernel decides when it comes.
        environment = self.world.pools.environments[runtime.sandbox.spec.environment_id]
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        try:
            await environment._api.adopt(ours)
        except asyncio.CancelledError:
            ours.close()
            theirs.close()
            raise
        client = RuntimeClient(runtime.sandbox, theirs)
        try:
            gone = None
            while gone is None:
                request_id, payload = await client.next()
                gone = await self.work(client, request_id, payload)
            return gone
        except (OSError, asyncio.IncompleteReadError, IndexError):
            return Exit(status=1)
        finally:
            client.close()

    @rule(do=st.sampled_from([each for each in WORKS if each != "next at once"]))
    def call(self, do: str) -> None:
        self.begin(self.version, do)

    @rule(most=st.integers(1, 3), least=st.integers(0, 1))
    def scale(self, most: int, least: int) -> None:
        async def scale() -> None:
            self.world.pools.managed(self.version).scale(EnvironmentBounds(least, most))

        self.run(scale())

    @rule()
    def update(self) -> None:
        async def update() -> None:
            function = self.function("managed")
            self.world.registry.reload(function)
            self.version = function.latest

        self.run(update())

    def check_refusal(self, error: AwsError) -> bool:
        # Where no environment comes up, nobody is made to wait for one.
        return error.code == "ServiceException" and bool(self.inits - {"quick", "slow"})

    def ends_by_itself(self, do: str) -> bool:
        # One worker that ends takes the others' invocations along.
        return bool({"exit", "answer, exit"} & self.done) or super().ends_by_itself(do)

    async def nothing_is_held(self) -> None:
        self.world.pools.retire(self.version, "the test is over")
        await self.until_idle()
        await self.clock.advance(TIMEOUT_S + 1.0)
        await self.until_idle()


def _run(machine: type[_Machine], examples: int, steps: int) -> None:
    print(f"LOCALFAAS_TEST_SEED={SEED}")
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(seed(SEED)(machine), settings=profile)


@pytest.mark.parametrize("machine", [Serial, Managed])
def test_environments(machine: type[_Machine]) -> None:
    _run(machine, 40, 30)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("machine", [Serial, Managed])
def test_environments_for_long(machine: type[_Machine]) -> None:
    _run(machine, 2000, 60)
