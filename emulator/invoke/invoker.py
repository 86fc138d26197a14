"""One invoke, a straight line from event to result."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from emulator.invoke import recursion
from emulator.invoke.admission import Admission, Lease, throttled
from emulator.invoke.idleness import Idleness
from emulator.model.errors import AwsError, DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.lazy import LazyModule
from emulator.pool import failures
from emulator.pool.environment import Environment
from emulator.pool.errors import CapacityExceeded, InitFailed, RestoreFailed, ScalingRateExceeded
from emulator.pool.pools import Pools
from emulator.registry.functions import Registry
from emulator.telemetry.traces.tracer import Tracer

if TYPE_CHECKING:
    from emulator.pool import notices
else:
    notices = LazyModule("emulator.pool.notices")

#: What listeners hear of an invocation whose caller went away before it had an environment.
_ABANDONED = AwsError("Cancelled", "Its caller went away.")


class Invoker:
    """Runs invocations: admission, environment, result."""

    def __init__(
        self,
        registry: Registry,
        admission: Admission,
        pools: Pools,
        idleness: Idleness,
        tracer: Tracer | None = None,
    ) -> None:
        self._registry = registry
        tracer = tracer or Tracer(pools.lifecycle, pools.clock)
        self._enter_trace = tracer.enter
        self.idleness = idleness
        self._admission = admission
        self._pools = pools

    async def prepare(self, version: FunctionVersion) -> None:
        """Return when ``version`` has the packages it asks for.

        Raises:
            AwsError: ServiceException: they can't be had.
        """
        try:
            await self._pools.prepare(version)
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
        self._enter_trace(version, invocation)
        lifecycle = self._pools.lifecycle
        if lifecycle.listeners:
            invocation.requested_s = self._pools.clock.monotonic()
            if lifecycle.close_listeners:
                notices.invocation_requested(lifecycle, version, invocation)
        lease: Lease | None = None
        environment: Environment | None = None
        try:
            invocation.trace_id = recursion.enter(self._registry, version, invocation.trace_id)
            self.idleness.mark_used(version)
            pool = self._pools.pool(version, invocation.tenant_id)
            lease = self._admission.lease(version, provisioned=pool.provides)
            environment, cold = await pool.acquire(invocation.request_id)
            return await environment.invoke(invocation, cold=cold)
        except asyncio.CancelledError:
            # A function runs on without its caller, and counts until it has ended.
            if (
                environment is not None
                and lease is not None
                and environment.when_ended(invocation.request_id, lease.close)
            ):
                lease = None
            elif environment is None:
                self._refusal(version, invocation, _ABANDONED)
            raise
        except AwsError as refused:
            self._refusal(version, invocation, refused)
            raise
        except DriverFault as fault:
            error = AwsError("ServiceException", f"No execution environment: {fault}")
            raise self._refusal(version, invocation, error) from fault
        except ScalingRateExceeded as exceeded:
            # AWS does not say which of its reasons this is; it is the function's own rate.
            error = throttled("FunctionInvocationRateLimitExceeded")
            raise self._refusal(version, invocation, error) from exceeded
        except CapacityExceeded as exceeded:
            error = throttled("ConcurrentInvocationLimitExceeded")
            raise self._refusal(version, invocation, error) from exceeded
        except RestoreFailed as failed:
            raise self._refusal(version, invocation, _not_restored(failed)) from failed
        except InitFailed as failed:
            self._refusal(version, invocation, AwsError(failed.result.error_type, "INIT failed"))
            return failures.with_request_id(failed.result, invocation.request_id)
        finally:
            if lease is not None:
                lease.close()

    def _refusal(
        self, version: FunctionVersion, invocation: Invocation, error: AwsError
    ) -> AwsError:
        """Return the error with which an invocation is not run, once listeners know of it."""
        lifecycle = self._pools.lifecycle
        if lifecycle.listeners:
            notices.invocation_refused(lifecycle, version, invocation, error)
        return error


def _not_restored(failed: RestoreFailed) -> AwsError:
    """Return AWS's error for an environment that could not be restored from its snapshot.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
    """
    if failed.timed_out:
        return AwsError(
            "SnapStartTimeoutException",
            "Lambda couldn't restore the snapshot within the timeout limit.",
            Type="User",
        )
    return AwsError(
        "SnapStartException",
        "The afterRestore() runtime hook encountered an error. For more information, check the "
        "Amazon CloudWatch logs.",
        Type="User",
    )
