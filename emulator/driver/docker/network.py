"""How containers and this machine reach each other."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from ipaddress import ip_address

from emulator.driver.addresses import can_bind, own_address_towards, resolve
from emulator.driver.conventions import SANDBOX_HOSTS
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.responses import EngineInfo
from emulator.model.errors import ConfigurationError

#: The name by which containers reach the engine's machine, and the engine's word for its address.
HOST_NAME = "host.docker.internal"
_ENGINES_MACHINE = "host-gateway"
#: An address for documentation (RFC 5737): on the way to any of the outside.
_ANYWHERE = "192.0.2.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How containers and this machine reach each other.

    Where a container's connections come with an address of its own, the address tells whose they
    are. Elsewhere they arrive translated, from the address of the engine's machine: then each
    container calls this machine by an unguessable name that only its own ``/etc/hosts`` knows,
    and which HTTP clients send as ``Host``.
    """

    #: The engine's network the containers are in.
    name: str
    #: The address that Runtime API listeners bind.
    listen_host: str
    #: The name by which all containers reach this machine.
    reach_host: str
    #: The address of the secret names that tell containers apart; empty where addresses do.
    translated_to: str = ""
    #: The address of the engine's machine, for containers.
    machine: str = _ENGINES_MACHINE
    #: A note for the user; empty for none.
    note: str = ""

    def secret_name(self) -> str:
        """Return a name for one container, empty where it needs none."""
        return _secret_name() if self.translated_to else ""

    def hosts(self, secret_name: str) -> dict[str, str]:
        """Return the names a container resolves, with their addresses."""
        # As an address to listen on, this is one that can be reached from outside as well.
        found = {HOST_NAME: self.machine} | dict.fromkeys(SANDBOX_HOSTS, "0.0.0.0")
        if self.translated_to:
            found |= dict.fromkeys((self.reach_host, secret_name), self.translated_to)
        return found


async def find(
    engine: Engine, info: EngineInfo, *, name: str, advertise: str, control: str, local: bool
) -> Network:
    """Return how containers in the engine's network ``name`` reach this machine.

    Args:
        engine: Where the containers run.
        info: What it is.
        name: The network.
        advertise: The address or name at which containers reach this machine; empty to find out.
        control: The container this process runs in; empty on a host.
        local: Containers run on this machine's kernel.

    Raises:
        ConfigurationError: The engine's machine, or ``advertise``, can't be reached or resolved.
        EngineFault: The engine refused.
    """
    if advertise:
        address = resolve(advertise)
        away = engine.address.host or address
        here = address if can_bind(address) else own_address_towards(away)
        return _translated(name, listen_host=here, towards=address)
    if control:
        addresses = (await engine.inspect(control)).addresses
        if addresses:
            # A neighbour in the same network: nothing is translated in between.
            name = name if name in addresses else next(iter(addresses))
            return Network(name=name, listen_host=addresses[name], reach_host=addresses[name])
    if engine.address.host and not _is_loopback(engine.address.host):
        here = own_address_towards(engine.address.host)
        note = (
            f"the engine is on another machine: Runtime APIs listen on {here}, to which its "
            "containers must have a way (else name another address with --advertise-host)"
        )
        return _translated(name, listen_host=here, towards=here, note=note)
    if not info.rootless and info.bridge_lasts:
        gateway = await engine.gateway(name)
        if gateway and can_bind(gateway):
            return Network(name=name, listen_host=gateway, reach_host=gateway)
    if info.rootless or local:
        return _by_own_address(info, name)
    return _translated(name, listen_host="127.0.0.1", towards=_ENGINES_MACHINE)


def _by_own_address(info: EngineInfo, name: str) -> Network:
    """Return how containers of this machine reach it where the bridge is of no use.

    A rootless engine's is in its own network namespace, and what passes connections on from there
    keeps this machine's loopback out of theirs. Podman's comes with the first container, and with
    netavark goes with the last. An address of this machine's own is always there.
    """
    try:
        here = own_address_towards(_ANYWHERE)
    except ConfigurationError:
        note = (
            f"{info} leads its containers to no address of this machine, which has no network: "
            "functions can't call the emulator, and images that bring their runtime can't run"
        )
        return _translated(name, listen_host="127.0.0.1", towards=_ENGINES_MACHINE, note=note)
    towards = _ENGINES_MACHINE if info.copies_address else here
    note = (
        f"{info} leads its containers to this machine by {here}: there the emulator listens for "
        "them, and nobody else is answered (--advertise-host names another address)"
    )
    return _translated(name, listen_host=here, towards=towards, machine=towards, note=note)


def _translated(
    name: str, *, listen_host: str, towards: str, machine: str = _ENGINES_MACHINE, note: str = ""
) -> Network:
    return Network(
        name=name,
        listen_host=listen_host,
        reach_host=_secret_name(),
        translated_to=towards,
        machine=machine,
        note=note,
    )


def _secret_name() -> str:
    return f"{secrets.token_hex(16)}.localfaas.internal"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(resolve(host)).is_loopback
    except ConfigurationError:
        return False
