"""What an environment is made from: its sandbox's specification and the stream of its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from emulator.driver.base import Driver
from emulator.model.debugging import DEBUG, DEBUGGER_MB, UNHURRIED_S, DebugPort
from emulator.model.function import FunctionVersion
from emulator.model.imports import TRACE_IMPORTS
from emulator.model.sandbox import EnvironmentSpec, ImageConfig
from emulator.pool import environ

ON_DEMAND = "on-demand"
PROVISIONED = "provisioned-concurrency"
SNAP_START = "snap-start"
MANAGED = "lambda-managed-instances"


def initialization_type(version: FunctionVersion, *, provisioned: bool) -> str:
    """Return AWS's word for why an environment is initialised."""
    if version.managed is not None:
        return MANAGED
    if provisioned:
        return PROVISIONED
    return SNAP_START if version.snap_start else ON_DEMAND


def can_debug(version: FunctionVersion, kind: str, driver: Driver) -> bool:
    """Say whether a debugger can look into an environment.

    Args:
        version: What it runs.
        kind: Its initialization type.
        driver: Makes its sandbox.
    """
    return kind in (ON_DEMAND, PROVISIONED) and driver.debugs(version.runtime)


def awaits_debugger(spec: EnvironmentSpec) -> bool:
    """Say whether an environment's INIT phase goes on only once a debugger is there."""
    return "wait" in spec.environ.get(DEBUG, "").split(",")


def debugged(
    version: FunctionVersion, spec: EnvironmentSpec, debug: DebugPort
) -> tuple[FunctionVersion, EnvironmentSpec]:
    """Return what an environment runs and is made from, with a debugger in it and time for it."""
    return replace(version, timeout_s=UNHURRIED_S), replace(
        spec,
        environ={**spec.environ, DEBUG: str(debug)},
        memory_mb=spec.memory_mb + DEBUGGER_MB,
        limit_cpu=False,
    )


def log_stream(version: FunctionVersion, environment_id: str, now: float) -> str:
    """Return the name of an environment's log stream.

    Args:
        version: What it runs.
        environment_id: Its id.
        now: Seconds since the epoch.
    """
    today = datetime.fromtimestamp(now, UTC).strftime("%Y/%m/%d")
    # In a group of its user's choice, which functions may share, the stream names its function.
    named = version.name if version.log_group else ""
    return f"{today}/{named}[{version.version}]{environment_id}"


def spec_of(
    version: FunctionVersion,
    environment_id: str,
    stream: str,
    *,
    kind: str,
    endpoint_url: str | None,
    told: Mapping[str, str],
    limit_cpu: bool,
    trace_imports: bool = False,
) -> EnvironmentSpec:
    """Return what a driver starts the sandbox of an environment from.

    Args:
        version: What it runs.
        environment_id: Its id.
        stream: The stream of its log.
        kind: Its initialization type.
        endpoint_url: Where an AWS SDK inside it finds this emulator; None: it is not told.
        told: Further variables.
        limit_cpu: Hold it to the share of CPU that its memory stands for.
        trace_imports: Have its runtime measure what it imports.
    """
    traced = {TRACE_IMPORTS: "1"} if trace_imports and version.managed is None else {}
    layers = tuple(layer.code for layer in version.layers)
    return EnvironmentSpec(
        environment_id=environment_id,
        function_name=version.name,
        function_version=version.version,
        runtime=version.runtime,
        handler=version.handler,
        code=version.code.folder,
        layers=tuple(layer.folder for layer in layers if layer.folder),
        private=frozenset(
            code.folder
            for code in (version.code, *layers)
            if code.private and code.folder is not None
        ),
        environ=environ.build(
            version,
            log_group=version.effective_log_group,
            log_stream=stream,
            endpoint_url=endpoint_url,
            told=told,
            initialization_type=kind,
        )
        | traced,
        memory_mb=version.memory_mb,
        cpus=version.managed.cpus if version.managed is not None else None,
        limit_cpu=limit_cpu,
        ephemeral_storage_mb=version.ephemeral_storage_mb,
        architecture=version.architecture,
        image=version.code.image,
        image_config=version.image_config or ImageConfig(),
    )
