"""WebSockets on a connection: uvicorn's protocol, which tells when it ends."""

from __future__ import annotations

from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from emulator.edge.crowd import CROWD


class WebSocket(WSProtocol):
    """The protocol of one WebSocket."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another connection."""
        CROWD.leave(self.transport)
        super().connection_lost(exc)
