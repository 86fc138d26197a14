"""Lets only an environment's own sandbox connect to its listener."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable

#: Says whether to admit a TCP connection, by its remote and its local (host, port).
Admits = Callable[[tuple[str, int], tuple[str, int]], bool]

_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r:]*)", re.IGNORECASE)
_END = b"\r\n\r\n"
#: The most bytes that a connection may send before it has proven whose it is.
_LIMIT = 16_384


class ConnectionGate:
    """Admits or refuses connections; refuses all until the sandbox is known."""

    def __init__(self) -> None:
        self._admits: Admits | None = None
        self._secret_host = b""

    def expect(self, admits: Admits, secret_host: str) -> None:
        """Decide by addresses or, with ``secret_host``, by the host of the first request."""
        self._admits, self._secret_host = admits, secret_host.encode()

    def forget(self) -> None:
        """Forget the sandbox, which is gone with everything that knew its secret."""
        self._admits = None

    def judge(
        self, addresses: tuple[tuple[str, int], tuple[str, int]], received: bytes
    ) -> bool | None:
        """Say whether a connection is admitted; None while it cannot be decided.

        Args:
            addresses: Its remote and its local (host, port).
            received: All that it has sent so far.
        """
        if self._admits is not None and not self._secret_host:
            return self._admits(*addresses)
        if self._admits is not None and _END in received:
            named = _HOST.search(received.partition(_END)[0])
            return named is not None and hmac.compare_digest(named[1], self._secret_host)
        return False if len(received) > _LIMIT else None
