"""Serves WebSocket APIs: handshakes, messages, and calls to ``@connections``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.apis.live_stages import LiveStages
from emulator.edge.http_fronts.exchange import DomainMapping, HttpRequest, message
from emulator.edge.http_fronts.websockets.live import LiveStage
from emulator.edge.http_fronts.websockets.session import Session
from emulator.edge.router import SIGNED_PATH
from emulator.services.apigatewayv2.state import Api, ApiGateway

_CONNECTIONS = re.compile(r"(?:/[^/]+)?(?P<path>/@connections/[^/]+)")


class WebSocketApis:
    """Serves WebSocket APIs."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._state: ApiGateway | None = None
        self._stages: LiveStages[LiveStage] | None = None

    async def find(self, api_id: str) -> Api | None:
        """See :class:`emulator.edge.http_fronts.apis.base.ApiServer`."""
        state = self._state
        if state is None:
            state = self._state = await self._room.parts.table.state("apigatewayv2")
            self._stages = LiveStages(state, self._room.parts.clock, LiveStage)
        api = state.apis.get(api_id)
        return api if api is not None and not api.is_http else None

    async def mappings(self, domain: str) -> Iterable[DomainMapping]:
        """See :class:`emulator.edge.http_fronts.apis.base.ApiServer`; HTTP APIs' server has all."""
        return []

    async def serve(self, api: Any, request: HttpRequest) -> None:
        """See :class:`emulator.edge.http_fronts.apis.base.ApiServer`."""
        path = unquote(request.raw_path) if "%40" in request.raw_path else request.raw_path
        match = _CONNECTIONS.fullmatch(path)
        if match is not None and not request.is_websocket:
            there = {"path": match["path"], "raw_path": match["path"].encode()}
            scope = {**request.scope, **there, SIGNED_PATH: request.scope["raw_path"]}
            headers = dict(request.scope["headers"])
            await self._room.aws(scope, headers, request.receive, request.send)
            return
        stage = await self._find_stage(api, request)
        if not request.is_websocket:
            await request.answer(message(403 if stage is None else 426, "Forbidden"))
        elif stage is None or self._state is None:
            await request.refuse(message(403, "Forbidden"))
        else:
            session = Session(self._room, self._state.connections, stage, request, self.live_stage)
            await session.run()

    async def _find_stage(self, api: Api, request: HttpRequest) -> LiveStage | None:
        if request.mapping is not None and request.mapping.stage:
            return await self.live_stage(api, request.mapping.stage)
        if api.body["DisableExecuteApiEndpoint"] and request.mapping is None:
            return None
        name, _, rest = request.raw_path[1:].partition("/")
        return None if rest else await self.live_stage(api, name)

    async def live_stage(self, api: Api, name: str) -> LiveStage | None:
        """Return a stage as it is served now; None if it is gone."""
        assert self._stages is not None  # find() has opened them
        return await self._stages.find(api, name)


def open(room: Room) -> WebSocketApis:
    """Return what serves WebSocket APIs."""
    return WebSocketApis(room)
