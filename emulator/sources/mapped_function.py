"""The function that a mapping's source feeds, at the mapping's qualifier."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from emulator.invoke.function_invoker import FunctionInvoker
from emulator.model.arn import parse_function_name
from emulator.model.function import LATEST, FunctionVersion
from emulator.model.invocation import InvocationResult
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.telemetry.metrics.own import OwnMetrics


class Attempt(NamedTuple):
    """One invocation of a mapped function."""

    request_id: str
    #: The version that ran.
    version: str
    result: InvocationResult


class MappedFunction:
    """Invokes the version that the mapping's ARN means at the time of the call.

    Args:
        arn: The mapping's function ARN, with its qualifier.
        metrics: Told how old records are; None: nobody is.

    Attributes:
        changed: Set, and replaced by a new one, whenever the function changed.
    """

    def __init__(
        self,
        registry: Registry,
        functions: FunctionInvoker,
        arn: str,
        metrics: OwnMetrics | None = None,
    ) -> None:
        named = parse_function_name(arn)
        assert named is not None
        assert named.account is not None
        assert named.region is not None
        self.arn = arn
        self._at = (named.account, named.region, named.name)
        self._qualifier = named.qualifier
        self._registry, self._functions, self._metrics = registry, functions, metrics
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
        """The function's reserved concurrency; None if nothing is reserved."""
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
        """Wait until there is a version to invoke and its packages are installed.

        Records received before that would time out while they wait, and be received twice.

        Raises:
            AwsError: The packages can't be installed.
        """
        while (version := self._version()) is None:
            await self.changed.wait()
        if version.key != self._ready:
            await self._functions.install_packages(version)
            self._ready = version.key

    def measure_age(self, age_s: float) -> None:
        """Take note of how old the last record of a batch is.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        """
        if self._metrics is None:
            return
        account, region, name = self._at
        resource = f"{name}:{self._qualifier}" if self._qualifier else name
        of_name = ("FunctionName", name)
        for dimensions in ((), (of_name,), (of_name, ("Resource", resource))):
            self._metrics.record(
                account,
                region,
                "AWS/Lambda",
                "IteratorAge",
                dimensions,
                max(0.0, age_s) * 1000,
                unit="Milliseconds",
            )

    def comes_again(
        self, id: str, give_back: Callable[[], object], *, ordered: bool = False
    ) -> bool:
        """Say whether a record that was handled well is to come again.

        See :meth:`emulator.invoke.redelivery.Redelivery.comes_again`.
        """
        redelivery = self._functions.redelivery
        return redelivery.comes_again(self.arn, id, give_back, ordered=ordered)

    async def invoke(
        self, payload: bytes, trace_id: str = "", links: Sequence[str] = ()
    ) -> InvocationResult:
        """Run the function once; see :meth:`attempt`."""
        return (await self.attempt(payload, trace_id, links)).result

    @property
    def role(self) -> str:
        """The ARN of the function's role; "" while there is no function."""
        version = self._version()
        return "" if version is None else str(version.settings.get("Role") or "")

    async def attempt(
        self, payload: bytes, trace_id: str = "", links: Sequence[str] = ()
    ) -> Attempt:
        """Run the function once, and say which version ran.

        Args:
            payload: JSON text.
            trace_id: The trace header the records came with; "" for none.
            links: Those of all records, where there are several.

        Raises:
            AwsError: No invocation began: the function is throttled, deleted, in a recursive loop
                or not ready.
        """
        prepared = await self._functions.prepare(
            *self._at,
            self._qualifier,
            payload,
            invoked_arn=self.arn,
            trace_id=trace_id,
            links=links,
            is_json=True,
            unready="refuse",
        )
        result = await self._functions.invoke(prepared)
        return Attempt(prepared.invocation.request_id, prepared.version.version, result)
