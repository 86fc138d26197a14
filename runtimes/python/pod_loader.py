"""The first lines of a pod, in its command: they connect, and run what comes: pod_supervisor.py.

python -I -S -c <this> host:port/token      call there
python -I -S -c <this> :port/token          wait for a call, on the loopback
"""

from __future__ import annotations

import socket
import sys

# What a type checker needs, and no pod pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds after which nobody will call any more: callers try many times a second.
PATIENCE_S = 6

place, _, token = sys.argv[1].rpartition("/")
host, _, port = place.rpartition(":")


def take(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data


def line(connection: socket.socket) -> str:
    said = b""
    while not said.endswith(b"\n"):
        said += take(connection, 1)
    return said[:-1].decode("ascii", "replace")


if host:
    control = socket.create_connection((host, int(port)), 20)
    control.settimeout(None)
    control.sendall(token.encode() + b"\n")
    way = place
else:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(8)
    listener.settimeout(PATIENCE_S)
    said = ""
    while said != token:
        try:
            control = listener.accept()[0]
        except OSError:  # too late; of its own kind since Python 3.10 only
            sys.exit(0)
        said = line(control)
    control.sendall(b"\n")
    way = str(listener.detach())
scope: dict[str, Any] = {"__name__": "supervisor"}
exec(compile(take(control, int(line(control))), "pod_supervisor.py", "exec"), scope)
scope["Supervisor"](control, way).run()
