"""Runs a function behind a probe, to see what its calls leave: for ``localfaas check``.

The environments are of their own, as those of a measured cold start: they serve nobody else. The
probe is a layer with a handler that runs the function's own. It is there for Python; of other
languages the answers alone are compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from emulator.driver.conventions import runtimes_folder
from emulator.model.causes import ColdCause, ColdStart, StopCause
from emulator.model.clock import Clock
from emulator.model.errors import AwsError, ConfigurationError, DriverFault
from emulator.model.function import LATEST, Code, FunctionVersion, LayerVersion
from emulator.model.ids import new_request_id, new_trace_id
from emulator.model.invocation import Invocation, InvocationResult
from emulator.pool.errors import ScalingRateExceeded
from emulator.pool.pool import Pool
from emulator.pool.pools import Pools

#: Keeps the environments apart from those of the function's callers, where listeners are told.
TENANT = "check"
_WHY = ColdStart(ColdCause.FIRST_CALL, detail="in an environment of a check")
_POISON = b'{"localfaas_probe": "poison"}'
#: The languages that the probe knows.
_PROBED = "python"
#: Seconds between two calls: what goes on after an answer shows itself.
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One call, and what it left.

    Attributes:
        event: The number of the event.
        answer: What the function returned, or ["error", type, text].
        before: The state of the process before the call; None where nobody looked.
        after: The same after it; None also where the process did not live to tell.
        calls: The calls of AWS's APIs that it made: service, operation, parameters.
    """

    event: int
    answer: Any
    before: dict[str, str] | None = None
    after: dict[str, str] | None = None
    calls: tuple[tuple[str, str, str], ...] = ()


class Probe:
    """Calls a function in environments of its own.

    Args:
        pools: Whose driver and bounds it uses.
        version: The function.
        events: The events; calls name them by their number.

    Raises:
        ConfigurationError: The function runs on Managed Instances, where calls overlap.
    """

    def __init__(self, pools: Pools, version: FunctionVersion, events: Sequence[bytes]) -> None:
        if version.managed is not None:
            raise ConfigurationError(
                f"{version.name} runs on Managed Instances, where several calls share an "
                "environment at once"
            )
        self._pools, self.events = pools, events
        #: Whether more than the answers can be seen.
        self.looks_inside = version.runtime.startswith(_PROBED) and version.code.image is None
        self._version = _probed(version) if self.looks_inside else version
        #: The environment of :meth:`call`, until it is ended.
        self._shared: Pool | None = None
        self._one_by_one = asyncio.Lock()

    async def call(self, payload: bytes, number: int) -> Observed:
        """Make one call, in an environment that further ones share, one after the other.

        Args:
            payload: What it is called with.
            number: The number of the event that this is told of.

        Raises:
            DriverFault, AwsError: See :meth:`run`.
        """
        async with self._one_by_one:
            if self._shared is None:
                self._shared = self._pool()
            result = await _call(self._pools.clock, self._shared, payload)
            return self._observed(number, result)

    async def end(self) -> None:
        """End the environment of :meth:`call`; the next one has another."""
        shared, self._shared = self._shared, None
        if shared is not None:
            await _end(shared)

    def _pool(self) -> Pool:
        pool = Pool(self._pools, self._version, TENANT)
        pool.simulates = pool.limits_cpu = False
        pool.why_first = _WHY
        return pool

    async def run(self, order: Sequence[int], *, poisoned: bool = False) -> list[Observed]:
        """Make calls in one fresh environment, one after the other.

        Args:
            order: The numbers of the events.
            poisoned: Spoil before each call but the first what those before it have left.

        Raises:
            DriverFault: The machine gives no environment.
            AwsError: TooManyRequestsException: too many environments were started just now.
        """
        pool = self._pool()
        found: list[Observed] = []
        try:
            for number in order:
                if found:
                    await self._pools.clock.sleep(_PAUSE_S)
                    if poisoned and self.looks_inside:
                        await _call(self._pools.clock, pool, _POISON)
                result = await _call(self._pools.clock, pool, self.events[number])
                found.append(self._observed(number, result))
        finally:
            await _end(pool)
        return found

    def _observed(self, number: int, result: InvocationResult) -> Observed:
        payload = _parsed(result.payload)
        if result.function_error:
            told = payload if isinstance(payload, dict) else {}
            kind = told.get("errorType", result.error_type)
            return Observed(event=number, answer=["error", kind, ""])
        if not self.looks_inside or not isinstance(payload, dict) or "before" not in payload:
            return Observed(event=number, answer=payload)
        error = payload.get("error")
        return Observed(
            event=number,
            answer=payload.get("answer") if error is None else ["error", *error],
            before=payload["before"],
            after=payload["after"],
            calls=tuple((one[0], one[1], one[2]) for one in payload["calls"]),
        )


Run = Callable[..., Awaitable[list[Observed]]]


def _probed(version: FunctionVersion) -> FunctionVersion:
    """Return ``version`` with the probe as its handler."""
    folder: Path = runtimes_folder() / "probe"
    layer = LayerVersion(
        arn=f"arn:aws:lambda:{version.region}:{version.account}:layer:localfaas-probe:1",
        code=Code(sha256="", size=0, folder=folder),
    )
    return replace(
        version,
        version=LATEST,  # never restored from a snapshot: each environment is a fresh one
        handler="localfaas_probe.handler",
        layers=(*version.layers, layer),
        environment={**(version.environment or {}), "LOCALFAAS_PROBED": version.handler},
        memory_mb=version.memory_mb + 64,  # for the probe itself
    )


async def _call(clock: Clock, pool: Pool, payload: bytes) -> InvocationResult:
    version = pool.version
    invocation = Invocation(
        request_id=new_request_id(),
        payload=payload,
        invoked_arn=version.function_arn,
        trace_id=new_trace_id(clock.now()),
        requested_s=clock.monotonic(),
    )
    try:
        environment, cold = await pool.acquire(invocation.request_id)
    except ScalingRateExceeded as exceeded:
        raise AwsError("TooManyRequestsException", "Rate Exceeded.", status=429) from exceeded
    return await environment.invoke(invocation, cold=cold)


async def _end(pool: Pool) -> None:
    environments = list(pool.environments.values())
    pool.drain(StopCause.UNWANTED, "it was checked")
    for environment in environments:
        try:
            await environment.stop(StopCause.UNWANTED, "it was checked")
        except DriverFault:
            continue


def _parsed(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")
