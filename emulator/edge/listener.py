"""A listening socket and the server behind it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn

from emulator.edge.http import HttpProtocol, make_websocket
from emulator.edge.router import AsgiApp
from emulator.model.errors import ConfigurationError


class Listener:
    """Listens from the start; answers once :meth:`serve` is called.

    Args:
        host: The address to listen on.
        port: 0 takes a free one.

    Raises:
        ConfigurationError: The address is taken, or not this machine's.
    """

    def __init__(self, host: str, port: int) -> None:
        self._socket = _bind(host, port)
        self.host: str = self._socket.getsockname()[0]
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None
        #: Ends when nothing is served any more; None before :meth:`serve`.
        self.serving: asyncio.Task[None] | None = None

    def covers(self, host: str) -> bool:
        """Say whether a connection to ``host`` reaches this listener."""
        return host in (self.host, "localhost") or self.host in ("0.0.0.0", "::")

    def serve(self, app: AsgiApp, *, drain_seconds: float) -> asyncio.Task[None]:
        """Let ``app`` answer requests.

        Args:
            app: The ASGI application.
            drain_seconds: How long the end may wait for requests in flight.
        """
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            lifespan="off",
            ws=make_websocket,  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            # As on AWS: compression would cost each connection its own window of memory, and
            # clients that are silent are not gone.
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            ws_ping_timeout=None,
            timeout_graceful_shutdown=int(drain_seconds) + 1,
        )
        self._server = _Server(config)
        serving = self._server.serve(sockets=[self._socket])
        self.serving = asyncio.get_running_loop().create_task(serving)
        return self.serving

    def end(self, *, now: bool = False) -> None:
        """Accept nothing more; with ``now``, wait for nothing."""
        if self._server is not None:
            self._server.should_exit = True
            self._server.force_exit = now

    async def close(self) -> None:
        """Return when nothing is served any more."""
        if self.serving is not None:
            await self.serving
        self._socket.close()

    def abandon(self) -> None:
        """Close the socket of a listener that never served."""
        self._socket.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: ours drains first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"can't listen on {host}:{port}: {error.strerror}. {_remedy(error)}"
        ) from error
    bound.listen(1024)
    bound.setblocking(False)
    return bound


def _remedy(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "Choose an address of this machine with --host."
    hint = "Is another emulator running? " if error.errno == errno.EADDRINUSE else ""
    return f"{hint}Choose another port with --port or LOCALFAAS_PORT."
