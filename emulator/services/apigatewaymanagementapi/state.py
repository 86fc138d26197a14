"""The connections of WebSocket APIs, which another service has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.services.apigatewayv2.connections import Connection, Connections
    from emulator.services.context import Context, Parts


class Management:
    """Finds connections.

    Args:
        connections: All that are open.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def find(self, connection_id: str) -> Connection | None:
        """Return a connection, by its id."""
        return self._connections.find(connection_id)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`: it keeps nothing itself."""

    async def close(self) -> None:
        """See :class:`emulator.services.service.ServiceState`."""


async def open(parts: Parts) -> Management:
    """Open the service's state."""
    return Management((await parts.table.state("apigatewayv2")).connections)


def of(context: Context) -> Management:
    """Return the state of a request."""
    state: Management = context.state
    return state
