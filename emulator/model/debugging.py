"""Which functions are debugged, and where their debuggers listen."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple

#: Tells our bootstraps to open a port for a debugger, with a :class:`DebugPort` as text; they take
#: it out of the function's sight.
DEBUG = "LOCALFAAS_DEBUG"
#: The port of the first debugged function; the next ones take the next ports.
FIRST_PORT = 5678
#: What a driver adds to the order of :data:`DEBUG`, after a comma: the port is the sandbox's own,
#: and this machine's leads to it; or the port is another's.
PUBLISHED, TAKEN = "published", "taken"
#: Seconds that INIT, an invocation and idleness of a debugged function may last: who looks at a
#: breakpoint takes their time.
UNHURRIED_S = 7 * 86400
#: What a debugger needs beside the function, MB.
DEBUGGER_MB = 512


class DebugPort(NamedTuple):
    """Where a function's debugger listens, on this machine alone."""

    port: int
    #: Initialise only once a debugger is there.
    wait: bool = False

    def __str__(self) -> str:
        return f"{self.port},wait" if self.wait else str(self.port)


def ports(given: Iterable[str], *, wait: bool) -> dict[str, DebugPort]:
    """Return the port of each function.

    Args:
        given: ``NAME`` or ``NAME=PORT`` of each; those without get the first free of the usual
            ones.
        wait: Have them wait for their debuggers.
    """
    pairs = [text.partition("=")[::2] for text in given]
    taken = {int(port) for _, port in pairs if port}
    free = (port for port in range(FIRST_PORT, 65536) if port not in taken)
    return {name: DebugPort(int(port) if port else next(free), wait) for name, port in pairs}


def next_port(debugged: Mapping[str, DebugPort], name: str) -> int:
    """Return the port of one more debugged function: its own, or the first that is free.

    Args:
        debugged: The debugged functions.
        name: The function's name.
    """
    if name in debugged:
        return debugged[name].port
    taken = {each.port for each in debugged.values()}
    return next(port for port in range(FIRST_PORT, 65536) if port not in taken and is_free(port))


def is_free(port: int) -> bool:
    """Say whether nothing listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
