"""The emulator's end of the connection to a pod's supervisor (runtimes/*/pod_supervisor.*)."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from emulator.driver.kubernetes.parcels import Parcel
from emulator.model.errors import DriverFault

#: Seconds a supervisor has for an answer: those that take long are told as they come.
PATIENCE = 10.0
#: The longest line.
_LINE = 1 << 20
#: Bytes of a file that are sent at once.
_PIECE = 1 << 18
#: What the kernel says of a connection whose other machine is out of reach.
_OUT_OF_REACH = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH})


class Conversation:
    """Orders and their answers, output and ends.

    Args:
        connection: To the supervisor; closed with this.
        outputs: By kind ("runtime", "extensions"), the writable ends of pipes.
        ended: Told of each process that has ended.
        counted: Told of what the runtime takes, as it grows.
    """

    def __init__(
        self,
        connection: socket.socket,
        outputs: Mapping[str, int],
        ended: Callable[[dict[str, Any]], None],
        counted: Callable[[dict[str, Any]], None],
    ) -> None:
        self._connection = connection
        self._outputs = outputs
        self._ended = ended
        self._counted = counted
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._settling: dict[int, Callable[[], None]] = {}
        self._count = 0
        self._sending = asyncio.Lock()
        loop = asyncio.get_running_loop()
        #: Done with what the supervisor says of itself.
        self.hello: asyncio.Future[dict[str, Any]] = loop.create_future()
        #: Done once the connection has ended: whether its machine was out of reach.
        self.over: asyncio.Future[bool] = loop.create_future()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def begin(self, code: bytes) -> dict[str, Any]:
        """Send the supervisor its own code; return what it says of itself.

        Raises:
            DriverFault: It does not answer.
        """
        reader, self._writer = await asyncio.open_connection(sock=self._connection, limit=_LINE)
        self._reading = asyncio.ensure_future(self._read(reader))
        self._writer.write(b"%d\n" % len(code) + code)
        return await self._awaited(self.hello, PATIENCE)

    async def ask(
        self, doing: str, parcel: Parcel | None = None, *, patience: float = PATIENCE, **order: Any
    ) -> dict[str, Any]:
        """Give an order and return the answer.

        Args:
            doing: What to do.
            parcel: What goes with the order.
            patience: Seconds it may take.
            **order: The rest of the order.

        Raises:
            DriverFault: It could not be done, or the supervisor is gone.
        """
        self._count += 1
        number = self._count
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        line: dict[str, Any] = {"id": number, "do": doing, **order}
        try:
            async with self._sending:
                await self._send(line, parcel)
            found = await self._awaited(answer, patience)
        finally:
            self._answers.pop(number, None)
        if found.get("error"):
            raise DriverFault(f"the pod could not {doing}: {found['error']}")
        return found

    def turn_to(
        self,
        outputs: Mapping[str, int],
        ended: Callable[[dict[str, Any]], None],
        counted: Callable[[dict[str, Any]], None],
    ) -> None:
        """Hand what comes from now on to others: the runtime is another one."""
        self._outputs, self._ended, self._counted = outputs, ended, counted

    def tell(self, doing: str, **order: Any) -> None:
        """Give an order whose answer nobody waits for. Never blocks."""
        self._count += 1
        if self._writer is not None and not self.over.done():
            line = {"id": self._count, "do": doing, **order}
            self._writer.write(json.dumps(line).encode() + b"\n")

    def settle(self, then: Callable[[], None]) -> None:
        """Call ``then`` once all that was printed before now has been passed on. Never blocks."""
        if self.over.done():
            then()
            return
        self.tell("flush")
        self._settling[self._count] = then

    async def _send(self, line: dict[str, Any], parcel: Parcel | None) -> None:
        if self._writer is None or self.over.done():
            raise DriverFault("the pod is gone")
        if parcel is None:
            self._writer.write(json.dumps(line).encode() + b"\n")
            return
        head = json.dumps(line | {"size": parcel.size}).encode() + b"\n"
        try:
            if parcel.content is not None:
                self._writer.write(head + parcel.content)
                await self._writer.drain()
                return
            assert parcel.file is not None
            self._writer.write(head)
            await self._writer.drain()
            with parcel.file.open("rb") as file:
                # uvloop's `sendfile` is not there yet.
                while piece := file.read(_PIECE):
                    self._writer.write(piece)
                    await self._writer.drain()
        except OSError as error:
            raise DriverFault(f"the pod is gone: {error}") from error

    async def _awaited(
        self, answer: asyncio.Future[dict[str, Any]], patience: float
    ) -> dict[str, Any]:
        either: set[asyncio.Future[Any]] = {answer, self.over}
        await asyncio.wait(either, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        raise DriverFault("the pod is gone" if self.over.done() else "the pod does not answer")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        out_of_reach = False
        try:
            while line := await reader.readline():
                message = json.loads(line)
                body = await reader.readexactly(message["size"]) if "size" in message else b""
                if "output" in message:
                    await self._print(message["output"], body)
                elif "ended" in message:
                    self._ended(message)
                elif "counted" in message:
                    self._counted(message["counted"])
                elif "hello" in message:
                    self.hello.set_result(message["hello"])
                elif (then := self._settling.pop(message["id"], None)) is not None:
                    then()
                else:
                    answer = self._answers.get(message["id"])
                    if answer is not None and not answer.done():
                        answer.set_result(message)
        except OSError as error:
            out_of_reach = error.errno in _OUT_OF_REACH
        except (ValueError, KeyError, TypeError, asyncio.InvalidStateError, EOFError):
            pass  # a function may print into anything: whoever garbles this hurts itself
        finally:
            if not self.over.done():
                self.over.set_result(out_of_reach)
            self.close()
            for then in self._settling.values():
                then()
            self._settling.clear()

    async def _print(self, kind: str, data: bytes) -> None:
        """Write to a pipe; wait while its reader is slow, as the pod does then."""
        pipe = self._outputs.get(kind, -1)
        loop = asyncio.get_running_loop()
        while data and pipe >= 0:
            try:
                data = data[os.write(pipe, data) :]
            except BlockingIOError:
                writable = asyncio.Event()
                loop.add_writer(pipe, writable.set)
                try:
                    await writable.wait()
                finally:
                    loop.remove_writer(pipe)
            except OSError:
                return  # nobody reads any more

    def close(self) -> None:
        """End the connection, and with it the pod. Idempotent."""
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()
        if not self.over.done():
            self.over.set_result(False)
        if self._writer is not None:
            self._writer.transport.abort()
        else:
            self._connection.close()
