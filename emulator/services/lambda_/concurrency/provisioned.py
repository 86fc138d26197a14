"""Provisioned concurrency configurations; the pool keeps the environments ready.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from emulator.invoke import tenancy
from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.model.limits import UNRESERVED_CONCURRENCY_MINIMUM
from emulator.registry.attachments import ProvisionedConcurrency
from emulator.registry.function import Function
from emulator.services.context import Context, Parts, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.errors import conflict, invalid
from emulator.services.lambda_.lifecycle import managed_instances
from emulator.services.lambda_.paging import page
from emulator.services.lambda_.rules import configuration, snap_start


async def put_provisioned_concurrency_config(ctx: Context, request: Request) -> Response:
    """Serve PutProvisionedConcurrencyConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html
    """
    function, qualifier = _qualified(
        ctx,
        request,
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
    )
    tenancy.refuse(function.latest, "Provisioned concurrency")
    managed_instances.refuse(function.latest, "Provisioned concurrency")
    shared = (function.numbered(number) for number in _shares(function, qualifier, 1))
    snap_start.refuse_provisioned(version for version in shared if version is not None)
    _check_overlap(function, qualifier)
    wanted: int = request["ProvisionedConcurrentExecutions"]
    _check_room(ctx, function, qualifier, wanted)
    before = targets(function)
    function.attached.provisioned[qualifier] = ProvisionedConcurrency(
        requested=wanted, modified_at=configuration.timestamp(ctx.clock.now())
    )
    adjust(ctx.parts, function, before)
    answer = _render(ctx, function, qualifier)
    provided = [n for n in targets(function) if n in function.versions]
    for number in provided:
        # AWS counts it as a change of the version (recorded).
        version = function.versions[number]
        function.versions[number] = replace(version, revision_id=configuration.new_revision())
    await ctx.parts.registry.save(function, *provided)
    return answer


async def get_provisioned_concurrency_config(ctx: Context, request: Request) -> Response:
    """Serve GetProvisionedConcurrencyConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetProvisionedConcurrencyConfig.html
    """
    function, qualifier = _qualified(
        ctx, request, "The function resource provided must be an alias or a published version."
    )
    if qualifier not in function.attached.provisioned:
        raise AwsError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
            Type="User",
        )
    return _render(ctx, function, qualifier)


async def list_provisioned_concurrency_configs(ctx: Context, request: Request) -> Response:
    """Serve ListProvisionedConcurrencyConfigs.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListProvisionedConcurrencyConfigs.html
    """
    function = lookup.function(ctx, request)
    held = function.attached.provisioned
    qualifiers, marker = page(sorted(held), request)
    found = [
        {**_render(ctx, function, q), "FunctionArn": f"{function.arn}:{q}"} for q in qualifiers
    ]
    return {"ProvisionedConcurrencyConfigs": found, "NextMarker": marker}


async def delete_provisioned_concurrency_config(ctx: Context, request: Request) -> Response:
    """Serve DeleteProvisionedConcurrencyConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteProvisionedConcurrencyConfig.html

    Deleting a configuration that does not exist is no error (recorded).
    """
    function, qualifier = _qualified(
        ctx, request, "The function resource provided must be an alias or a published version."
    )
    if qualifier in function.attached.provisioned:
        forget(ctx.parts, function, qualifier)
        await ctx.parts.registry.save(function)
    return {}


def of_function(function: Function, without: str | None = None) -> int:
    """Return the provisioned concurrency of all qualifiers of a function, or all but one."""
    held = function.attached.provisioned
    return sum(config.requested for qualifier, config in held.items() if qualifier != without)


def targets(function: Function) -> dict[str, int]:
    """Return how many environments each version is to have ready.

    An alias with weights has its environments spread over its versions in that proportion.
    """
    wanted: dict[str, int] = {}
    for qualifier, config in function.attached.provisioned.items():
        for version, share in _shares(function, qualifier, config.requested).items():
            wanted[version] = wanted.get(version, 0) + share
    return wanted


def adjust(parts: Parts, function: Function, before: Mapping[str, int]) -> None:
    """Have the pool keep ready what :func:`targets` says now, and reserve concurrency for it.

    Args:
        parts: The parts of the emulator.
        function: The function.
        before: What :func:`targets` said before the change.
    """
    parts.registry.provision(function, of_function(function))
    after = targets(function)
    wanted = []
    for number in before.keys() | after.keys():
        version = function.numbered(number)
        if version is not None and before.get(number) != after.get(number):
            wanted.append((version, after.get(number, 0)))
    parts.provisioning.move(wanted)


def forget(parts: Parts, function: Function, qualifier: str) -> None:
    """Drop the configuration of a version that is deleted."""
    before = targets(function)
    if function.attached.provisioned.pop(qualifier, None) is not None:
        adjust(parts, function, before)


def resume(parts: Parts) -> None:
    """Have the pool keep ready what the store kept over a restart."""
    for function in parts.registry.all():
        if function.attached.provisioned:
            adjust(parts, function, {})


def _shares(function: Function, qualifier: str, requested: int) -> dict[str, int]:
    alias = function.aliases.get(qualifier)
    if alias is None:
        return {qualifier: requested}
    shares = {version: round(requested * weight) for version, weight in alias.weights.items()}
    return {alias.function_version: requested - sum(shares.values()), **shares}


def _render(ctx: Context, function: Function, qualifier: str) -> Response:
    """Return a configuration with its present status in the pool."""
    config = function.attached.provisioned[qualifier]
    found = []
    for number, share in _shares(function, qualifier, config.requested).items():
        version = function.numbered(number)
        if version is not None and share:
            found.append(ctx.parts.provisioning.status(version))
    states = {status.status for status in found}
    available = sum(status.available for status in found)
    shown = {
        **config.to_wire(),
        "AllocatedProvisionedConcurrentExecutions": available,
        "AvailableProvisionedConcurrentExecutions": available,
        "Status": next((s for s in ("FAILED", "IN_PROGRESS") if s in states), "READY"),
    }
    reasons = [status.reason for status in found if status.reason]
    if reasons:
        shown["StatusReason"] = reasons[0]
    return shown


def _qualified(ctx: Context, request: Request, unpublished: str) -> tuple[Function, str]:
    """Return the function, and the version or alias that there is of it.

    Raises:
        AwsError: ResourceNotFoundException. Recorded: it names what was asked for, also where there
            is no such function.
    """
    named = lookup.name_of(ctx, request)
    assert named.qualifier is not None
    if named.qualifier == LATEST:
        raise invalid(unpublished)
    function = lookup.find(ctx, named)
    if function is None or named.qualifier not in (*function.aliases, *function.versions):
        raise lookup.no_qualified(lookup.arn_of(ctx, named, named.qualifier), named.qualifier)
    return function, named.qualifier


def _check_overlap(function: Function, qualifier: str) -> None:
    """Refuse to provision both an alias and the version behind it."""
    held = function.attached.provisioned
    alias = function.aliases.get(qualifier)
    if alias is not None:
        if alias.function_version in held or any(v in held for v in alias.weights):
            raise conflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already "
                "Provisioned version"
            )
        return
    for other in function.aliases.values():
        if other.name in held and qualifier in (other.function_version, *other.weights):
            raise conflict("Version is pointed by a Provisioned Concurrency alias")


def _check_room(ctx: Context, function: Function, qualifier: str, wanted: int) -> None:
    others = of_function(function, without=qualifier)
    reserved = function.reserved_concurrency
    if reserved is not None:
        if others + wanted > reserved:
            raise invalid(
                "Requested Provisioned Concurrency should not be greater than the "
                "reservedConcurrentExecution for function"
            )
        return
    left = ctx.parts.admission.unreserved(ctx.account, ctx.region) + of_function(function) - others
    if wanted > left:
        raise invalid(
            "Specified ConcurrentExecutions for function is greater than account's unreserved "
            f"concurrency [{left}]."
        )
    minimum = min(UNRESERVED_CONCURRENCY_MINIMUM, ctx.parts.admission.limit)
    if left - wanted < minimum:
        raise invalid(
            "Specified ConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{minimum}]."
        )
