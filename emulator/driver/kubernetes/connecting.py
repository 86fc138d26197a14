"""Connections to a cluster's API, which end with whoever was opening them.

httpcore closes a connection whose TLS handshake fails, and not one whose handshake is called off:
it would stay open, and with it what the API keeps of it, until this process ends.
"""

from __future__ import annotations

from typing import Any

import httpx2
from httpcore2 import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream


def close_what_is_called_off(client: httpx2.AsyncClient) -> None:
    """Have a client close connections whose opening is cancelled."""
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx2.AsyncHTTPTransport):
            # httpcore has a place for a backend, and httpx hands none on to it.
            transport._pool._network_backend = _Backend()


class _Backend(AsyncNetworkBackend):
    def __init__(self) -> None:
        self._backend = AnyIOBackend()

    async def connect_tcp(self, *where: Any, **options: Any) -> AsyncNetworkStream:
        return _Stream(await self._backend.connect_tcp(*where, **options))

    async def connect_unix_socket(self, *where: Any, **options: Any) -> AsyncNetworkStream:
        return await self._backend.connect_unix_socket(*where, **options)

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class _Stream(AsyncNetworkStream):
    """A connection that may yet become one of TLS."""

    def __init__(self, stream: AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, *given: Any, **options: Any) -> bytes:
        return await self._stream.read(*given, **options)

    async def write(self, *given: Any, **options: Any) -> None:
        await self._stream.write(*given, **options)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *given: Any, **options: Any) -> AsyncNetworkStream:
        try:
            return await self._stream.start_tls(*given, **options)
        except BaseException:
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
