"""One WebSocket, from its handshake to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from emulator.edge.http_fronts.apis.api_keys import KeyRefused, use_key
from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.authorizers.base import Refused
from emulator.edge.http_fronts.exchange import HttpRequest, message, new_gateway_id
from emulator.edge.http_fronts.websockets import integrations
from emulator.edge.http_fronts.websockets.authorizing import authorize
from emulator.edge.http_fronts.websockets.events import (
    Caller,
    connect_event,
    disconnect_event,
    message_event,
)
from emulator.edge.http_fronts.websockets.integrations import Result
from emulator.edge.http_fronts.websockets.live import LiveStage
from emulator.edge.http_fronts.websockets.selection import (
    CONNECT,
    DISCONNECT,
    route_key,
    select,
)
from emulator.services.apigateway.state import Gateway
from emulator.services.apigatewayv2.connections import Connections
from emulator.services.apigatewayv2.state import Api

_log = logging.getLogger(__name__)

#: Limits of WebSocket APIs: seconds without a message, seconds in all, bytes of a message.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
IDLE_S = 600.0
LONGEST_S = 7200.0
LARGEST = 128 * 1024
#: Messages of one connection that are worked on at once; its next ones wait.
_AT_ONCE = 64
_GOING_AWAY, _TOO_BIG = 1001, 1009
_REFUSED_KEYS = {
    "invalid": (403, "Forbidden"),
    "throttled": (429, "Too Many Requests"),
    "quota": (429, "Limit Exceeded"),
}
_REFUSED = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}


class Session:
    """A connection of a client.

    Args:
        room: What it may use.
        connections: Where functions find it.
        live: The stage that it came to.
        request: Its handshake.
        find_stage: Returns the stage as it is later: messages go to what is deployed then.
    """

    __slots__ = (
        "_closing",
        "_connections",
        "_ended",
        "_find_stage",
        "_live",
        "_request",
        "_room",
        "_tasks",
        "_timer",
        "account",
        "api_id",
        "caller",
        "connected_at",
        "id",
        "last_active_at",
        "source_ip",
        "stage",
        "user_agent",
    )

    def __init__(
        self,
        room: Room,
        connections: Connections,
        live: LiveStage,
        request: HttpRequest,
        find_stage: Callable[[Api, str], Awaitable[LiveStage | None]],
    ) -> None:
        self._room, self._connections = room, connections
        self._live, self._request, self._find_stage = live, request, find_stage
        self.id = new_gateway_id()
        self.api_id, self.account, self.stage = live.api.id, live.api.account, live.name
        self.source_ip, self.user_agent = request.source_ip, request.header("user-agent")
        self.connected_at = self.last_active_at = room.parts.clock.now()
        self.caller = Caller(
            request, self.id, live.name, self.connected_at, live.variables, authorizer={}
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: Any = None
        #: The code and reason by which the gateway ends it.
        self._closing: tuple[int, str] | None = None
        self._ended = False

    async def run(self) -> None:
        """Serve the connection until it ends."""
        await self._request.receive()  # websocket.connect
        protocol = await self._admit()
        if protocol is None:
            return
        await self._request.send(
            {"type": "websocket.accept", "subprotocol": protocol or None, "headers": []}
        )
        self._connections.add(self)
        self._watch()
        code, reason = 1006, ""
        try:
            code, reason = await self._serve()
        finally:
            self._ended = True
            if self._timer is not None:
                self._timer.cancel()
            self._connections.remove(self)
            if self._closing is not None:
                code, reason = self._closing
            self._start(self._tell_end(code, reason))

    # --- the handshake -------------------------------------------------------------------------

    async def _admit(self) -> str | None:
        """Ask whether the client may come; return its subprotocol ("" for none), or refuse it."""
        route = self._live.routes.get(CONNECT)
        if route is None:
            return ""
        if not self._live.lets_pass(CONNECT, self._room.parts.clock.monotonic()):
            await self._refuse(429, "Too Many Requests")
            return None
        if route.get("AuthorizationType", "NONE") != "NONE":
            try:
                self.caller = await authorize(self._room, self._live, self.caller, route)
            except Refused as refusal:
                text = _REFUSED.get(refusal.status, "Internal server error")
                await self._refuse(refusal.status, text)
                return None
        if route.get("ApiKeyRequired"):
            try:
                self.caller = self.caller._replace(key=await self._use_key())
            except KeyRefused as refusal:
                await self._refuse(*_REFUSED_KEYS[refusal.why])
                return None
        integration = self._live.integration(route)
        if integration is None:
            await self._refuse(500, "Internal server error")
            return None
        event = connect_event(self.caller, self._room.parts.clock.now())
        result = await self._call(CONNECT, event)
        self._log(CONNECT, "CONNECT", result)
        if not 200 <= result.status < 300:
            text = "Internal server error" if result.status >= 500 else "Forbidden"
            await self._refuse(result.status, text)
            return None
        for name, value in result.headers.items():
            if name.lower() == "sec-websocket-protocol":
                return str(value)
        return ""

    async def _use_key(self) -> Mapping[str, Any]:
        """Return the API key of the client, by the API's selection expression.

        Raises:
            KeyRefused: It does not let the client pass.
        """
        api, caller = self._live.api, self.caller
        source = str(api.body.get("ApiKeySelectionExpression") or "").lstrip("$")
        place, _, name = source.rpartition(".")
        if place == "context.authorizer":
            value = caller.usage_key
        else:
            value = self._request.header(name.lower())
        state: Gateway = await self._room.parts.table.state("apigateway")
        return use_key(
            state,
            value,
            account=api.account,
            region=api.region,
            api_id=api.id,
            stage=self.stage,
            method=CONNECT,
        )

    async def _refuse(self, status: int, text: str) -> None:
        connection = {"connectionId": self.id, "requestId": new_gateway_id()}
        body = {"message": text, **connection}
        response = message(status, text)._replace(body=orjson.dumps(body))
        await self._request.refuse(response)

    # --- messages ------------------------------------------------------------------------------

    async def _serve(self) -> tuple[int, str]:
        """Take messages until the connection ends; return its code and reason."""
        while True:
            received = await self._request.receive()
            if received["type"] == "websocket.disconnect":
                return int(received.get("code") or 1005), str(received.get("reason") or "")
            data: str | bytes = received.get("text")  # type: ignore[assignment]
            if data is None:
                data = received["bytes"]
            self.last_active_at = self._room.parts.clock.now()
            size = len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())
            if size > LARGEST:
                await self.close(_TOO_BIG, "Message Too Big")
                continue
            while len(self._tasks) >= _AT_ONCE:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            self._start(self._take_or_tell(data))

    async def _take_or_tell(self, data: str | bytes) -> None:
        """Take a message; a client whose message fails here is told so."""
        try:
            await self._take(data)
        except Exception:  # noqa: BLE001 the client is told as by the gateway
            _log.exception("a message of connection %s to API %s failed", self.id, self.api_id)
            await self._tell_error("Internal server error")

    async def _take(self, data: str | bytes) -> None:
        """Send a message to its route, and what goes back to the client."""
        live = await self._find_stage(self._live.api, self.stage)
        if live is None:
            await self._tell_error("Forbidden")
            return
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        wanted = route_key(live.selection, text, dict(self._request.headers))
        route = select(live.routes, wanted)
        if route is None:
            await self._tell_error("Forbidden")
            return
        key = str(route["RouteKey"])
        if not live.lets_pass(key, self._room.parts.clock.monotonic()):
            await self._tell_error("Too Many Requests")
            return
        self._live = live
        now = self._room.parts.clock.now()
        result = await self._call(key, message_event(self.caller, now, key, data, new_gateway_id()))
        self._log(key, "MESSAGE", result)
        if result.status == 504:
            await self._tell_error("Endpoint request timed out")
        elif result.status >= 500:
            await self._tell_error("Internal server error")
        elif key in live.answers and result.body:
            await self._quietly(self.send(result.body))

    async def _call(self, key: str, event: Mapping[str, Any]) -> Result:
        route = self._live.routes[key]
        integration = self._live.integration(route)
        if integration is None:
            return Result(500, b"", error="the route has no integration")
        return await integrations.call(self._room, integration, event, self._request.trace_id)

    async def _tell_error(self, text: str) -> None:
        body = {"message": text, "connectionId": self.id, "requestId": new_gateway_id()}
        await self._quietly(self.send(orjson.dumps(body)))

    async def _quietly(self, sending: Awaitable[None]) -> None:
        """Send to a client that may be gone."""
        try:
            await sending
        except ConnectionError:
            return

    # --- what functions do with it ---------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """See :class:`emulator.services.apigatewayv2.connections.Connection`."""
        if self._ended or self._closing is not None:
            raise ConnectionError("the client is gone")
        self.last_active_at = self._room.parts.clock.now()
        try:
            sent: dict[str, Any] = {"type": "websocket.send", "text": data.decode()}
        except UnicodeDecodeError:
            sent = {"type": "websocket.send", "bytes": data}
        try:
            await self._request.send(sent)
        except Exception as error:  # the server's own error says that the client is gone
            raise ConnectionError("the client is gone") from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See :class:`emulator.services.apigatewayv2.connections.Connection`."""
        if self._ended or self._closing is not None:
            return
        self._closing = (code, reason)
        self._connections.remove(self)
        try:
            await self._request.send({"type": "websocket.close", "code": code, "reason": reason})
        except Exception:  # noqa: BLE001 it has ended by itself
            return

    # --- its end -------------------------------------------------------------------------------

    def _watch(self) -> None:
        """End the connection when nothing was said for ten minutes, and after two hours."""
        if self._ended:
            return
        now = self._room.parts.clock.now()
        left = min(self.last_active_at + IDLE_S, self.connected_at + LONGEST_S) - now
        if left <= 0:
            self._start(self.close(_GOING_AWAY, "Going away"))
            return
        self._timer = self._room.parts.clock.call_later(left, self._watch)

    async def _tell_end(self, code: int, reason: str) -> None:
        route = self._live.routes.get(DISCONNECT)
        if route is None or self._live.integration(route) is None:
            return
        now = self._room.parts.clock.now()
        result = await self._call(DISCONNECT, disconnect_event(self.caller, now, code, reason))
        self._log(DISCONNECT, "DISCONNECT", result)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _log(self, key: str, kind: str, result: Result) -> None:
        live = self._live
        if not live.log_destination:
            return
        request, clock = self._request, self._room.parts.clock
        values = {
            "apiId": self.api_id,
            "connectedAt": str(int(self.connected_at * 1000)),
            "connectionId": self.id,
            "domainName": request.domain_name,
            "error.message": result.error,
            "eventType": kind,
            "identity.sourceIp": self.source_ip,
            "identity.userAgent": self.user_agent,
            "integrationErrorMessage": result.error,
            "messageDirection": "IN",
            "requestId": new_gateway_id(),
            "requestTimeEpoch": str(int(clock.now() * 1000)),
            "routeKey": key,
            "stage": self.stage,
            "status": str(result.status),
        }
        name = f"{self.api_id}/{self.stage}"
        self._room.access_logs.write(live.log_destination, name, live.log_format, values.get)
