"""Connections to a port of a pod, through the cluster's API: for an emulator no pod can call.

Source: https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/ (Pod, "portforward").
A message's first byte is its channel: an even one has a port's data, the next one its errors;
the first message of each is the port's number.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

from emulator.driver.kubernetes.cluster import Cluster
from emulator.model.errors import DriverFault

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CHUNK = 1 << 16
#: Seconds between tries while a pod does not listen yet, and for all tries.
_PAUSE, _PATIENCE = 0.05, 60.0


class Forwarding:
    """Dials pods.

    Args:
        cluster: Where they are.
        port: Where their supervisors listen, on their loopback.
    """

    def __init__(self, cluster: Cluster, port: int) -> None:
        self._cluster = cluster
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()

    async def dial(self, pod: str, token: str) -> socket.socket:
        """Return a connection to a pod's supervisor, which is told ``token`` first.

        Raises:
            DriverFault: None could be had.
        """
        said = ""
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    try:
                        return await self._dial(pod, token)
                    except DriverFault as fault:  # it does not run yet, or does not listen
                        said = str(fault)
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            raise DriverFault(f"{pod} can't be reached through the cluster's API: {said}") from None

    async def _dial(self, pod: str, token: str) -> socket.socket:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(self._carry(pod, token, theirs, up))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await up
        except BaseException:
            task.cancel()
            ours.close()
            raise
        return ours

    async def _carry(
        self, pod: str, token: str, end: socket.socket, up: asyncio.Future[None]
    ) -> None:
        """Carry bytes both ways until one side ends."""
        loop = asyncio.get_running_loop()
        query = {"ports": str(self._port)}
        try:
            async with self._cluster.web_socket(
                f"pods/{pod}/portforward", query, _PROTOCOL
            ) as forwarded:
                await forwarded.send_bytes(bytes([_DATA]) + token.encode() + b"\n")
                # The supervisor answers to its token: that it does shows that it is there.
                first = await _first(forwarded)
                if up.done():
                    return
                up.set_result(None)
                if first:
                    await loop.sock_sendall(end, first)
                towards = asyncio.ensure_future(_towards(forwarded, end))
                try:
                    while True:
                        message = await forwarded.receive_bytes()
                        if message[0] == _ERROR:
                            break
                        await loop.sock_sendall(end, memoryview(message)[1:])
                finally:
                    towards.cancel()
                    await asyncio.gather(towards, return_exceptions=True)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 (a library's many: all mean that it has ended)
            if not up.done():
                up.set_exception(DriverFault(str(error) or type(error).__name__))
        finally:
            end.close()
            if not up.done():
                up.set_exception(DriverFault("the connection ended"))

    async def close(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _first(forwarded: Any) -> bytes:
    """Return the first data of a port, after the numbers of the channels."""
    seen = set()
    while True:
        message = await forwarded.receive_bytes()
        channel, data = message[0], message[1:]
        if channel not in seen:
            seen.add(channel)
            data = data[2:]
            if not data:
                continue
        if channel == _ERROR:
            raise DriverFault(data.decode(errors="replace").strip() or "refused")
        # A line feed is the supervisor's word that it is there.
        return bytes(data[1:])


async def _towards(forwarded: Any, end: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while data := await loop.sock_recv(end, _CHUNK):
            await forwarded.send_bytes(bytes([_DATA]) + data)
    await forwarded.close()
