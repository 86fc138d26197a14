"""How pods and this machine reach each other: pods call, or the emulator dials through the API."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Protocol
from urllib.parse import urlsplit

from emulator.driver.addresses import can_bind, own_address_towards, resolve
from emulator.driver.callbacks import CallbackServer
from emulator.driver.conventions import SANDBOX_HOSTS
from emulator.driver.kubernetes import names
from emulator.driver.kubernetes.cluster import Cluster
from emulator.driver.kubernetes.forward import Forwarding
from emulator.model.errors import DriverFault

#: Seconds after which a connection whose other machine does not answer is lost.
LOST_S = 5
#: Where a supervisor that is dialled listens, on its pod's loopback.
PORT = 8127
_LOOPBACK = "127.0.0.1"


class Way(Protocol):
    """How connections between a pod and the emulator come to be."""

    #: The address that Runtime API listeners bind.
    listen_host: str
    #: What pods call this machine; a name of this instance's own where others reach it, too.
    reach_host: str
    reach_host_is_secret: bool
    #: Pods reach this machine's listeners.
    is_direct: bool

    def place(self, token: str) -> str:
        """Return what a pod is told of where to call, or to listen."""
        ...

    def hosts(self, secret_name: str) -> dict[str, str]:
        """Return the names a pod resolves, with their addresses."""
        ...

    def connection(self, pod: str, token: str) -> asyncio.Future[socket.socket]:
        """Return the connection of a pod that goes by ``token``; cancel it to give up."""
        ...

    async def close(self) -> None: ...


def need_direct(way: Way, whose: str) -> None:
    """Return if pods reach this machine.

    Args:
        way: The driver's.
        whose: What calls the emulator: the text begins with it.

    Raises:
        DriverFault: They don't.
    """
    if not way.is_direct:
        raise DriverFault(
            f"{whose} call the emulator, and pods have no way to it: name the address at which they"
            " reach this machine with --advertise-host"
        )


class Direct:
    """Pods call this machine.

    Args:
        address: At which they do.
        listen_host: The address to bind, where that is another one.
        inside: This process is a pod itself.
    """

    is_direct = True

    def __init__(self, address: str, listen_host: str, *, inside: bool) -> None:
        self._address = address
        self.listen_host = listen_host
        self.reach_host_is_secret = not inside
        self.reach_host = address if inside else names.secret_name()
        self._callbacks = CallbackServer(listen_host, LOST_S)

    def place(self, token: str) -> str:
        return f"{self._address}:{self._callbacks.port}/{token}"

    def hosts(self, secret_name: str) -> dict[str, str]:
        # As an address to listen on, the last is one that can be reached from outside as well.
        found = {secret_name: self._address} | dict.fromkeys(SANDBOX_HOSTS, "0.0.0.0")
        if self.reach_host_is_secret:
            found[self.reach_host] = self._address
        return found

    def connection(self, pod: str, token: str) -> asyncio.Future[socket.socket]:
        return self._callbacks.expect(token)

    async def close(self) -> None:
        await self._callbacks.close()


class Dialled:
    """The emulator calls pods, through the cluster's API.

    Args:
        cluster: Whose API.
    """

    listen_host = _LOOPBACK
    #: Nothing in a pod leads here.
    reach_host = "localhost"
    reach_host_is_secret = False
    is_direct = False

    def __init__(self, cluster: Cluster) -> None:
        self._forwarding = Forwarding(cluster, PORT)

    def place(self, token: str) -> str:
        return f":{PORT}/{token}"

    def hosts(self, secret_name: str) -> dict[str, str]:
        return {secret_name: _LOOPBACK} | dict.fromkeys(SANDBOX_HOSTS, "0.0.0.0")

    def connection(self, pod: str, token: str) -> asyncio.Future[socket.socket]:
        return asyncio.ensure_future(self._forwarding.dial(pod, token))

    async def close(self) -> None:
        await self._forwarding.close()


def find(cluster: Cluster, advertise: str) -> Way:
    """Return how pods and this machine reach each other.

    Args:
        cluster: Where the pods run.
        advertise: The address or name at which they reach this machine; empty to find out.

    Raises:
        ConfigurationError: ``advertise`` can't be resolved.
    """
    if cluster.is_inside and not advertise:
        own = os.environ.get("POD_IP") or resolve(socket.gethostname())
        return Direct(own, own, inside=True)
    if advertise:
        address = resolve(advertise)
        server = urlsplit(cluster.server).hostname or ""
        own = address if can_bind(address) else own_address_towards(server)
        return Direct(address, own, inside=False)
    return Dialled(cluster)
