"""The one way from a function's name to the result of an invocation, for every kind of caller.

Invoke, function URLs, pollers, asynchronous events and targets all come through here, so that none
of them checks less than another::

    size of the payload → version → is it JSON → tenant → is the version ready → Invocation
    → Invoker: recursion, Inactive, concurrency, environment

What differs between callers is a parameter. Who may call (resource policies, a URL's
authorisation) is decided before, with what only the caller's side knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple

from emulator.invoke import tenancy
from emulator.invoke.idleness import snapshot_not_ready
from emulator.invoke.invoker import Invoker
from emulator.invoke.json_text import check_json
from emulator.invoke.redelivery import Redelivery
from emulator.invoke.streaming import StreamedInvocation
from emulator.model.arn import function_arn
from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.model.function import LATEST, FunctionVersion
from emulator.model.ids import new_request_id, new_trace_root
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.limits import SYNC_PAYLOAD
from emulator.registry.function import Function
from emulator.registry.functions import Registry

#: What a caller does about a version that is being created or restored, or has failed: it waits
#: for that to end, it is refused at once (and comes again), or it only wants to be queued.
Unready = Literal["wait", "refuse", "accept"]
#: The states in which a version does not run.
_UNREADY = frozenset({"Pending", "Failed", "Deactivated"})


#: Runs an invocation; None: it is to run as any other.
Detour = Callable[[Invocation], Awaitable[InvocationResult | None]]


class PreparedInvocation(NamedTuple):
    """An invocation that has passed all checks but those of concurrency."""

    version: FunctionVersion
    invocation: Invocation


def payload_too_large(limit: int) -> AwsError:
    """Return AWS's error for a payload over ``limit`` bytes."""
    return AwsError(
        "RequestEntityTooLargeException",
        f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
        status=413,
        Type="User",
    )


class FunctionInvoker:
    """Invokes functions by name.

    Attributes:
        on_unready: Called with a version that is not ready and that a caller waits for; what they
            return is awaited: afterwards the version may be ready.
        redelivery: Asked by the queues in front of functions what they deliver twice.
        detours: What runs invocations of a function instead, by its ARN; for ``localfaas check``.

    Args:
        registry: Knows the functions.
        invoker: Runs them.
        clock: The time of new traces.
        redelivery: Without one, nothing is delivered twice.
    """

    def __init__(
        self,
        registry: Registry,
        invoker: Invoker,
        clock: Clock,
        redelivery: Redelivery | None = None,
    ) -> None:
        self._registry, self._invoker, self._clock = registry, invoker, clock
        self.redelivery = Redelivery(clock) if redelivery is None else redelivery
        self.detours: dict[str, Detour] = {}
        self.on_unready: list[Callable[[Function, FunctionVersion], Awaitable[None]]] = []

    async def prepare(
        self,
        account: str,
        region: str,
        name: str,
        qualifier: str | None,
        payload: bytes,
        *,
        request_id: str = "",
        invoked_arn: str = "",
        trace_id: str = "",
        client_context: str = "",
        links: Sequence[str] = (),
        tenant_id: str = "",
        limit: int = SYNC_PAYLOAD,
        is_json: bool = False,
        unready: Unready = "wait",
    ) -> PreparedInvocation:
        """Check a call, and say on which version it runs.

        Args:
            account: The function's.
            region: The function's.
            name: The function's.
            qualifier: A version or an alias; None where the caller names none.
            payload: JSON text; nothing is an empty object.
            request_id: Of the invocation; a new one without.
            invoked_arn: What the function is told it was called by; without, its ARN as the
                caller qualified it.
            trace_id: The caller's trace header; a new trace without.
            client_context: One line of JSON, or "".
            links: The trace headers of a batch's records.
            tenant_id: The tenant, for functions with tenant isolation.
            limit: The most bytes of payload.
            is_json: The payload was written by this emulator, and need not be checked.
            unready: What to do about a version that is not ready.

        Raises:
            AwsError: RequestEntityTooLargeException, ResourceNotFoundException,
                NoPublishedVersionException, InvalidRequestContentException,
                InvalidParameterValueException (tenant, or $LATEST on Managed Instances), or
                ResourceConflictException (not ready).
        """
        if len(payload) > limit:
            raise payload_too_large(limit)
        version = self._registry.resolve(account, region, name, qualifier or LATEST)
        if payload and not is_json:
            check_json(payload)
        tenancy.check(version, tenant_id)
        _check_qualifier(version, qualifier)
        if version.state in _UNREADY and unready != "accept":
            version = await self._made_ready(version, waits=unready == "wait")
        return PreparedInvocation(
            version,
            Invocation(
                request_id=request_id or new_request_id(),
                # An invocation without a payload gives the handler an empty object.
                payload=payload or b"{}",
                invoked_arn=invoked_arn or function_arn(account, region, name, qualifier),
                # A header of the Runtime API, which other headers must not follow.
                trace_id=(trace_id if trace_id.isprintable() else "")
                or new_trace_root(self._clock.now()),
                client_context=client_context,
                links=links,
                tenant_id=tenant_id,
            ),
        )

    async def invoke(self, prepared: PreparedInvocation) -> InvocationResult:
        """Run a prepared invocation; a function error is a result.

        Raises:
            AwsError: As :meth:`emulator.invoke.invoker.Invoker.invoke`.
        """
        if self.detours:
            detour = self.detours.get(prepared.version.function_arn)
            result = None if detour is None else await detour(prepared.invocation)
            if result is not None:
                return result
        return await self._invoker.invoke(*prepared)

    def stream(self, prepared: PreparedInvocation) -> StreamedInvocation:
        """Run a prepared invocation whose response is read while it is written."""
        return StreamedInvocation(self._invoker, *prepared)

    async def install_packages(self, version: FunctionVersion) -> None:
        """Return when ``version`` has the packages it asks for.

        Raises:
            AwsError: ServiceException: they can't be had.
        """
        await self._invoker.prepare(version)

    async def _made_ready(self, version: FunctionVersion, *, waits: bool) -> FunctionVersion:
        """Return a version that is not ready as it is once it is.

        Raises:
            AwsError: ResourceConflictException: it is not there yet, or has failed;
                SnapStartNotReadyException: its snapshot is not there yet.
        """
        function = self._registry.find(version.account, version.region, version.name)
        if function is not None and (waits or version.state == "Failed"):
            for listener in self.on_unready:
                await listener(function, version)
            version = function.numbered(version.version) or version
        if version.state not in _UNREADY:
            return version
        if version.snap_start and version.state == "Pending":
            raise snapshot_not_ready()
        why = f". {version.state_reason}" if version.state == "Failed" else ""
        raise AwsError(
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the "
            f"following state: {version.state}{why}",
            Type="User",
        )


def _check_qualifier(version: FunctionVersion, qualifier: str | None) -> None:
    if qualifier == LATEST and version.managed is not None:
        raise AwsError(
            "InvalidParameterValueException",
            "Functions configured with capacity provider configuration can't be invoked with "
            "$LATEST qualifier. To invoke this function, specify a published version "
            "qualifier or $LATEST.PUBLISHED.",
            Type="User",
        )
