"""Link-local addresses (169.254.0.0/16) are closed to functions by rules of the kernel's routing.

On cloud machines, credentials of the machine lie at such an address for whoever asks. A rule is for
the user ids of one emulator's sandboxes, or for a container's own network. Rules of an emulator
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
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from pathlib import Path

LINK_LOCAL = ip_network("169.254.0.0/16")
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
_FRA_DST, _FRA_PRIORITY, _FRA_TABLE, _FRA_UID_RANGE, _FRA_IP_PROTO, _FRA_DPORT = (
    1,
    6,
    15,
    20,
    22,
    24,
)
_TO_TABLE, _PROHIBIT = 1, 8
_MAIN_TABLE = 254
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
    there = Path(f"/proc/{pid}/ns/net")
    if os.path.samestat(there.stat(), Path("/proc/thread-self/ns/net").stat()):
        return
    with _netlink(there) as netlink:
        _close(netlink, None)


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


def _close(netlink: socket.socket, ids: UserIds | None) -> None:
    for server in _link_local_name_servers():
        for protocol in (socket.IPPROTO_UDP, socket.IPPROTO_TCP):
            _change(netlink, _RTM_NEWRULE, _exception(server, protocol, ids))
    _change(netlink, _RTM_NEWRULE, _prohibition(ids))


def _remove(netlink: socket.socket, ids: UserIds) -> None:
    """Remove all rules for these ids: as many as there are."""
    for priority in (_PRIORITY, _PRIORITY_OF_EXCEPTIONS):
        body = _rule(0, 0, (_FRA_PRIORITY, _number(priority)), _for_ids(ids))
        with suppress(FileNotFoundError):
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


def _prohibition(ids: UserIds | None) -> bytes:
    return _rule(
        _PROHIBIT,
        LINK_LOCAL.prefixlen,
        (_FRA_DST, LINK_LOCAL.network_address.packed),
        (_FRA_PRIORITY, _number(_PRIORITY)),
        _for_ids(ids),
    )


def _exception(server: IPv4Address, protocol: int, ids: UserIds | None) -> bytes:
    return _rule(
        _TO_TABLE,
        server.max_prefixlen,
        (_FRA_DST, server.packed),
        (_FRA_PRIORITY, _number(_PRIORITY_OF_EXCEPTIONS)),
        (_FRA_TABLE, _number(_MAIN_TABLE)),
        (_FRA_IP_PROTO, bytes([protocol])),
        (_FRA_DPORT, struct.pack("=HH", _DNS, _DNS)),
        _for_ids(ids),
    )


def _link_local_name_servers(file: Path = Path("/etc/resolv.conf")) -> list[IPv4Address]:
    found = []
    with suppress(OSError):
        for line in file.read_text(errors="replace").splitlines():
            keyword, *values = line.split()[:2] or [""]
            with suppress(ValueError):
                if keyword == "nameserver" and IPv4Address(values[0]) in LINK_LOCAL:
                    found.append(IPv4Address(values[0]))
    return found


def _for_ids(ids: UserIds | None) -> tuple[int, bytes] | None:
    return None if ids is None else (_FRA_UID_RANGE, struct.pack("=II", ids.first, ids.last))


def _number(value: int) -> bytes:
    return struct.pack("=I", value)


def _rule(action: int, length: int, *attributes: tuple[int, bytes] | None) -> bytes:
    table = _MAIN_TABLE if action == _TO_TABLE else 0
    body = _RULE.pack(socket.AF_INET, length, 0, 0, table, 0, 0, action, 0)
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
