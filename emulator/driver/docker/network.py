"""How containers and this machine reach each other."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from emulator.driver.docker.engine import Engine
from emulator.model.errors import ConfigurationError

#: What containers call the machine where its bridge address can't be bound.
HOST_NAME = "host.docker.internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How containers and this machine reach each other."""

    #: The engine's network the containers are in.
    name: str
    #: What Runtime API listeners bind.
    listen_host: str
    #: What containers call this machine.
    reach_host: str
    #: Where connections of containers seem to come from, besides their own addresses.
    translated: frozenset[str] = frozenset()
    #: What people should know about it; empty for nothing.
    note: str = ""


async def find(engine: Engine, *, name: str, advertise: str, control: str) -> Network:
    """Return how containers in the engine's network ``name`` reach this machine.

    Args:
        engine: Where the containers run.
        name: The network.
        advertise: An address of this machine that containers can reach; empty to find it out.
        control: The container this process runs in; empty on a host.

    Raises:
        ConfigurationError: The engine's machine has no route.
        EngineFault: The engine refused.
    """
    if control and not advertise:
        addresses = (await engine.inspect(control)).addresses
        if name not in addresses and addresses:
            name = next(iter(addresses))
        advertise = addresses.get(name, "")
    if advertise:
        return Network(name=name, listen_host=advertise, reach_host=advertise)
    if engine.address.host:
        here = _address_towards(engine.address.host)
        return Network(
            name=name,
            listen_host=here,
            reach_host=here,
            translated=frozenset(_addresses_of(engine.address.host)),
            note=f"the engine is on another machine: Runtime APIs listen on {here}, and any "
            "container of that machine that knows a port can reach its Runtime API",
        )
    gateway = await engine.gateway(name)
    if gateway and _can_bind(gateway):
        return Network(name=name, listen_host=gateway, reach_host=gateway)
    return Network(
        name=name,
        listen_host="127.0.0.1",
        reach_host=HOST_NAME,
        translated=frozenset({"127.0.0.1"}),
        note="the engine runs in a machine of its own: images with their own runtime client "
        "connect through this machine's loopback address, where environments can't be told "
        "apart by address",
    )


def _can_bind(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def _address_towards(host: str) -> str:
    """Return this machine's address on the way to ``host``; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError as error:
            raise ConfigurationError(
                f"the engine's machine {host} has no route: {error}"
            ) from error
        return str(probe.getsockname()[0])


def _addresses_of(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    return sorted({str(one[4][0]) for one in found})
