"""The state machine of function versions.

::

    created   Pending/Creating ──> Active | Failed
    updated   Active, InProgress ──> Successful | Failed

A transition takes as long as the driver needs to get the runtime ready. It is kept as ended
from the start, so that a restart finds no version half-way.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from emulator.control.context import Context
from emulator.control.lambda_ import code
from emulator.control.lambda_.configuration import new_revision
from emulator.control.lambda_.errors import conflict
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.function import LATEST, Code, FunctionVersion
from emulator.registry.functions import Function

#: Seconds an answer may wait for the end of the transition it began. A waiter of the SDKs that
#: sees Pending once sleeps a whole second before it asks again.
_PATIENCE = 0.25


def creating(version: FunctionVersion) -> FunctionVersion:
    """Return ``version`` as it is while it is being created."""
    return replace(
        version,
        state="Pending",
        state_reason="The function is being created.",
        state_reason_code="Creating",
    )


def updating(version: FunctionVersion) -> FunctionVersion:
    """Return ``version`` as it is while it is being updated (with AWS's own odd reason)."""
    return replace(
        version,
        last_update_status="InProgress",
        last_update_status_reason="The function is being created.",
        last_update_status_reason_code="Creating",
    )


def settled(version: FunctionVersion) -> FunctionVersion:
    """Return ``version`` as it is once it can run."""
    return replace(
        version,
        state="Active",
        state_reason="",
        state_reason_code="",
        last_update_status="Successful",
        last_update_status_reason="",
        last_update_status_reason_code="",
        revision_id=new_revision(),
    )


def _failed(version: FunctionVersion, reason: str) -> FunctionVersion:
    if version.state == "Pending":
        return replace(
            version, state="Failed", state_reason=reason, state_reason_code="InternalError"
        )
    return replace(
        version,
        last_update_status="Failed",
        last_update_status_reason=reason,
        last_update_status_reason_code="InternalError",
    )


def check_idle(function: Function) -> None:
    """Refuse a change while another is going on.

    Raises:
        AwsError: ResourceConflictException.
    """
    latest = function.latest
    if latest.state == "Pending" or latest.last_update_status == "InProgress":
        raise conflict(
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {function.arn}"
        )


def touch(function: Function) -> None:
    """Give $LATEST a new RevisionId, for a change that is none of code or configuration."""
    function.latest = replace(function.latest, revision_id=new_revision())
    if LATEST in function.settling:
        function.settling[LATEST] = replace(function.settling[LATEST], revision_id=new_revision())


async def settle(ctx: Context, function: Function) -> None:
    """End the transitions that ``function.settling`` holds, in the background if it takes long."""
    services = ctx.services
    task = asyncio.get_running_loop().create_task(_settle(ctx, function))
    services.background.add(task)
    task.add_done_callback(services.background.discard)
    patience = asyncio.ensure_future(ctx.clock.sleep(_PATIENCE))
    await asyncio.wait((task, patience), return_when=asyncio.FIRST_COMPLETED)
    patience.cancel()


async def _settle(ctx: Context, function: Function) -> None:
    settling = dict(function.settling)
    resolved: Code | None = None
    reason, latest = "", function.latest
    try:
        await ctx.services.pools.opened.wait()
        if latest.code.image:
            image, architecture = latest.code.image, latest.architecture
            resolved_image = await ctx.services.driver.prepare_image(image, architecture)
            resolved = code.resolved(latest.code, resolved_image)
        elif latest.runtime:
            await ctx.services.driver.prepare(latest.runtime, latest.architecture)
    except ConfigurationError as error:
        # What can't be served here: AWS could, so the function is as it should be.
        ctx.services.complain(f"{function.name}: {error}")
    except DriverFault as error:
        reason = str(error)
    for number, version in settling.items():
        if function.settling.get(number) is version:
            del function.settling[number]
            if resolved is not None:
                version = replace(version, code=resolved)
            present = function.numbered(number)
            if present is not None:
                end(ctx, function, _failed(present, reason) if reason else version)
    if reason or resolved:
        await ctx.services.registry.save(function, *(n for n in settling if n != LATEST))


def end(ctx: Context, function: Function, version: FunctionVersion) -> None:
    """Show a version as its transition has left it."""
    if version.version == LATEST:
        ctx.services.registry.update(function, version, "active")
    else:
        function.versions[version.version] = version
