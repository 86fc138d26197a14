"""The WebSockets that are open, by their connection's id: what ``@connections`` speaks to."""

from __future__ import annotations

from typing import Protocol


class Connection(Protocol):
    """A WebSocket that is open."""

    id: str
    api_id: str
    account: str
    stage: str
    source_ip: str
    user_agent: str
    #: Seconds since the epoch.
    connected_at: float
    last_active_at: float

    async def send(self, data: bytes) -> None:
        """Send a message to the client.

        Raises:
            ConnectionError: The client is gone.
        """
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection."""
        ...


class Connections:
    """All connections that are open."""

    def __init__(self) -> None:
        self._by_id: dict[str, Connection] = {}

    def add(self, connection: Connection) -> None:
        """Let a connection be found."""
        self._by_id[connection.id] = connection

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        self._by_id.pop(connection.id, None)

    def find(self, connection_id: str) -> Connection | None:
        """Return a connection, by its id."""
        return self._by_id.get(connection_id)

    def count(self, api_id: str) -> int:
        """Return how many connections an API has."""
        return sum(each.api_id == api_id for each in self._by_id.values())

    async def close_all(self, api_id: str) -> None:
        """End the connections of an API that goes."""
        for each in [each for each in self._by_id.values() if each.api_id == api_id]:
            await each.close(1001)
