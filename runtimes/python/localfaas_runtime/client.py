"""The Runtime API over one socket: HTTP/1.1 spoken by hand, since http.client costs 30 ms."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import stat

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

_API = "/2018-06-01/runtime/"
_INHERITED = 3
#: Read at one go where it is not known how much there is, bytes.
_MOST = 65536
_SIZE = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)


class Client:
    """One keep-alive connection to the Runtime API.

    ``host`` is whom requests are addressed to: over TCP its name may be what tells whose
    connection it is.
    """

    def __init__(self, connection: socket.socket, host: str = "localhost") -> None:
        self._socket = connection
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._host = host
        #: The request for the next invocation.
        self.next = f"GET {_API}invocation/next HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        #: What has been read and not been used yet.
        self._buffer = b""

    @classmethod
    def inherited(cls) -> Self | None:
        """Return a client on file descriptor 3, or None when that is no socket."""
        try:
            if not stat.S_ISSOCK(os.fstat(_INHERITED).st_mode):
                return None
        except OSError:
            return None
        os.set_inheritable(_INHERITED, False)
        return cls(socket.socket(fileno=_INHERITED))

    @staticmethod
    def take(place: str) -> None:
        """Connect to ``place``, as if the connection had been inherited.

        A path is that of a Unix socket. "host:port/token" is TCP; the token goes first.
        """
        address, _, token = place.partition("/")
        if address:
            host, _, port = address.rpartition(":")
            connection = socket.create_connection((host, int(port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(f"{token}\n".encode())
        else:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(place)
        if connection.fileno() != _INHERITED:
            os.dup2(connection.fileno(), _INHERITED)
            connection.close()
        else:
            connection.detach()

    @classmethod
    def connect(cls, address: str) -> Self:
        """Return a client connected to ``address``, "host:port"."""
        host, _, port = address.rpartition(":")
        connection = socket.create_connection((host, int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection, address)

    @classmethod
    def over(cls, fd: int) -> Self:
        """Return a client that speaks over the socket ``fd``."""
        return cls(socket.socket(fileno=fd))

    def receive_rights(self, space: int) -> tuple[bytes, list[tuple[int, int, bytes]]]:
        """Return what comes next, and what the kernel hands over with it.

        Args:
            space: Bytes for the latter.
        """
        self._readable.poll()
        data, ancillary, _, _ = self._socket.recvmsg(_MOST, space, socket.MSG_CMSG_CLOEXEC)
        if not data:
            raise SystemExit(0)
        return data, ancillary

    def unread(self, data: bytes) -> None:
        """Have ``data`` read again."""
        self._buffer = data + self._buffer

    def close(self) -> None:
        self._socket.close()

    def read_order(self) -> Any:
        """Return the line of JSON that comes before HTTP begins."""
        return json.loads(self._until(b"\n"))

    def send(self, *parts: bytes) -> None:
        """Write ``parts`` in one go."""
        sent = self._socket.sendmsg(parts)
        if sent < sum(map(len, parts)):
            # A socket takes so much at a time only: the rest, without copying what has gone.
            for part in parts:
                if sent < len(part):
                    self._socket.sendall(memoryview(part)[sent:])
                sent = max(0, sent - len(part))

    def get(self, path: str, headers: dict[str, str]) -> bytes:
        """Return a GET, to be handed to ``send``."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"GET {_API}{path} HTTP/1.1\r\nHost: {self._host}\r\n{extra}\r\n".encode("ascii")

    def post(
        self,
        path: str,
        body: bytes,
        content_type: str = "application/json",
        error_type: str = "",
    ) -> tuple[bytes, bytes]:
        """Return the parts of a POST, to be handed to ``send``."""
        extra = ""
        if error_type:
            extra = f"Lambda-Runtime-Function-Error-Type: {_header_value(error_type)}\r\n"
        head = (
            f"POST {_API}{path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: {content_type}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii"), body

    def receive(self) -> tuple[int, dict[str, str], bytes]:
        """Return (status, headers by lower-case name, body) of the next response."""
        status, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        return int(status.split(" ", 2)[1]), headers, self._take(size)

    def skip(self) -> None:
        """Read the next response for nothing."""
        head = self._until(b"\r\n\r\n")
        size = _SIZE.search(head)
        self._take(int(size[1]) if size else 0)

    def _until(self, end: bytes) -> bytes:
        """Return what comes before ``end``."""
        at = self._buffer.find(end)
        while at < 0:
            start = max(0, len(self._buffer) - len(end) + 1)
            self._buffer += self._receive()
            at = self._buffer.find(end, start)
        found, self._buffer = self._buffer[:at], self._buffer[at + len(end) :]
        return found

    def _take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        while len(found) < size:
            found += self._receive(size - len(found), socket.MSG_WAITALL)
        return found

    def _receive(self, most: int = _MOST, flags: int = 0) -> bytes:
        # Who waits in ``recv`` on a Unix socket is also woken, for nothing, when the other side
        # reads what was sent to it.
        self._readable.poll()
        part = self._socket.recv(most, flags)
        if not part:
            # Nobody is left to work for.
            raise SystemExit(0)
        return part


def _header_value(text: str) -> str:
    """Keep a name that user code chose from adding headers of its own."""
    return "".join(character if " " <= character <= "~" else "?" for character in text)
