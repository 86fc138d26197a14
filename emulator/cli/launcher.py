"""The emulator's end of the socket to the program that started it.

:mod:`emulator.client.server` has the other end; :mod:`emulator.client.link` says what goes over it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable

from emulator.client.link import DETACH, LAUNCHER


class Launcher:
    """The program that started this emulator.

    Args:
        link: The socket it holds the other end of.
    """

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        link.setblocking(False)

    @classmethod
    def of_this_process(cls) -> Launcher | None:
        """Return it, where a program started this emulator rather than a person.

        The variable goes, and no child process inherits the socket: one would keep it open.
        """
        number = os.environ.pop(LAUNCHER, "")
        if not number.isdecimal():
            return None
        try:
            link = socket.socket(fileno=int(number))
        except OSError:
            return None
        link.set_inheritable(False)
        return cls(link)

    def tell_ready(self, url: str, region: str) -> None:
        """Say where the emulator can be called, and its functions' region."""
        ready = {"url": url, "region": region, "pid": os.getpid()}
        with contextlib.suppress(OSError):  # nobody waits any more, which :meth:`watch` sees
            self._link.send(json.dumps(ready).encode() + b"\n")

    def watch(self, stop: Callable[[], None]) -> None:
        """Call ``stop`` twice, which ends the emulator at once, when the program is gone."""
        import asyncio

        loop = asyncio.get_running_loop()

        def heard() -> None:
            try:
                word = self._link.recv(1)
            except BlockingIOError:
                return
            except OSError:
                word = b""
            loop.remove_reader(self._link)
            self._link.close()
            if word != DETACH:
                stop()
                stop()

        loop.add_reader(self._link, heard)
