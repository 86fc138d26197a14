"""Long operations of an engine, a pull or a build, followed line by line.

Each has a thread and a connection of its own. It may hang, and must then neither keep a thread
from the calls that containers need nor the process from its end; and a pull reads anew what
`docker login` has kept.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from emulator.driver.docker.responses import EngineFault, translated

if TYPE_CHECKING:
    from docker import APIClient
    from requests import Response

Line = dict[str, Any]


class LongOperation:
    """One long operation.

    Args:
        connect: Makes its client, whose calls fail after ``quiet``. Blocks.
        start: Begins it and yields its lines. Blocks.
        report: Gets the lines, on the loop.
        quiet: Seconds without a line after which it hangs.
    """

    def __init__(
        self,
        connect: Callable[[], APIClient],
        start: Callable[[APIClient], Iterator[Line]],
        report: Callable[[Line], None],
        quiet: float,
    ) -> None:
        self._connect = connect
        self._start = start
        self._report = report
        self._quiet = quiet
        self._response: Response | None = None
        self._given_up = False
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()

    async def end(self) -> None:
        """Return when it has ended; the engine gives it up if the caller is cancelled.

        Raises:
            EngineFault: It failed, or hung.
        """
        threading.Thread(target=self._run, name="docker-follow", daemon=True).start()
        try:
            await self._ended
        except asyncio.CancelledError:
            self._give_up()
            raise

    def _run(self) -> None:
        # The default: every path must end the wait of the caller.
        error: EngineFault | None = EngineFault("it ended unexpectedly")
        try:
            with translated():
                self._follow()
            error = None
        except EngineFault as fault:
            hangs = isinstance(fault.__cause__, TimeoutError)
            error = EngineFault(f"nothing came for {self._quiet:g} s") if hangs else fault
        finally:
            with suppress(RuntimeError):  # the loop is closed: nobody asks any more
                self._loop.call_soon_threadsafe(self._end, error)

    def _follow(self) -> None:
        client = self._connect()
        client.hooks["response"].append(self._answered)
        try:
            for line in self._start(client):
                self._loop.call_soon_threadsafe(self._say, line)
        except RuntimeError:
            if not self._loop.is_closed():
                raise
        finally:
            client.close()

    def _answered(self, response: Response, **_: object) -> None:
        self._response = response
        if self._given_up:
            self._hang_up(response)

    def _say(self, line: Line) -> None:
        if not self._given_up:
            self._report(line)

    def _end(self, error: EngineFault | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    def _give_up(self) -> None:
        self._given_up = True
        if self._response is not None:
            self._hang_up(self._response)

    def _hang_up(self, response: Response) -> None:
        """Shut the connection, at which the engine stops.

        Closing it would not wake the thread that reads from it.
        """
        from docker.types.daemon import CancellableStream

        with suppress(OSError, AttributeError):  # it has ended meanwhile
            CancellableStream(iter(()), response).close()
