"""The state machine of function versions.

::

    created   Pending/Creating ──> Active | Failed
    failed    called: Pending/Creating again (here, not on AWS: the image may be there now)
    updated   Active, InProgress ──> Successful | Failed
    idle      Inactive ──> called: Pending/Restoring ──> Active | Inactive

A transition takes as long as the driver needs to get the runtime ready. On AWS that is seconds, so
it is made visible here: until one caller has seen it, waits for its end, or invokes; at most for a
quarter of a second (``--transition-seconds``). The store gets the final state at once, so that a
restart finds no version half-way.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial

from emulator.model.errors import AwsError, ConfigurationError, DriverFault
from emulator.model.function import LATEST, Code, FunctionVersion
from emulator.registry.function import Function
from emulator.services.context import Context, Parts
from emulator.services.lambda_ import intake as code
from emulator.services.lambda_.errors import conflict
from emulator.services.lambda_.lifecycle import managed_instances, snapshots
from emulator.services.lambda_.rules.configuration import new_revision
from emulator.services.transitions import RuntimePlatform, Transition

_log = logging.getLogger(__name__)

#: Seconds an answer may wait for the end of a transition.
_PATIENCE_S = 0.5
#: The same for an SDK's waiter, which sleeps one or five seconds once it has seen Pending.
_WAITER_PATIENCE_S = 2.0
#: Seconds that an invocation waits for its function, and a change where transitions take no time:
#: as long as for an image. On a busy machine the first start of an interpreter takes more than ten,
#: and SDKs wait 60 for an answer.
_INVOKE_PATIENCE_S = 40.0


def creating(version: FunctionVersion) -> FunctionVersion:
    """Return ``version`` as it is while it is being created."""
    return replace(
        version,
        state="Pending",
        state_reason="The function is being created.",
        state_reason_code="Creating",
    )


def updating(version: FunctionVersion) -> FunctionVersion:
    """Return ``version`` as it is while it is being updated (with AWS's own reason)."""
    return replace(
        version,
        last_update_status="InProgress",
        last_update_status_reason="The function is being created.",
        last_update_status_reason_code="Creating",
    )


def restoring(version: FunctionVersion) -> FunctionVersion:
    """Return ``version`` as it is while it is restored after a long idle time."""
    return replace(
        version,
        state="Pending",
        state_reason="The function is being restored.",
        state_reason_code="Restoring",
    )


def platform(version: FunctionVersion) -> RuntimePlatform:
    """Return what a version runs on."""
    return version.runtime, version.code.image or "", version.architecture


def shown(parts: Parts, function: Function, version: FunctionVersion) -> FunctionVersion:
    """Return ``version`` as whoever asks sees it.

    It is Inactive if it has been idle for too long, and Pending while its image is pulled at the
    start (a call may wait for that).
    """
    if version.state == "Active" and platform(version) in parts.pulling:
        return creating(version)
    if not parts.invoker.idleness.is_idle(function, version):
        return version
    return replace(
        version,
        state="Inactive",
        state_reason="The function is currently idle.",
        state_reason_code="Idle",
    )


def settled(version: FunctionVersion) -> FunctionVersion:
    """Return ``version`` as it is once it can run (on Managed Instances, once it is published)."""
    unpublished = version.managed is not None and version.version == LATEST
    return replace(
        version,
        state="ActiveNonInvocable" if unpublished else "Active",
        state_reason="",
        state_reason_code="",
        last_update_status="Successful",
        last_update_status_reason="",
        last_update_status_reason_code="",
        revision_id=new_revision(),
    )


def _failed(version: FunctionVersion, reason: str, code: str) -> FunctionVersion:
    if version.state == "Pending":
        state = "Inactive" if version.state_reason_code == "Restoring" else "Failed"
        return replace(version, state=state, state_reason=reason, state_reason_code=code)
    return replace(
        version,
        last_update_status="Failed",
        last_update_status_reason=reason,
        last_update_status_reason_code=code,
    )


def fail(parts: Parts, function: Function, error: DriverFault) -> None:
    """Have $LATEST seen as Failed: what an Active function runs on can't be had.

    It is tried again at the next call, and at the next start.
    """
    if function.latest.state == "Active":
        reason = _why(function.latest)
        show(parts, function, _failed(creating(function.latest), str(error), reason))


def _why(version: FunctionVersion) -> str:
    return "InvalidImage" if version.code.image else "InternalError"


def check_settled(function: Function) -> None:
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


async def save(parts: Parts, function: Function, *published: str) -> None:
    """Store a function and begin to end its transitions.

    They end as well where the disk does not take the change, which is in effect all the same.

    Args:
        parts: The parts of the emulator.
        function: The function.
        *published: Numbers of versions that are new or changed.

    Raises:
        AwsError: ServiceException: the disk did not take it.
    """
    try:
        await parts.registry.save(function, *published)
    finally:
        await settle(parts, function)


async def settle(parts: Parts, function: Function) -> None:
    """Begin to end the transitions that ``function.settling`` holds."""
    if not parts.started.is_set() and LATEST in function.settling:
        # What it runs on is got ready with that of all others, at the end of the start.
        show(parts, function, function.settling.pop(LATEST))
    if not function.settling:
        return
    _begin(parts, function, dict(function.settling))
    if not parts.transition_seconds:
        await finish_now(parts, function, _INVOKE_PATIENCE_S)


def resume(parts: Parts) -> None:
    """Get versions ready that are invoked while they are not."""
    parts.functions.on_unready.append(partial(make_ready, parts))
    parts.invoker.idleness.on_needed.append(partial(wake, parts))


def wake(parts: Parts, function: Function, version: FunctionVersion) -> None:
    """Begin to make an Inactive version Active again."""
    if function.numbered(version.version) is not version:
        return  # it has changed, or is being restored already
    if version.snap_start:
        snapshots.drop(parts, version)
    _again(parts, function, version, restoring(version))


def _again(
    parts: Parts, function: Function, version: FunctionVersion, shown: FunctionVersion
) -> None:
    """Begin to get a version ready again; meanwhile it is seen as ``shown``."""
    ready = function.settling[version.version] = settled(version)
    show(parts, function, shown)
    _begin(parts, function, {version.version: ready})


def _begin(parts: Parts, function: Function, settling: dict[str, FunctionVersion]) -> None:
    transition = parts.transitions[function.arn] = Transition()
    transition.task = parts.spawn(_settle(parts, function, transition, settling))


async def finish_now(parts: Parts, function: Function, patience_s: float = _PATIENCE_S) -> None:
    """End the transitions of a function if what they wait for is there.

    Args:
        parts: The parts of the emulator.
        function: The function.
        patience_s: How long to wait for it.
    """
    transition = parts.transitions.get(function.arn)
    if transition is not None and transition.task is not None:
        transition.end.set()
        await asyncio.wait((transition.task,), timeout=patience_s)


async def make_ready(parts: Parts, function: Function, version: FunctionVersion) -> None:
    """Wait until a Pending version can run; try a Failed one again."""
    retried = (
        version.state == "Failed"
        and version.managed is None
        and version.state_reason_code != snapshots.FUNCTION_ERROR
    )
    if retried and function.numbered(version.version) is version:
        # What was missing may have been built or pulled by hand meanwhile.
        _again(parts, function, version, creating(version))
    await finish_now(parts, function, _INVOKE_PATIENCE_S)


async def look(ctx: Context, function: Function, number: str) -> None:
    """Show a version's transition once to whoever asks; then, and to a waiter, let it end."""
    if number not in function.settling:
        return
    transition = ctx.parts.transitions.get(function.arn)
    if transition is None:
        return
    if ctx.waits:
        await finish_now(ctx.parts, function, _WAITER_PATIENCE_S)
    elif number in transition.seen:
        await finish_now(ctx.parts, function)
    transition.seen.add(number)


async def _settle(
    parts: Parts,
    function: Function,
    transition: Transition,
    settling: dict[str, FunctionVersion],
) -> None:
    # A published version that is restored may have other code than $LATEST.
    subject = settling.get(LATEST) or next(iter(settling.values()), function.latest)
    resolved: Code | None = None
    failures: dict[str, managed_instances.Failure] = {}
    timer = parts.clock.call_later(parts.transition_seconds, transition.end.set)
    try:
        resolved = await _prepare(parts, subject)
        for number, version in settling.items():
            if version.managed is not None and number != LATEST:
                failed = await managed_instances.start(parts, function, version)
                if failed is not None:
                    failures[number] = failed
            elif version.snap_start:
                failed = await snapshots.take(parts, version)
                if failed is not None:
                    failures[number] = failed
        await transition.end.wait()
    except DriverFault as error:
        failure = managed_instances.Failure(str(error), _why(subject))
        failures = dict.fromkeys(settling, failure)
    except Exception as error:  # noqa: BLE001 a bug of ours: told in full, and nothing hangs
        _log.exception("%s could not be got ready", function.name)
        failure = managed_instances.Failure(f"localfaas failed: {error}", "InternalError")
        failures = dict.fromkeys(settling, failure)
    finally:
        timer.cancel()
        if parts.transitions.get(function.arn) is transition:
            del parts.transitions[function.arn]
    for number, version in settling.items():
        if function.settling.get(number) is version:
            del function.settling[number]
            present = function.numbered(number)
            # A restored version keeps the image that it was created with.
            restores = present is not None and present.state_reason_code == "Restoring"
            if resolved is not None and version.code == subject.code and not restores:
                version = replace(version, code=resolved)
            if present is not None:
                if number in failures:
                    version = _failed(present, *failures[number])
                show(parts, function, version)
    if failures or resolved:
        try:
            await parts.registry.save(function, *(n for n in settling if n != LATEST))
        except AwsError as error:  # nobody waits for it; the next start finds it out again
            parts.console.warn(f"{function.name}: {error.message}")


async def _prepare(parts: Parts, version: FunctionVersion) -> Code | None:
    """Get ready what a version runs on; return its code if more is known of it now.

    Raises:
        DriverFault: It can't be had.
    """
    driver = parts.driver
    await parts.pools.opened.wait()
    note = driver.check_architecture(version.architecture)
    if note is not None and driver.emulates:
        parts.console.warn(f"{version.name}: {note}")
    try:
        if version.code.image:
            image = await driver.prepare_image(version.code.image, version.architecture)
            return code.resolved(version.code, image)
        if version.runtime:
            await driver.prepare(version.runtime, version.architecture, (version.memory_mb,))
    except ConfigurationError as error:
        # AWS could serve it, even if this machine cannot: the function is as it should be.
        parts.console.warn(f"{version.name}: {error}")
    return None


def show(parts: Parts, function: Function, version: FunctionVersion) -> None:
    """Show a version as a transition leaves it; it is no longer idle."""
    function.used[version.version] = parts.clock.now()
    if version.version == LATEST:
        parts.registry.update(function, version, "active")
    else:
        function.versions[version.version] = version
        parts.registry.changed(function)
