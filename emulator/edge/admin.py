"""The admin API under /_emulator: what the emulator is doing, for its command line and for people.

Only this module (and what shows it) knows FastAPI, and it is imported when the first request
comes: a third of a second and 20 MB that an emulator nobody looks into does not pay.
"""

from __future__ import annotations

import asyncio
import base64
import heapq
from collections import deque
from collections.abc import AsyncIterator, Callable
from html import escape
from itertools import islice
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import FileResponse, HTMLResponse, StreamingResponse
from pydantic import BaseModel

import emulator
from emulator.control.context import Services
from emulator.control.lambda_.ignored import ignored
from emulator.driver import package
from emulator.edge.gateway import AsgiApp
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.pool.environment import Environment
from emulator.registry.functions import Function
from emulator.telemetry.logs import LogEvent, LogGroup, LogStream

PREFIX = "/_emulator"
_GROUP = "/aws/lambda/"
#: Events kept for a follower who reads more slowly than functions log.
_BEHIND = 10_000


class Health(BaseModel):
    """That it is there."""

    status: str
    version: str
    driver: str
    functions: int
    environments: int
    #: What this machine can't do as AWS does.
    notes: list[str]


class FunctionView(BaseModel):
    """A function as it would run now."""

    name: str
    account: str
    region: str
    arn: str
    runtime: str
    handler: str
    memory_mb: int
    timeout_s: int
    architecture: str
    state: str
    description: str
    #: The folder it is run from, where that is the user's own; empty for an uploaded archive.
    folder: str
    last_modified: str
    versions: list[str]
    aliases: list[str]
    environments: int
    #: What is configured and not acted on.
    ignored: list[str]


class Moment(BaseModel):
    """A change of state. ``at`` is seconds since the epoch."""

    at: float
    state: str
    reason: str


class EnvironmentView(BaseModel):
    """An execution environment. Times are seconds, memory is bytes."""

    id: str
    function: str
    version: str
    account: str
    region: str
    state: str
    created: float
    age: float
    invokes: int
    init_ms: float | None
    pid: int | None
    log_group: str
    #: None where the driver can't tell, or was not asked.
    memory: int | None
    memory_peak: int | None
    cpu_seconds: float | None
    processes: int | None
    timeline: list[Moment]


class LogView(BaseModel):
    """One line of log. ``timestamp`` is milliseconds since the epoch."""

    #: Rises with each event; ``since`` continues after it.
    sequence: int
    timestamp: int
    function: str
    group: str
    stream: str
    message: str


class Stopping(BaseModel):
    """The emulator ends when invocations in flight have, or at once."""

    stopping: bool
    now: bool


def make_admin(
    services: Services, stop: Callable[[], None], stopping: asyncio.Event | None = None
) -> AsgiApp:
    """Return the ASGI application.

    Args:
        stop: Asks the emulator to drain and end; called again, to end at once.
        stopping: Set when it does; ends what would otherwise go on for ever.
    """
    app = FastAPI(
        title="localfaas admin API",
        version=emulator.__version__,
        openapi_url=f"{PREFIX}/openapi.json",
        # FastAPI's own pages load their scripts from elsewhere; ours works offline.
        docs_url=None,
        redoc_url=None,
    )
    _add_state(app, services)
    _add_logs(app, services, stopping or asyncio.Event())
    _add_code(app, services)

    @app.post(f"{PREFIX}/shutdown", status_code=202, summary="End the emulator")
    async def shutdown(now: bool = False) -> Stopping:
        """Drain and end; with ``now``, without waiting for invocations in flight."""
        stop()
        if now:
            stop()
        return Stopping(stopping=True, now=now)

    @app.get(f"{PREFIX}/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        policy = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(_page(app.openapi()), headers=policy)

    return app


# --- functions and environments ------------------------------------------------------------------


def _add_state(app: FastAPI, services: Services) -> None:
    @app.get(f"{PREFIX}/health", summary="Whether it is there")
    async def health() -> Health:
        return Health(
            status="ok",
            version=emulator.__version__,
            driver=services.driver.name,
            functions=len(services.registry.all()),
            environments=services.pools.count,
            notes=services.driver.notes(),
        )

    @app.get(f"{PREFIX}/functions", summary="All functions")
    async def functions() -> list[FunctionView]:
        counts: dict[str, int] = {}
        for environment in services.pools.environments.values():
            arn = environment.version.function_arn
            counts[arn] = counts.get(arn, 0) + 1
        found = sorted(services.registry.all(), key=lambda function: function.arn)
        return [_function(function, counts.get(function.arn, 0)) for function in found]

    @app.get(f"{PREFIX}/environments", summary="All execution environments")
    async def environments(
        function: str | None = None, usage: bool = True
    ) -> list[EnvironmentView]:
        """Those of one function by its name, or of all; ``usage=false`` leaves memory out."""
        chosen = [
            environment
            for environment in services.pools.environments.values()
            if function in (None, environment.version.name)
        ]
        return list(await asyncio.gather(*(_environment(services, each, usage) for each in chosen)))


def _function(function: Function, environments: int) -> FunctionView:
    latest = function.latest
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
        folder=str(latest.code.folder) if latest.code.live else "",
        last_modified=latest.last_modified,
        versions=sorted(function.versions, key=int),
        aliases=sorted(function.aliases),
        environments=environments,
        ignored=ignored(function),
    )


async def _environment(
    services: Services, environment: Environment, usage: bool
) -> EnvironmentView:
    used = None
    if usage and environment.sandbox is not None:
        try:
            used = await services.driver.usage(environment.sandbox)
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
        age=max(0.0, services.clock.now() - environment.created),
        invokes=environment.invokes,
        init_ms=environment.init_ms,
        pid=environment.sandbox.pid if environment.sandbox is not None else None,
        log_group=version.effective_log_group,
        memory=used.memory if used else None,
        memory_peak=used.memory_peak if used else None,
        cpu_seconds=used.cpu_seconds if used else None,
        processes=used.processes if used else None,
        timeline=[
            Moment(at=at, state=state, reason=reason) for at, state, reason in environment.timeline
        ],
    )


# --- logs ----------------------------------------------------------------------------------------


def _add_logs(app: FastAPI, services: Services, stopping: asyncio.Event) -> None:
    @app.get(f"{PREFIX}/logs", summary="Lines of log, oldest first")
    async def logs(
        function: str | None = None,
        since: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> list[LogView]:
        """The newest ``limit`` lines after the sequence number ``since``."""
        return _newest(services, function, since, limit)

    @app.get(f"{PREFIX}/logs/follow", summary="Lines of log as they come")
    async def follow(
        function: str | None = None,
        since: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=0, le=10_000)] = 100,
    ) -> StreamingResponse:
        """What ``/logs`` gives, then each new line: one JSON object per line, without end.

        Empty lines keep the connection alive. ``{"skipped": n}`` says that the reader was too
        slow for n lines.
        """
        lines = _follow(services, function, since, limit, stopping)
        return StreamingResponse(lines, media_type="application/x-ndjson")


def _newest(services: Services, function: str | None, since: int, limit: int) -> list[LogView]:
    found: list[tuple[LogEvent, LogGroup, LogStream]] = []
    for group in _groups(services, function):
        for stream in group.streams.values():
            for event in islice(reversed(stream.events), limit):
                if event.sequence <= since:
                    break
                found.append((event, group, stream))
    newest = heapq.nlargest(limit, found, key=lambda each: each[0].sequence)
    return [_log(group, stream, event) for event, group, stream in reversed(newest)]


def _groups(services: Services, function: str | None) -> list[LogGroup]:
    groups = [group for scope in services.logs.groups.values() for group in scope.values()]
    if function is None:
        return groups
    names = _group_names(services, function)
    return [group for group in groups if group.name in names]


def _group_names(services: Services, function: str) -> set[str]:
    configured = (each.latest for each in services.registry.all() if each.name == function)
    return {_GROUP + function, *(version.effective_log_group for version in configured)}


def _log(group: LogGroup, stream: LogStream, event: LogEvent) -> LogView:
    return LogView(
        sequence=event.sequence,
        timestamp=event.timestamp,
        function=group.name.removeprefix(_GROUP),
        group=group.name,
        stream=stream.name,
        message=event.message,
    )


async def _follow(
    services: Services, function: str | None, since: int, limit: int, stopping: asyncio.Event
) -> AsyncIterator[bytes]:
    groups = None if function is None else _group_names(services, function)
    waiting: deque[LogView] = deque()
    came = asyncio.Event()
    skipped = 0

    def listener(group: LogGroup, stream: LogStream, event: LogEvent) -> None:
        nonlocal skipped
        if groups is not None and group.name not in groups:
            return
        if len(waiting) >= _BEHIND:
            waiting.popleft()
            skipped += 1
        waiting.append(_log(group, stream, event))
        came.set()

    end = services.logs.listen(listener)
    past = _newest(services, function, since, limit)
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        # The first bytes tell the client that it is being served.
        yield b"\n"
        for view in past:
            yield _line(view)
        while not stopping.is_set():
            while waiting:
                yield _line(waiting.popleft())
            if skipped:
                yield orjson.dumps({"skipped": skipped}) + b"\n"
                skipped = 0
            came.clear()
            new = asyncio.ensure_future(came.wait())
            done, _ = await asyncio.wait(
                {new, stopped}, timeout=15, return_when=asyncio.FIRST_COMPLETED
            )
            new.cancel()
            if not done:
                yield b"\n"
    finally:
        stopped.cancel()
        end()


def _line(view: LogView) -> bytes:
    return orjson.dumps(view.model_dump()) + b"\n"


# --- code ----------------------------------------------------------------------------------------


def _add_code(app: FastAPI, services: Services) -> None:
    @app.get(
        f"{PREFIX}/code/{{account}}/{{region}}/{{name}}/{{version}}",
        summary="A function version's code as a zip archive",
        response_class=Response,
        responses={200: {"content": {"application/zip": {}}}, 404: {}},
    )
    async def code(account: str, region: str, name: str, version: str) -> Response:
        """Where GetFunction's Code.Location points: the archive as it was uploaded, or what lies
        in the user's own folder now, packed."""
        found = services.registry.find(account, region, name)
        chosen: FunctionVersion | None = None if found is None else found.version(version)
        if chosen is None:
            raise HTTPException(404, f"Function not found: {name}:{version}")
        folder = chosen.code.folder
        if folder is None:
            raise HTTPException(404, f"{name} is an image: {chosen.code.image}")
        headers = {"content-disposition": f'attachment; filename="{name}.zip"'}
        if not chosen.code.live:
            path = services.blobs.path(base64.b64decode(chosen.code.sha256).hex())
            if not path.is_file():
                raise HTTPException(404, f"The archive of {name}:{version} is gone: {path}")
            return FileResponse(path, media_type="application/zip", headers=headers)
        archive = await asyncio.to_thread(package.zip_folder, folder)
        return Response(archive, media_type="application/zip", headers=headers)


# --- the page ------------------------------------------------------------------------------------


def _page(schema: dict[str, Any]) -> str:
    """Return the OpenAPI description as a page without scripts."""
    rows = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parameters = ", ".join(
                parameter["name"] for parameter in operation.get("parameters", ())
            )
            rows.append(
                f"<tr><td>{escape(method.upper())}</td><td><code>{escape(path)}</code></td>"
                f"<td><code>{escape(parameters)}</code></td>"
                f"<td><b>{escape(operation.get('summary', ''))}</b><br>"
                f"{escape(operation.get('description', ''))}</td></tr>"
            )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>{escape(schema['info']['title'])}</title>"
        "<style>body{font:15px system-ui;margin:2em}td,th{padding:.4em .8em;text-align:left;"
        "vertical-align:top;border-top:1px solid #ccc}</style>"
        f"<h1>{escape(schema['info']['title'])} {escape(schema['info']['version'])}</h1>"
        f'<p>For tools: <a href="{PREFIX}/openapi.json">openapi.json</a>.</p>'
        "<table><tr><th>Method</th><th>Path</th><th>Parameters</th><th>What it does</th></tr>"
        f"{''.join(rows)}</table></html>"
    )
