"""The admin API's view of functions and execution environments."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request

import emulator
from emulator.edge.admin.views import (
    PREFIX,
    EnvironmentView,
    FunctionView,
    Health,
    StateChange,
    UrlView,
)
from emulator.edge.http_fronts.function_url import URL_PATH
from emulator.model.errors import DriverFault
from emulator.pool.environment import Environment
from emulator.registry.function import Function
from emulator.services.context import Parts
from emulator.services.lambda_.access import urls
from emulator.services.lambda_.lifecycle import states
from emulator.services.lambda_.paging import by_number
from emulator.services.lambda_.rules.ignored import ignored


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/health", summary="Whether the emulator runs")
    async def health() -> Health:
        return Health(
            status="ok",
            version=emulator.__version__,
            driver=parts.driver.name,
            region=parts.table.region,
            functions=len(parts.registry.all()),
            environments=parts.pools.count,
            notes=parts.driver.notes(),
        )

    @app.get(f"{PREFIX}/functions", summary="All functions")
    async def functions(request: Request, function: str | None = None) -> list[FunctionView]:
        """List the functions of one name, in every account and region, or all functions."""
        counts: dict[str, int] = {}
        for environment in parts.pools.environments.values():
            arn = environment.version.function_arn
            counts[arn] = counts.get(arn, 0) + 1
        found = [each for each in parts.registry.all() if function in (None, each.name)]
        endpoint = str(request.base_url).rstrip("/")
        return [
            _function(parts, each, counts.get(each.arn, 0), endpoint)
            for each in sorted(found, key=lambda each: each.arn)
        ]

    @app.get(f"{PREFIX}/environments", summary="All execution environments")
    async def environments(
        function: str | None = None, usage: bool = True
    ) -> list[EnvironmentView]:
        """List the environments of one function, by its name, or of all functions.

        With ``usage=false``, memory and CPU time are not measured, which is quicker.
        """
        chosen = [
            environment
            for environment in parts.pools.environments.values()
            if function in (None, environment.version.name)
        ]
        return list(await asyncio.gather(*(_environment(parts, each, usage) for each in chosen)))


def _function(parts: Parts, function: Function, environments: int, endpoint: str) -> FunctionView:
    latest = states.shown(parts, function, function.latest)
    return FunctionView(
        name=latest.name,
        account=latest.account,
        region=latest.region,
        arn=latest.function_arn,
        runtime=latest.runtime or latest.code.image or "",
        handler=latest.handler,
        memory_mb=latest.memory_mb,
        timeout_s=latest.timeout_s,
        architecture=latest.architecture,
        state=latest.state,
        description=latest.settings.get("Description", ""),
        folder=str(latest.code.folder) if latest.code.live and latest.code.folder else "",
        last_modified=latest.last_modified,
        versions=sorted(function.versions, key=by_number),
        aliases=sorted(function.aliases),
        environments=environments,
        urls=[
            UrlView(
                url=urls.address(endpoint, latest.region, url.url_id),
                path_url=f"{endpoint}{URL_PATH}{url.url_id}/",
                qualifier=qualifier,
                auth_type=url.auth_type,
                invoke_mode=url.invoke_mode,
            )
            # "$LATEST" comes before any alias.
            for qualifier, url in sorted(function.attached.urls.items())
        ],
        ignored=ignored(parts, function),
    )


async def _environment(parts: Parts, environment: Environment, usage: bool) -> EnvironmentView:
    used = None
    if usage and environment.sandbox is not None:
        try:
            used = await parts.driver.usage(environment.sandbox)
        except DriverFault:
            used = None  # stopped between the question and the answer
    version = environment.version
    return EnvironmentView(
        id=environment.id,
        function=version.name,
        version=version.version,
        account=version.account,
        region=version.region,
        state=environment.state,
        created=environment.created,
        age=max(0.0, parts.clock.now() - environment.created),
        invokes=environment.invokes,
        in_flight=environment.in_flight,
        init_ms=environment.init_ms,
        pid=environment.sandbox.pid if environment.sandbox is not None else None,
        log_group=version.effective_log_group,
        memory=used.memory if used else None,
        memory_peak=used.memory_peak if used else None,
        cpu_seconds=used.cpu_seconds if used else None,
        processes=used.processes if used else None,
        timeline=[
            StateChange(at=at, state=state, reason=reason)
            for at, state, reason in environment.timeline
        ],
    )
