"""The MCP endpoint: ``POST /_emulator/mcp``, behind the same rules as the rest of the admin API.

Source: https://modelcontextprotocol.io/specification
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

import emulator
from emulator.edge.admin.agents.tools import Deploy, tools
from emulator.edge.admin.views import PREFIX
from emulator.edge.router import AsgiApp, Receive, Scope, Send, answer
from emulator.model.errors import LocalfaasError
from emulator.services.context import Parts

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

PATH = f"{PREFIX}/mcp"
#: What the page says of an emulator that nobody has told otherwise.
_USUAL, _USUAL_REGION = "http://localhost:4566", "us-east-1"
_MISSING = "The MCP endpoint needs a further package: pip install 'localfaas[mcp]'"
_INSTRUCTIONS = (
    "localfaas runs AWS Lambda functions on this machine. Deploy a template or a folder, call "
    "functions, read their logs, and see in the timeline which calls were cold starts and why."
)


class Endpoint:
    """Serves MCP from its first request on; its package is imported then.

    Args:
        parts: The parts of the emulator.
        deploy: Deploys what lies on this machine.
        stopping: Set when the emulator ends.
    """

    def __init__(self, parts: Parts, deploy: Deploy, stopping: asyncio.Event) -> None:
        self._parts, self._deploy, self._stopping = parts, deploy, stopping
        self._app: AsgiApp | None = None
        self._ready = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            try:
                server = await asyncio.to_thread(_make_server, self._parts, self._deploy)
            except ImportError:
                body = orjson.dumps({"detail": _MISSING})
                await answer(send, 404, [(b"content-type", b"application/json")], body)
                return
            if self._app is None:  # no other request was quicker
                self._app = _make_app(server)
                self._parts.spawn(self._run(server))
        await self._ready.wait()
        await self._app(scope, receive, send)

    async def _run(self, server: MCPServer[Any]) -> None:
        async with server.session_manager.run():
            self._ready.set()
            await self._stopping.wait()


def add(app: FastAPI, parts: Parts, deploy: Deploy, stopping: asyncio.Event) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/llms.txt", summary="What an agent should know")
    async def llms(request: Request) -> PlainTextResponse:
        """Return the page, with the address by which the caller has found this emulator."""
        text = files(__package__).joinpath("llms.txt").read_text()
        own = str(request.base_url).rstrip("/")
        text = text.replace(_USUAL, own).replace(_USUAL_REGION, parts.table.region)
        return PlainTextResponse(text)

    app.add_route(PATH, Endpoint(parts, deploy, stopping), include_in_schema=False)  # type: ignore[arg-type]


def _make_server(parts: Parts, deploy: Deploy) -> MCPServer[Any]:
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    def in_words(tool: Callable[..., Any]) -> Callable[..., Any]:
        """Let a tool's failures be errors that an agent can read."""
        from functools import wraps

        @wraps(tool)
        async def call(*given: Any, **named: Any) -> Any:
            try:
                return await tool(*given, **named)
            except LocalfaasError as error:
                raise ToolError(str(error)) from error

        return call

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    server = MCPServer("localfaas", version=emulator.__version__, instructions=_INSTRUCTIONS)
    # It has everything logged that happens in this process, not its own calls alone.
    root.handlers[:] = handlers
    root.setLevel(level)
    for tool in tools(parts, deploy):
        server.add_tool(in_words(tool))
    return server


def _make_app(server: MCPServer[Any]) -> AsgiApp:
    from mcp.server.transport_security import TransportSecuritySettings

    made: Any = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        # Who may call is decided before a request comes here.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    app: AsgiApp = made
    return app
