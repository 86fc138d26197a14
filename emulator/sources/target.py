"""The function a source feeds, as its mapping qualifies it."""

from __future__ import annotations

import asyncio

from emulator.invoke.invoker import Invoker
from emulator.model.arn import parse_function_name
from emulator.model.clock import Clock
from emulator.model.function import LATEST
from emulator.model.ids import new_request_id, new_trace_id
from emulator.model.invocation import Invocation, InvocationResult
from emulator.registry.functions import Function, Registry


class Target:
    """Invokes whatever version the mapping's ARN means at that time.

    Attributes:
        arn: As the mapping has it, with its qualifier.
        changed: Set and renewed whenever something about the function changed.
    """

    def __init__(self, registry: Registry, invoker: Invoker, clock: Clock, arn: str) -> None:
        named = parse_function_name(arn)
        assert named is not None
        assert named.account is not None
        assert named.region is not None
        self.arn = arn
        self._at = (named.account, named.region, named.name)
        self._qualifier = named.qualifier or LATEST
        self._registry, self._invoker, self._clock = registry, invoker, clock
        self.changed = asyncio.Event()

    def touch(self, function: Function) -> None:
        """A function changed, perhaps this one."""
        latest = function.latest
        if (latest.account, latest.region, latest.name) == self._at:
            self.changed.set()
            self.changed = asyncio.Event()

    @property
    def reserved(self) -> int | None:
        """How many of the function's invocations may run at once; None: nothing is reserved."""
        function = self._registry.find(*self._at)
        return None if function is None else function.reserved_concurrency

    def is_ready(self) -> bool:
        """Say whether there is something to invoke."""
        function = self._registry.find(*self._at)
        version = None if function is None else function.version(self._qualifier)
        return version is not None and version.state != "Pending"

    async def ready(self) -> None:
        """Wait until there is something to invoke."""
        while not self.is_ready():
            await self.changed.wait()

    async def invoke(self, payload: bytes, trace_id: str = "") -> InvocationResult:
        """Run the function once.

        Raises:
            AwsError: It could not be tried: throttled, gone, in a circle.
        """
        version = self._registry.resolve(*self._at, self._qualifier)
        return await self._invoker.invoke(
            version,
            Invocation(
                request_id=new_request_id(),
                payload=payload,
                invoked_arn=self.arn,
                trace_id=trace_id or new_trace_id(self._clock.now()),
            ),
        )
