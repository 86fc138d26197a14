"""Link-local addresses (169.254.0.0/16) are closed to functions by rules of the kernel's routing.

On cloud machines, credentials of the machine lie at such an address for whoever asks, on some at
one of the others in `emulator.model.clouds`, which are closed, too. A rule is for
the user ids of one emulator's sandboxes, or for a container's own network, where a debugger's port
is closed to the neighbours by rules as well. Rules of an emulator
that was killed are removed by the next: whose emulator lives is told by names of sockets, which
the kernel frees with their process. Root alone can make rules.

Source: https://man7.org/linux/man-pages/man8/ip-rule.8.html ("uidrange", "prohibit").
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from itertools import chain
from pathlib import Path

from emulator.model import clouds

LINK_LOCAL = ip_network("169.254.0.0/16")
_CLOSED = (LINK_LOCAL, *clouds.BEYOND_LINK_LOCAL)
#: Told where rules can't be made.
NOTE = (
    "Functions reach link-local addresses (169.254.0.0/16), where clouds keep a machine's"
    " credentials: closing them takes root on Linux."
)

#: Where the rules stand: after that for the machine's own addresses (0), before all others. Name
#: servers that are link-local themselves, as on some clouds, are let through by the rule before.
_PRIORITY = 5210
_PRIORITY_OF_EXCEPTIONS = 5209

_RTM_NEWRULE, _RTM_DELRULE, _RTM_GETRULE = 32, 33, 34
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST, _ACK, _DUMP, _CREATE = 0x1, 0x4, 0x300, 0x400
#: linux/fib_rules.h
_FRA_DST, _FRA_PRIORITY, _FRA_TABLE, _FRA_UID_RANGE = 1, 6, 15, 20
_FRA_IP_PROTO, _FRA_SPORT, _FRA_DPORT = 22, 23, 24
_TO_TABLE, _PROHIBIT = 1, 8
_MAIN_TABLE = 254
_RESOLVER = Path("/etc/resolv.conf")
#: Where systemd names the servers behind its own, which stands in the other file then.
_BEHIND_SYSTEMD = Path("/run/systemd/resolve/resolv.conf")
_DNS = 53
_HEADER = struct.Struct("=IHHII")
#: family, lengths of destination and source, TOS, table, two reserved, action, flags
_RULE = struct.Struct("=8BI")
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True)
class UserIds:
    """A range of user ids, both ends included."""

    first: int
    last: int


class Closed:
    """Keeps link-local addresses closed to user ids until :meth:`open_again`.

    Args:
        ids: Of the sandboxes of this emulator.
        space: All ids that sandboxes of any emulator may have, which divide it in ranges as large
            as ``ids``.

    Raises:
        OSError: Rules can't be made here.
    """

    def __init__(self, ids: UserIds, space: UserIds) -> None:
        self._ids = ids
        self._lives = _claim(ids)
        if self._lives is None:
            raise OSError(errno.EADDRINUSE, f"another emulator has the user ids from {ids.first}")
        try:
            with _netlink() as netlink:
                _sweep(netlink, space)
                _close(netlink, ids)
        except BaseException:
            self._lives.close()
            raise

    def open_again(self) -> None:
        """Remove the rules."""
        if self._lives is None:
            return
        with suppress(OSError), _netlink() as netlink:
            _remove(netlink, self._ids)
        self._lives.close()
        self._lives = None


def close_in_container(pid: int) -> None:
    """Close link-local addresses to all processes in a container's own network; blocks.

    Args:
        pid: One of its processes, as this machine numbers them. Nothing is done where it shares
            this process's network.

    Raises:
        OSError: The kernel refused, or the process is gone.
    """
    there = _network_of(pid)
    if there is not None:
        with _netlink(there) as netlink:
            # Its name servers may be others than this machine's, which may have one of its own.
            # Or the only one is Docker's, which asks this machine's from the container's network.
            own = Path(f"/proc/{pid}/root") / _RESOLVER.relative_to("/")
            _close(netlink, None, (own, _RESOLVER, _BEHIND_SYSTEMD))


def close_port_in_container(pid: int, port: int) -> None:
    """Let nobody but its host reach a port of a container, by IPv4; blocks.

    Its answers have no way to anybody else, so that no connection comes about.

    Args:
        pid: One of the container's processes, as this machine numbers them. Nothing is done where
            it shares this process's network.
        port: The port, of TCP.

    Raises:
        OSError: The kernel refused, or the process is gone.
    """
    there = _network_of(pid)
    if there is None:
        return
    answers = (
        (_FRA_IP_PROTO, bytes([socket.IPPROTO_TCP])),
        (_FRA_SPORT, struct.pack("=HH", port, port)),
    )
    let_through = (
        (_FRA_PRIORITY, _number(_PRIORITY_OF_EXCEPTIONS)),
        (_FRA_TABLE, _number(_MAIN_TABLE)),
    )
    with _netlink(there) as netlink:
        for host in _gateways(Path(f"/proc/{pid}/net/route").read_text()):
            to_host = (_FRA_DST, host.packed)
            _change(netlink, _RTM_NEWRULE, _rule(_TO_TABLE, 32, to_host, *let_through, *answers))
        to_others = (_FRA_PRIORITY, _number(_PRIORITY))
        _change(netlink, _RTM_NEWRULE, _rule(_PROHIBIT, 0, to_others, *answers))


def _network_of(pid: int) -> Path | None:
    """Return where the kernel shows the network of a process; None for this process's own."""
    there = Path(f"/proc/{pid}/ns/net")
    own = os.path.samestat(there.stat(), Path("/proc/thread-self/ns/net").stat())
    return None if own else there


def _gateways(routes: str) -> list[IPv4Address]:
    """Return the gateways of a table of routes as the kernel shows it (numbers in its order)."""
    fields = (line.split() for line in routes.splitlines()[1:])
    found = (int(each[2], 16).to_bytes(4, sys.byteorder) for each in fields if int(each[3], 16) & 2)
    return [IPv4Address(each) for each in found]


def _netlink(namespace: Path | None = None) -> socket.socket:
    """Return a socket that changes routing, in another network namespace where one is given."""
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, "rules of routing are Linux's")
    if namespace is None:
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    from emulator.driver import mounts

    # The thread is there for a moment; the socket stays.
    with mounts.inside_namespace(namespace, Path("/proc/thread-self/ns/net"), _CLONE_NEWNET):
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


def _claim(ids: UserIds) -> socket.socket | None:
    """Return what shows that the emulator with these ids lives; None: another one does."""
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, "rules of routing are Linux's")
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0localfaas-user-ids-{ids.first}")
    except OSError as error:
        claim.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return claim


def _close(
    netlink: socket.socket, ids: UserIds | None, resolvers: Sequence[Path] = (_RESOLVER,)
) -> None:
    # One may stand in several files.
    for server in dict.fromkeys(chain.from_iterable(map(_closed_name_servers, resolvers))):
        for protocol in (socket.IPPROTO_UDP, socket.IPPROTO_TCP):
            with _if_it_has(server.version):
                _change(netlink, _RTM_NEWRULE, _exception(server, protocol, ids))
    for network in _CLOSED:
        with _if_it_has(network.version):
            _change(netlink, _RTM_NEWRULE, _prohibition(network, ids))


def _if_it_has(version: int) -> AbstractContextManager[None]:
    """A kernel may have no IPv6: nothing is reached by it then."""
    return suppress(OSError) if version == 6 else nullcontext()


def _remove(netlink: socket.socket, ids: UserIds) -> None:
    """Remove all rules for these ids: as many as there are."""
    for priority in (_PRIORITY, _PRIORITY_OF_EXCEPTIONS):
        # There is none left; or the kernel has no IPv6.
        for family, end in ((socket.AF_INET, FileNotFoundError), (socket.AF_INET6, OSError)):
            body = _rule(0, 0, (_FRA_PRIORITY, _number(priority)), _for_ids(ids), family=family)
            with suppress(end):
                while True:
                    _change(netlink, _RTM_DELRULE, body)


def _sweep(netlink: socket.socket, space: UserIds) -> None:
    """Remove what emulators have left that live no more."""
    for ids in set(_ids_with_rules(netlink)):
        if space.first <= ids.first and ids.last <= space.last:
            claim = _claim(ids)
            if claim is not None:
                with claim:
                    _remove(netlink, ids)


def _ids_with_rules(netlink: socket.socket) -> Iterator[UserIds]:
    ours = (_number(_PRIORITY), _number(_PRIORITY_OF_EXCEPTIONS))
    netlink.sendto(_message(_RTM_GETRULE, _REQUEST | _DUMP, _rule(0, 0)), (0, 0))
    while True:
        answer = netlink.recv(1 << 16)
        while len(answer) >= _HEADER.size:
            size, kind, *_ = _HEADER.unpack_from(answer)
            if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                return
            found = _attributes(answer[_HEADER.size + _RULE.size : size])
            if found.get(_FRA_PRIORITY) in ours and _FRA_UID_RANGE in found:
                yield UserIds(*struct.unpack("=II", found[_FRA_UID_RANGE]))
            answer = answer[_aligned(size) :]


def _prohibition(network: IPv4Network | IPv6Network, ids: UserIds | None) -> bytes:
    return _rule(
        _PROHIBIT,
        network.prefixlen,
        (_FRA_DST, network.network_address.packed),
        (_FRA_PRIORITY, _number(_PRIORITY)),
        _for_ids(ids),
        family=socket.AF_INET if network.version == 4 else socket.AF_INET6,
    )


def _exception(server: IPv4Address | IPv6Address, protocol: int, ids: UserIds | None) -> bytes:
    return _rule(
        _TO_TABLE,
        server.max_prefixlen,
        (_FRA_DST, server.packed),
        (_FRA_PRIORITY, _number(_PRIORITY_OF_EXCEPTIONS)),
        (_FRA_TABLE, _number(_MAIN_TABLE)),
        (_FRA_IP_PROTO, bytes([protocol])),
        (_FRA_DPORT, struct.pack("=HH", _DNS, _DNS)),
        _for_ids(ids),
        family=socket.AF_INET if server.version == 4 else socket.AF_INET6,
    )


def _closed_name_servers(file: Path) -> list[IPv4Address | IPv6Address]:
    found = []
    with suppress(OSError):
        for line in file.read_text(errors="replace").splitlines():
            keyword, *values = line.split()[:2] or [""]
            with suppress(ValueError):
                server = ip_address(values[0]) if keyword == "nameserver" else None
                if server is not None and any(server in each for each in _CLOSED):
                    found.append(server)
    return found


def _for_ids(ids: UserIds | None) -> tuple[int, bytes] | None:
    return None if ids is None else (_FRA_UID_RANGE, struct.pack("=II", ids.first, ids.last))


def _number(value: int) -> bytes:
    return struct.pack("=I", value)


def _rule(
    action: int,
    length: int,
    *attributes: tuple[int, bytes] | None,
    family: int = socket.AF_INET,
) -> bytes:
    table = _MAIN_TABLE if action == _TO_TABLE else 0
    body = _RULE.pack(family, length, 0, 0, table, 0, 0, action, 0)
    for attribute in attributes:
        if attribute is not None:
            kind, value = attribute
            body += struct.pack("=HH", 4 + len(value), kind) + value
            body += bytes(_aligned(len(value)) - len(value))
    return body


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        found[kind] = data[4:size]
        data = data[max(4, _aligned(size)) :]
    return found


def _aligned(size: int) -> int:
    return (size + 3) // 4 * 4


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def _change(netlink: socket.socket, kind: int, body: bytes) -> None:
    flags = _REQUEST | _ACK | (_CREATE if kind == _RTM_NEWRULE else 0)
    netlink.sendto(_message(kind, flags, body), (0, 0))
    code = -struct.unpack_from("=i", netlink.recv(1 << 16), _HEADER.size)[0]
    if code:
        raise OSError(code, os.strerror(code))
