"""The admin API under /_emulator shows what the emulator does, to its command line and to people.

Only this package knows FastAPI, and it is imported when the first request comes: a third of a
second and 20 MB that an emulator nobody looks into does not pay.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse

import emulator
from emulator.edge.admin import (
    archives,
    checking,
    coldstart,
    debugging,
    deploying,
    drop_in,
    engines,
    events,
    evicting,
    flow,
    logs,
    metrics,
    minimum,
    page,
    pool,
    public,
    queues,
    sending,
    snapshots,
    state,
    tokens,
    traces,
    workflows,
)
from emulator.edge.admin.agents import endpoint as agents
from emulator.edge.admin.timeline import routes as timeline
from emulator.edge.admin.views import PREFIX, ResetDone, Stopping
from emulator.edge.http_fronts.authorizers.token_issuer import TokenIssuer
from emulator.edge.router import AsgiApp, Receive, Scope, Send
from emulator.model import process
from emulator.model.errors import StorageError
from emulator.services.context import Parts


def make_admin(
    parts: Parts,
    stop: Callable[[], None],
    stopping: asyncio.Event,
    drain_seconds: float,
    reset: Callable[[str | None], Awaitable[None]],
    deploy: deploying.Deploy,
    issuer: TokenIssuer,
) -> AsgiApp:
    """Return the ASGI application.

    Args:
        parts: The parts of the emulator.
        stop: Asks the emulator to drain and end; called again, to end at once.
        stopping: Set when it does; ends what would otherwise go on for ever.
        drain_seconds: How long the end waits for calls in flight at most.
        reset: Removes what was made, of an account or (None) of all.
        deploy: Deploys what lies on this machine.
        issuer: Signs tokens for tests.
    """
    app = FastAPI(
        title="localfaas admin API",
        version=emulator.__version__,
        openapi_url=f"{PREFIX}/openapi.json",
        # FastAPI's own pages load their scripts from elsewhere; ours works offline.
        docs_url=None,
        redoc_url=None,
    )
    state.add(app, parts)
    logs.add(app, parts, stopping)
    archives.add(app, parts)
    events.add(app, parts)
    public.add(app, parts)
    queues.add(app, parts)
    flow.add(app, parts)
    workflows.add(app, parts)
    sending.add(app, parts)
    timeline.add(app, parts, stopping)
    drop_in.add(app, parts, reset)
    engines.add(app, parts)
    evicting.add(app, parts)
    minimum.add(app, parts)
    debugging.add(app, parts)
    checking.add(app, parts)
    snapshots.add(app, parts)
    coldstart.add(app, parts)
    deploying.add(app, parts, deploy)
    agents.add(app, parts, deploy, stopping)
    pool.add(app, parts)
    tokens.add(app, parts, issuer)
    traces.add(app, parts)
    metrics.add(app, parts)

    @app.exception_handler(StorageError)
    async def not_kept(request: Request, error: StorageError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=507)

    @app.post(f"{PREFIX}/shutdown", status_code=202, summary="End the emulator")
    async def shutdown(now: bool = False) -> Stopping:
        """Drain and end; with ``now``, without waiting for the calls in flight."""
        in_flight = sum(each.in_flight for each in parts.pools.environments.values())
        stop()
        if now:
            stop()
        return Stopping(
            stopping=True,
            now=now,
            in_flight=in_flight,
            drain_seconds=drain_seconds,
            pid=os.getpid(),
            pid_namespace=process.namespace(),
        )

    @app.post(f"{PREFIX}/reset", summary="Remove all that was made since the start")
    async def remove_all(
        account: Annotated[str | None, Query(pattern=r"^\d{12}$")] = None,
    ) -> ResetDone:
        """Remove functions, queues, buckets, stacks, logs and all else, of ``account`` or of all.

        What the folder that is served declares is made anew. Calls in flight end by themselves.
        """
        begun = time.monotonic()
        await reset(account)
        return ResetDone(account=account, milliseconds=(time.monotonic() - begun) * 1000)

    @app.get(f"{PREFIX}/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        policy = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(page.render(app.openapi()), headers=policy)

    return _with_version(app)


def _with_version(app: AsgiApp) -> AsgiApp:
    """Let every answer name the emulator's version, so that clients know whom they talk to."""
    version = (b"x-localfaas-version", emulator.__version__.encode())

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], version]
            await send(message)

        await app(scope, receive, send_marked)

    return answer
