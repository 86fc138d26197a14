"""Functions on Lambda Managed Instances: what they may be, and the environments they start with.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from emulator.model.errors import AwsError, DriverFault
from emulator.model.function import (
    LATEST,
    MEMORY_GIB_PER_VCPU,
    FunctionVersion,
    default_concurrency,
)
from emulator.model.limits import ORDINARY_MEMORY, ORDINARY_TIMEOUT
from emulator.pool.errors import InitFailed
from emulator.pool.placement import EnvironmentBounds
from emulator.registry.attachments import ScalingConfig
from emulator.registry.function import Function
from emulator.services.context import Context, Parts, Request
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.lifecycle import capacity_providers

if TYPE_CHECKING:
    from emulator.pool.managed import ManagedPool

#: MB.
_LEAST_MEMORY = 2048
#: https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html
_RUNTIMES = re.compile(
    r"java(2[1-9]|[3-9]\d).*|python3\.(1[3-9]|[2-9]\d)|nodejs(2[2-9]|[3-9]\d)\.x|dotnet([89]|1\d)"
    r"|provided\.al2023"
)
#: AWS's StateReasonCode for the error types of a failed INIT; others are RuntimeInitError.
_REASON_CODES = {
    "Sandbox.Timedout": "FunctionError.InitTimeout",
    "Runtime.InvalidEntrypoint": "FunctionError.InvalidEntryPoint",
    "Runtime.OutOfMemory": "FunctionError.InitResourceExhausted",
}


class Failure(NamedTuple):
    """Why a version's environments did not come up: StateReason and its code."""

    reason: str
    code: str


def complete(ctx: Context, request: Request, version: FunctionVersion | None = None) -> Request:
    """Return a create or update request with what Managed Instances add to it.

    Args:
        ctx: The request's context.
        request: The request, by the names of the model's members.
        version: What is updated.

    Raises:
        AwsError: AWS does not run it there.
    """
    managed = version is not None and version.managed is not None
    config = request.get("CapacityProviderConfig")
    if config is None and not managed:
        _check_ordinary(request)
        return request
    if version is not None and not managed:
        raise invalid("CapacityProviderConfig isn't supported for Lambda Default functions.")
    runtime = request.get("Runtime") or (version.runtime if version is not None else "")
    if runtime and not _RUNTIMES.fullmatch(runtime):
        raise invalid(
            f"Runtime Enum {runtime} does not support specified feature: Lambda Managed Instances"
        )
    if (request.get("TenancyConfig") or {}).get("TenantIsolationMode") == "PER_TENANT":
        raise invalid("Tenant isolation isn't supported for functions with a capacity provider.")
    added: dict[str, Any] = {}
    memory = request.get("MemorySize")
    if memory is None:
        memory = _LEAST_MEMORY if version is None else version.memory_mb
    if memory < _LEAST_MEMORY:
        raise AwsError(
            "ValidationException",
            "Lambda Managed Instance functions must have memory size greater than or equal to "
            f"{_LEAST_MEMORY}",
            status=400,
        )
    added["MemorySize"] = memory
    logging = request.get("LoggingConfig")
    if logging is not None and logging.get("LogFormat") == "Text":
        raise invalid(
            'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your '
            'request or change the LogFormat to "JSON" and try again.'
        )
    if logging is not None or version is None:
        added["LoggingConfig"] = {**(logging or {}), "LogFormat": "JSON"}
    if config is not None:
        added["CapacityProviderConfig"] = _with_defaults(config, runtime, memory)
        instances = config["LambdaManagedInstancesCapacityProviderConfig"]
        capacity_providers.check(ctx, instances["CapacityProviderArn"])
    return {**request, **added}


def _check_ordinary(request: Request) -> None:
    """Hold a function to the limits of those that don't run on Managed Instances."""
    violations = [
        f"Value '{request[name]}' at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: "
        f"Member must have value less than or equal to {most}"
        for name, most in (("Timeout", ORDINARY_TIMEOUT), ("MemorySize", ORDINARY_MEMORY))
        if (request.get(name) or 0) > most
    ]
    if violations:
        errors = "error" if len(violations) == 1 else "errors"
        raise AwsError(
            "ValidationException",
            f"{len(violations)} validation {errors} detected: {'; '.join(violations)}",
            status=400,
        )


def _with_defaults(config: Mapping[str, Any], runtime: str, memory_mb: int) -> dict[str, Any]:
    instances = config["LambdaManagedInstancesCapacityProviderConfig"]
    full = {"ExecutionEnvironmentMemoryGiBPerVCpu": MEMORY_GIB_PER_VCPU, **instances}
    if "PerExecutionEnvironmentMaxConcurrency" not in full:
        cpus = memory_mb / 1024 / full["ExecutionEnvironmentMemoryGiBPerVCpu"]
        full["PerExecutionEnvironmentMaxConcurrency"] = default_concurrency(runtime, cpus)
    return {"LambdaManagedInstancesCapacityProviderConfig": full}


def refuse(version: FunctionVersion, what: str) -> None:
    """Refuse what is for functions that run as Lambda functions do by default.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    if version.managed is not None:
        raise invalid(f"{what} isn't supported for functions with a capacity provider.")


def scaling_of(function: Function, version: str) -> ScalingConfig | None:
    """Return a version's scaling configuration; None where it has none."""
    return function.attached.scaling.get(version)


def forget(function: Function, version: str) -> None:
    """Drop the configuration of a version that goes."""
    function.attached.scaling.pop(version, None)


def bounds(function: Function, version: str) -> EnvironmentBounds:
    """Return how many environments a version is to have."""
    config, usual = scaling_of(function, version) or ScalingConfig(), EnvironmentBounds()
    most = usual.most if config.maximum is None else config.maximum
    least = min(usual.least, most) if config.minimum is None else config.minimum
    return EnvironmentBounds(least, most)


async def start(parts: Parts, function: Function, version: FunctionVersion) -> Failure | None:
    """Start the environments a version is to have before it is called.

    Returns why they did not come up, or None.
    """
    pool = parts.pools.managed(version)
    pool.scale(bounds(function, version.version))
    await pool.settled()
    return _failure(pool)


def _failure(pool: ManagedPool) -> Failure | None:
    match pool.failure:
        case InitFailed(result=result):
            try:
                text = orjson.loads(result.payload)["errorMessage"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                text = result.error_type
            code = _REASON_CODES.get(result.error_type, "FunctionError.RuntimeInitError")
            return Failure(str(text), code)
        case DriverFault() as fault:
            return Failure(str(fault), "InsufficientCapacity")
    if pool.count < pool.bounds.least:
        return Failure(
            "The capacity provider can't have more vCPUs.", "CapacityProviderScalingLimitExceeded"
        )
    return None


def published(function: Function) -> list[FunctionVersion]:
    """Return the versions of a function that have environments on Managed Instances."""
    return [
        version
        for version in function.versions.values()
        if version.managed is not None and version.version != LATEST
    ]


def resume(parts: Parts) -> None:
    """Start what ran before a restart."""
    for *_, provider in parts.registry.capacity_providers.all():
        capacity_providers.bound(parts, provider)
    for function in parts.registry.all():
        for version in published(function):
            if version.state == "Active":
                parts.pools.managed(version).scale(bounds(function, version.version))
