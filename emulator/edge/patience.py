"""How long a client of HTTP/1 may keep a connection waiting: with a head, a body, or with nothing.

Requests pay nothing for it. A connection is looked at every so often; what is found again and again
unchanged has taken too long. Whoever waits for us (a long poll, a stream) is never looked at so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: Seconds between two looks.
TICK_S = 20.0
#: What is waited for.
REQUEST, HEAD, BODY = "a request", "a head", "a body"
#: Looks at which it may be the same. Between two requests, uvicorn's own 75 seconds end first:
#: proxies and SDKs that keep connections for 60 then never send a request on one that is closed.
_MOST_LOOKS = {REQUEST: 5, HEAD: 4, BODY: 4}
#: Bytes of a body that come from look to look, at least.
_LEAST = 1024


class Patience:
    """Looks at one connection until it ends.

    Args:
        loop: The loop.
        awaited: Returns what the client is waited for, what tells it from all that came before,
            and how many bytes have come; None where the client waits for us.
        give_up: Called once with what has taken too long.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        awaited: Callable[[], tuple[str, object, int] | None],
        give_up: Callable[[str], None],
    ) -> None:
        self._loop, self._awaited, self._give_up = loop, awaited, give_up
        self._before: tuple[str, object, int] | None = None
        self._looks = 0
        self._timer = loop.call_later(TICK_S, self.look)

    def look(self) -> None:
        """See whether the client has moved since the last look."""
        found, before = self._awaited(), self._before
        self._before = found
        if found is None or before is None or _has_moved(before, found):
            self._looks = 0
        else:
            self._looks += 1
        if found is not None and self._looks >= _MOST_LOOKS[found[0]] - 1:
            self._give_up(found[0])
            return
        self._timer = self._loop.call_later(TICK_S, self.look)

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()


def _has_moved(before: tuple[str, object, int], found: tuple[str, object, int]) -> bool:
    if found[0] != before[0] or found[1] is not before[1]:
        return True
    return found[0] == BODY and found[2] - before[2] >= _LEAST
