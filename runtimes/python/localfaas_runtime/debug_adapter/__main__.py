"""debugpy's adapter, whose port outlives clients that go while they are greeted.

debugpy greets a client in the thread that accepts connections. A client that is gone by then, be it
a probe of the port, ends this thread, and with it the port.
"""

from __future__ import annotations

import contextlib
import runpy
import socket
import sys
from typing import Any, Callable

del sys.path[0]  # this folder

from debugpy.common import sockets  # noqa: E402 (needs the line above)


def _serve(name: str, greet: Callable[[socket.socket], Any], *given: Any, **named: Any) -> Any:
    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(Exception):
            greet(connection)

    return _listen(name, handle, *given, **named)


_listen = sockets.serve
sockets.serve = _serve  # type: ignore[assignment]
runpy.run_module("debugpy.adapter", run_name="__main__")
