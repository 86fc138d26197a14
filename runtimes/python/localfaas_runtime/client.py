"""The Runtime API over one socket: HTTP/1.1 spoken by hand, since http.client costs 30 ms."""

import json
import os
import socket
import stat

_API = b"/2018-06-01/runtime/"
_INHERITED = 3
_NEXT = "GET %sinvocation/next HTTP/1.1\r\nHost: %s\r\n\r\n"
#: Whom requests are addressed to. Over TCP its name may be what tells whose connection it is.
_host = "localhost"
NEXT = (_NEXT % (_API.decode(), _host)).encode()


class Client:
    """One keep-alive connection to the Runtime API."""

    def __init__(self, connection):
        self._socket = connection
        self._buffer = bytearray()

    @classmethod
    def inherited(cls):
        """Return a client on file descriptor 3, or None when that is no socket."""
        try:
            if not stat.S_ISSOCK(os.fstat(_INHERITED).st_mode):
                return None
        except OSError:
            return None
        os.set_inheritable(_INHERITED, False)
        return cls(socket.socket(fileno=_INHERITED))

    @staticmethod
    def take(path):
        """Connect to the Unix socket at ``path``, as if the connection had been inherited."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        if connection.fileno() != _INHERITED:
            os.dup2(connection.fileno(), _INHERITED)
            connection.close()
        else:
            connection.detach()

    @classmethod
    def connect(cls, address):
        """Return a client connected to ``address``, "host:port"."""
        global NEXT, _host
        host, _, port = address.rpartition(":")
        _host = address
        NEXT = (_NEXT % (_API.decode(), _host)).encode()
        connection = socket.create_connection((host, int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection)

    def read_order(self):
        """Return the line of JSON that comes before HTTP begins."""
        while b"\n" not in self._buffer:
            self._receive()
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = rest
        return json.loads(line)

    def send(self, *parts):
        """Write ``parts`` in one go."""
        parts = [memoryview(part) for part in parts if part]
        while parts:
            sent = self._socket.sendmsg(parts)
            while parts and sent >= len(parts[0]):
                sent -= len(parts.pop(0))
            if sent:
                parts[0] = parts[0][sent:]

    def receive(self):
        """Return (status, headers by lower-case name, body) of the next response."""
        end = self._buffer.find(b"\r\n\r\n")
        while end < 0:
            start = max(0, len(self._buffer) - 3)
            self._receive()
            end = self._buffer.find(b"\r\n\r\n", start)
        head = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(head[0].split(" ", 2)[1]), headers, self._body(headers)

    def _body(self, headers):
        size = int(headers.get("content-length", 0))
        held = len(self._buffer)
        if held >= size:
            body = bytes(self._buffer[:size])
            del self._buffer[:size]
            return body
        # The rest goes where it belongs at once: a body of 6 MB is copied no second time.
        body = bytearray(size)
        body[:held] = self._buffer
        self._buffer = bytearray()
        view = memoryview(body)[held:]
        while view:
            count = self._socket.recv_into(view)
            if not count:
                raise SystemExit(0)
            view = view[count:]
        return body

    def _receive(self):
        part = self._socket.recv(65536)
        if not part:
            # Nobody is left to work for.
            raise SystemExit(0)
        self._buffer += part


def post(path, body, content_type="application/json", error_type=""):
    """Return the parts of a POST, to be handed to ``send``."""
    extra = ""
    if error_type:
        extra = f"Lambda-Runtime-Function-Error-Type: {_header_value(error_type)}\r\n"
    head = "POST %s%s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n"
    return (head % (_API.decode(), path, _host, content_type, extra, len(body))).encode(
        "ascii"
    ), body


def _header_value(text):
    """Keep a name that user code chose from adding headers of its own."""
    return "".join(character if " " <= character <= "~" else "?" for character in text)
