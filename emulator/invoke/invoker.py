"""One invoke, a straight line from event to result."""

from __future__ import annotations

import asyncio

from emulator.invoke import recursion
from emulator.invoke.admission import Admission, throttled
from emulator.invoke.idleness import Idleness
from emulator.model.errors import AwsError, DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Invocation, InvocationResult
from emulator.pool import failures
from emulator.pool.environment import Environment
from emulator.pool.managed import CapacityExceeded, InitFailed
from emulator.pool.pool import ScalingRateExceeded
from emulator.pool.pools import Pools
from emulator.registry.functions import Registry


class Invoker:
    """Runs invocations: admission, environment, result."""

    def __init__(
        self, registry: Registry, admission: Admission, pools: Pools, idleness: Idleness
    ) -> None:
        self._registry = registry
        self.idleness = idleness
        self._admission = admission
        self._pools = pools

    async def prepare(self, version: FunctionVersion) -> None:
        """Return when ``version`` has the packages it asks for.

        Raises:
            AwsError: ServiceException: they can't be had.
        """
        try:
            await self._pools.packages(version)
        except DriverFault as fault:
            raise AwsError("ServiceException", str(fault)) from fault

    async def invoke(self, version: FunctionVersion, invocation: Invocation) -> InvocationResult:
        """Run ``invocation`` on ``version``; its trace header becomes that of this call.

        Raises:
            AwsError: RecursiveInvocationException, CodeArtifactUserPendingException (Inactive),
                TooManyRequestsException, or ServiceException where no environment can be had from
                the machine.
            asyncio.CancelledError: The caller was cancelled. What runs already goes on.
        """
        invocation.trace_id = recursion.enter(self._registry, version, invocation.trace_id)
        self.idleness.use(version)
        pool = self._pools.pool(version, invocation.tenant_id)
        lease = self._admission.lease(version, provisioned=pool.provides)
        environment: Environment | None = None
        runs_on = False
        try:
            environment, cold = await pool.acquire()
            return await environment.invoke(invocation, cold=cold)
        except asyncio.CancelledError:
            # A function runs on without its caller, and counts until it has ended.
            if environment is not None:
                runs_on = environment.when_ended(invocation.request_id, lease.close)
            raise
        except DriverFault as fault:
            raise AwsError("ServiceException", f"No execution environment: {fault}") from fault
        except ScalingRateExceeded as exceeded:
            # AWS does not say which of its reasons this is; it is the function's own rate.
            raise throttled("FunctionInvocationRateLimitExceeded") from exceeded
        except CapacityExceeded as exceeded:
            raise throttled("ConcurrentInvocationLimitExceeded") from exceeded
        except InitFailed as failed:
            return failures.with_request_id(failed.result, invocation.request_id)
        finally:
            if not runs_on:
                lease.close()
