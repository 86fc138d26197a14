"""Whose TCP connections an environment's listener takes: those of its own sandbox (T4)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable

#: Judges a TCP connection by its remote and its local (host, port).
Admits = Callable[[tuple[str, int], tuple[str, int]], bool]

_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r:]*)", re.IGNORECASE)
_END = b"\r\n\r\n"
#: Bytes a connection may send before it has proven whose it is.
_LIMIT = 16_384


class Door:
    """Judges connections; until a sandbox is known, nobody can be."""

    def __init__(self) -> None:
        self._admits: Admits | None = None
        self._secret_host = b""

    def expect(self, admits: Admits, secret_host: str) -> None:
        """Judge by addresses or, with ``secret_host``, by the host the first request names."""
        self._admits, self._secret_host = admits, secret_host.encode()

    def forget(self) -> None:
        """The sandbox is gone, and what knew its secret with it."""
        self._admits = None

    def judge(self, addresses: tuple[tuple[str, int], tuple[str, int]], said: bytes) -> bool | None:
        """Say whether a connection is taken; None as long as it can't be said.

        Args:
            addresses: Its remote and its local (host, port).
            said: All it has sent so far.
        """
        if self._admits is not None and not self._secret_host:
            return self._admits(*addresses)
        if self._admits is not None and _END in said:
            named = _HOST.search(said.partition(_END)[0])
            return named is not None and hmac.compare_digest(named[1], self._secret_host)
        return False if len(said) > _LIMIT else None
