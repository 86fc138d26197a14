"""Connections that this emulator makes for APIs, topics and workflows, while they are open.

Whoever may make an API may have the emulator send requests, to the emulator as well. Those come
from the emulator's own process: without this they would pass for its user's.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

#: The own ends of the connections that are open.
_open: set[tuple[str, int]] = set()


def has_made(end: tuple[str, int]) -> bool:
    """Say whether a connection comes from here.

    Args:
        end: Host and port from which it comes, as who accepted it sees them.
    """
    return bool(_open) and (end[0].removeprefix("::ffff:"), end[1]) in _open


class Outgoing(asyncio.StreamReaderProtocol):
    """The protocol of such a connection: it is known from before its first byte to its very end."""

    #: Its own end; None where the peer has reset it already.
    end: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of it."""
        with suppress(OSError):  # of uvloop, where asyncio has none
            end = transport.get_extra_info("sockname")
            self.end = end and end[:2]
        if self.end is not None:
            _open.add(self.end)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it: its socket is closed right after this."""
        if self.end is not None:
            _open.discard(self.end)
        super().connection_lost(exc)


async def connect(
    host: str, port: int, **options: Any
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as ``asyncio.open_connection`` does.

    Args:
        host: A name or an address.
        port: The port.
        options: Those of the loop's ``create_connection``.

    Raises:
        OSError: There is nobody, or they have hung up.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = Outgoing(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, host, port, **options)
    if protocol.end is None:
        # Nothing may be sent that is not known to come from here.
        transport.abort()
        raise ConnectionResetError("the connection was reset at once")
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
