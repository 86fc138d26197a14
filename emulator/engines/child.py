"""A process that serves services, started with the first request and again when it ends.

It listens at a Unix socket in a folder that only its user can enter, and ends with the emulator.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from emulator.engines import frames
from emulator.engines.base import EngineRequest, EngineResponse, EngineUnavailable
from emulator.model.clock import Clock, Watchdog

_log = logging.getLogger(__name__)

#: Seconds until it listens, at most.
_START_S = 60.0
#: Seconds between two starts of one that ends by itself: at first, and at most.
_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
#: Seconds without an answer, while one is awaited, after which it is ended and started anew.
_PATIENCE_S = 120.0
#: Bytes of what it writes to stderr that are shown when it can't be started.
_SHOWN = 2000


class Child:
    """Satisfies :class:`emulator.engines.base.Engine`.

    Args:
        module: The module that runs in the process; it gets the socket's path and ``arguments``.
        arguments: Further arguments.
        clock: The clock.
        announce: Told before the first start.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        clock: Clock,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        self._module, self._arguments, self._clock = module, arguments, clock
        self._announce = announce
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._waiting: deque[asyncio.Future[tuple[Any, bytes]]] = deque()
        self._watchdog = Watchdog(_PATIENCE_S, self._kill)
        self._pause_s = 0.0
        self._again_at = 0.0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is none."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def request(self, request: EngineRequest) -> EngineResponse | None:
        """See :class:`emulator.engines.base.Engine`."""
        head = {
            "do": "request",
            "method": request.method,
            "target": request.target,
            "headers": request.headers,
            "service": request.service,
            "account": request.account,
            "region": request.region,
        }
        answer, body = await self.ask(head, request.body)
        if answer.get("unknown"):
            return None
        headers = [(str(name), str(value)) for name, value in answer["headers"]]
        return EngineResponse(answer["status"], headers, body)

    async def ask(self, head: Any, body: bytes = b"") -> tuple[Any, bytes]:
        """Send a frame and return the one that answers it.

        Raises:
            EngineUnavailable: It does not answer now.
        """
        if self._writer is None:
            if self._starting is None:
                self._starting = asyncio.create_task(self._start())
            await asyncio.shield(self._starting)
        writer = self._writer
        if writer is None:
            raise EngineUnavailable("its process has just ended")
        future: asyncio.Future[tuple[Any, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._watchdog.expect()
        writer.write(frames.pack(head, body))
        # A caller that gives up must not disturb the order of the answers.
        return await asyncio.shield(future)

    async def close(self) -> None:
        """End the process."""
        self._closed = True
        if self._starting is not None:
            await asyncio.wait((self._starting,))
        if self._writer is not None:
            self._writer.close()
        process = self._process
        if process is not None and process.returncode is None:
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._reading is not None:
            await asyncio.wait((self._reading,))
        if self._folder is not None:
            self._folder.cleanup()

    async def _start(self) -> None:
        try:
            if self._closed:
                raise EngineUnavailable("the emulator ends")
            wait_s = self._again_at - self._clock.monotonic()
            if wait_s > 0:
                raise EngineUnavailable(f"it is started again in {wait_s:.1f} s")
            self._announce()
            self._pause_s = min(max(2 * self._pause_s, _PAUSE_S), _LONGEST_PAUSE_S)
            self._again_at = self._clock.monotonic() + self._pause_s
            await self._spawn()
        except OSError as error:
            # No room for its folder, no free file descriptor, no process more.
            raise EngineUnavailable(f"its process did not start: {error}") from error
        finally:
            self._starting = None

    async def _spawn(self) -> None:
        if self._folder is not None and not os.path.isdir(self._folder.name):  # noqa: ASYNC240
            # Something swept the temporary folder.
            self._folder.cleanup()
            self._folder = None
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="localfaas-engine-")
        path = Path(self._folder.name) / "socket"
        path.unlink(missing_ok=True)
        errors = Path(self._folder.name) / "stderr"
        with errors.open("wb") as stderr:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                str(path),
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                env=os.environ | {"LOCALFAAS_PARENT": str(os.getpid())},
            )
        try:
            async with asyncio.timeout(_START_S):
                reader, writer = await self._connect(path, self._process)
        except (TimeoutError, OSError) as error:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            said = errors.read_bytes()[-_SHOWN:].decode(errors="replace").strip()
            last = said.splitlines()[-1] if said else str(error)
            raise EngineUnavailable(f"its process did not start: {last}") from error
        self._writer = writer
        self._reading = asyncio.create_task(self._read(reader))

    async def _connect(
        self, path: Path, process: asyncio.subprocess.Process
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while process.returncode is None:
            if os.path.exists(path):  # noqa: ASYNC240 a look, now and then
                try:
                    return await asyncio.open_unix_connection(str(path))
                except OSError:
                    pass  # it does not listen yet
            await asyncio.sleep(0.02)
        raise OSError(f"it ended with {process.returncode}")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                lengths = frames.LENGTHS.unpack(await reader.readexactly(frames.LENGTHS.size))
                head = orjson.loads(await reader.readexactly(lengths[0]))
                body = await reader.readexactly(lengths[1])
                # One that answers is well: the next start need not wait.
                self._pause_s = self._again_at = 0.0
                future = self._waiting.popleft()
                self._watchdog.came()
                if not future.done():
                    future.set_result((head, body))
        except (asyncio.IncompleteReadError, OSError):
            pass
        except (ValueError, IndexError) as error:
            _log.warning("%s sends what is no answer: %s", self._module, error)
        finally:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()
            if not self._closed:
                self._kill()
            if self._process is not None:
                await self._process.wait()
            self._fail()

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def _fail(self) -> None:
        self._watchdog.rest()
        waiting, self._waiting = self._waiting, deque()
        for future in waiting:
            if not future.done():
                future.set_exception(EngineUnavailable("its process has ended"))
                # Its caller may have given up.
                future.exception()
