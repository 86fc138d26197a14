"""Where stem cells call back that can't see this machine's Unix sockets: over TCP, by a token."""

from __future__ import annotations

import asyncio
import secrets
import socket

#: Bytes of randomness of a token, which is sent in hexadecimal and ends its line.
_BYTES = 16
_LINE = 2 * _BYTES + 1
#: Seconds a connection has to say its token, and how many may be about to.
_PATIENCE = 10.0
_WAITING = 64


def watch_over(connection: socket.socket, lost_after_s: int = 0) -> None:
    """Send at once what is sent; learn that the other machine is gone, which may say no word.

    Args:
        connection: A TCP connection.
        lost_after_s: Seconds after which it is, at least 4; 0 leaves that to the kernel.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if lost_after_s:
        probes = {"TCP_KEEPIDLE": lost_after_s - 3, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3}
        for name, value in (probes | {"TCP_USER_TIMEOUT": lost_after_s * 1000}).items():
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class CallbackServer:
    """Hands each connection to the caller that expects its token; each token once.

    Args:
        host: The address to listen on.
        lost_after_s: See :func:`watch_over`.
    """

    def __init__(self, host: str, lost_after_s: int = 0) -> None:
        self._host = host
        self._lost_after_s = lost_after_s
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._greetings: set[asyncio.Task[None]] = set()
        self._expected: dict[str, asyncio.Future[socket.socket]] = {}

    @staticmethod
    def make_token() -> str:
        """Return a token that nobody can guess."""
        return secrets.token_hex(_BYTES)

    @property
    def port(self) -> int:
        """The port; opens it on first use."""
        if self._listener is None:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            self._listener = socket.create_server((self._host, 0), family=family)
            self._listener.setblocking(False)
            self._accepting = asyncio.ensure_future(self._accept(self._listener))
        return int(self._listener.getsockname()[1])

    def expect(self, token: str) -> asyncio.Future[socket.socket]:
        """Return the connection that will give ``token``; cancel it to give up."""
        future: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        self._expected[token] = future
        future.add_done_callback(lambda _: self._forget(token, future))
        return future

    def _forget(self, token: str, future: asyncio.Future[socket.socket]) -> None:
        if self._expected.get(token) is future:
            del self._expected[token]

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:  # it was gone again, or descriptors are short
                await asyncio.sleep(0.01)
                continue
            if len(self._greetings) >= _WAITING:
                connection.close()
                continue
            task = asyncio.ensure_future(self._greet(connection))
            self._greetings.add(task)
            task.add_done_callback(self._greetings.discard)

    async def _greet(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            async with asyncio.timeout(_PATIENCE):
                said = await _read_line(connection)
            expected = self._expected.pop(said, None)
            if expected is None or expected.done():
                connection.close()
                return
            watch_over(connection, self._lost_after_s)
            expected.set_result(connection)
        except (TimeoutError, OSError):
            connection.close()
        except BaseException:
            connection.close()
            raise

    async def close(self) -> None:
        tasks = [*self._greetings, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()


async def _read_line(connection: socket.socket) -> str:
    """Return a token's line without its end. Reads no further: what follows is another's."""
    said = b""
    while len(said) < _LINE:
        piece = await asyncio.get_running_loop().sock_recv(connection, _LINE - len(said))
        if not piece:
            break
        said += piece
    return said.decode("ascii", "replace").rstrip("\n")
