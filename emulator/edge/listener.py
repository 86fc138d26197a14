"""A listening socket and the server behind it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn
from uvicorn.config import Config
from uvicorn.server import Server

from emulator.edge.http import HttpProtocol, make_websocket
from emulator.edge.router import AsgiApp
from emulator.model.errors import ConfigurationError

# uvicorn's other modules ask their package for it, whose own code is put off.
uvicorn.Config = Config  # type: ignore[misc]

#: How often the end looks whether the last requests are answered.
_LOOK_S = 0.01


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
        self._reserved = _reserve(self.port) if self.host == "127.0.0.1" else None
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
        config = Config(
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
            self._server.end(now=now)

    async def close(self) -> None:
        """Return when nothing is served any more."""
        if self.serving is not None:
            await self.serving
        self.abandon()

    def abandon(self) -> None:
        """Close the socket of a listener that never served."""
        self._socket.close()
        if self._reserved is not None:
            self._reserved.close()


class _Server(Server):
    """uvicorn without its signal handling (ours drains first), and without its clock.

    It looks ten times a second whether it shall end, and pauses at its end: this one is told.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self, *, now: bool) -> None:
        """Accept nothing more; with ``now``, wait for nothing."""
        self.should_exit, self.force_exit = True, now
        self._ending.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for each in (*self.servers, *(sockets or ())):
            each.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await self._all_answered()
                for server in self.servers:
                    await server.wait_closed()
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()

    async def _all_answered(self) -> None:
        """Return once no connection and no request is left, or nobody wants to wait for them."""
        state = self.server_state
        # A connection that waits for nothing is gone at the loop's next round.
        await asyncio.sleep(0)
        while (state.connections or state.tasks) and not self.force_exit:  # noqa: ASYNC110
            # uvicorn tells nobody when the last one is gone.
            await asyncio.sleep(_LOOK_S)


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


def _reserve(port: int) -> socket.socket | None:
    """Keep everybody else from a port of IPv6's loopback; None where it can't be had.

    "localhost" leads there first: a function could answer clients in the emulator's place. Nobody
    listens, so that these go on to 127.0.0.1 at once.
    """
    with contextlib.suppress(OSError):
        reserved = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        try:
            reserved.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            reserved.bind(("::1", port))
        except OSError:
            reserved.close()
            raise
        return reserved
    return None


def _remedy(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "Choose an address of this machine with --host."
    hint = "Is another emulator running? " if error.errno == errno.EADDRINUSE else ""
    return f"{hint}Choose another port with --port or LOCALFAAS_PORT."
