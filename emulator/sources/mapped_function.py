"""The function a source feeds, as its mapping qualifies it."""

from __future__ import annotations

import asyncio

from emulator.invoke.function_invoker import FunctionInvoker
from emulator.model.arn import parse_function_name
from emulator.model.function import LATEST, FunctionVersion
from emulator.model.invocation import InvocationResult
from emulator.registry.function import Function
from emulator.registry.functions import Registry


class MappedFunction:
    """Invokes whatever version the mapping's ARN means at that time.

    Args:
        arn: As the mapping has it, with its qualifier.

    Attributes:
        changed: Set and renewed whenever something about the function changed.
    """

    def __init__(self, registry: Registry, functions: FunctionInvoker, arn: str) -> None:
        named = parse_function_name(arn)
        assert named is not None
        assert named.account is not None
        assert named.region is not None
        self.arn = arn
        self._at = (named.account, named.region, named.name)
        self._qualifier = named.qualifier
        self._registry, self._functions = registry, functions
        self.changed = asyncio.Event()
        #: The key of the version that was found ready last.
        self._ready = ""

    def notice(self, function: Function) -> None:
        """Hear that a function changed, perhaps this one."""
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
        return self._version() is not None

    def _version(self) -> FunctionVersion | None:
        function = self._registry.find(*self._at)
        version = None if function is None else function.version(self._qualifier or LATEST)
        return None if version is None or version.state == "Pending" else version

    async def ready(self) -> None:
        """Wait until there is something to invoke, and it has its packages.

        Records that were taken earlier would wait for these, and be taken again meanwhile.

        Raises:
            AwsError: The packages can't be had.
        """
        while (version := self._version()) is None:
            await self.changed.wait()
        if version.key != self._ready:
            await self._functions.install_packages(version)
            self._ready = version.key

    async def invoke(self, payload: bytes, trace_id: str = "") -> InvocationResult:
        """Run the function once.

        Args:
            payload: JSON text.
            trace_id: The trace header the records came with; "" for none.

        Raises:
            AwsError: It could not be tried: throttled, gone, in a circle, not ready.
        """
        prepared = await self._functions.prepare(
            *self._at,
            self._qualifier,
            payload,
            invoked_arn=self.arn,
            trace_id=trace_id,
            is_json=True,
            unready="refuse",
        )
        return await self._functions.invoke(prepared)
