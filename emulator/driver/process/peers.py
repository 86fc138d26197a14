"""The process at the other end of a local TCP connection, found by its exact addresses.

The Runtime API listener of one environment must serve no other: a function that scans the loopback
interface must find no listener that answers it.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_NO_COOKIE = b"\xff" * 8
_HEADER = struct.Struct("=IHHII")
#: family, source and destination port, addresses, interface, cookie, expires, queues, uid, inode
_ANSWER = struct.Struct("=4B4s16s16sI8sIIIII")


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a socket."""

    uid: int
    inode: int


def is_this_machine(host: str) -> bool:
    """Say whether ``host`` is an address of this machine; no name is looked up."""
    host = _plain(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            # Only the machine's own addresses can be bound; a taken port proves one, too.
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def _plain(host: str) -> str:
    """Return an address as the other end has it: IPv4 where it is only mapped to IPv6."""
    return host.removeprefix("::ffff:") if "." in host else host


def owner(peer: tuple[str, int], local: tuple[str, int]) -> Owner | None:
    """Return the owner of the socket that is bound to ``peer`` and connected to ``local``.

    None if there is no such socket, or the system cannot tell.
    """
    if not hasattr(socket, "AF_NETLINK"):
        return None
    peer, local = (_plain(peer[0]), peer[1]), (_plain(local[0]), local[1])
    try:
        return _from_netlink(peer, local)
    except OSError:
        return _from_table(peer, local)


def _from_netlink(peer: tuple[str, int], local: tuple[str, int]) -> Owner | None:
    family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
    addresses = [socket.inet_pton(family, end[0].partition("%")[0]) for end in (peer, local)]
    identity = (
        struct.pack("!HH", peer[1], local[1])
        + b"".join(address.ljust(16, b"\0") for address in addresses)
        + struct.pack("=I", 0)
        + _NO_COOKIE
    )
    body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + identity
    header = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as netlink:
        netlink.sendto(header + body, (0, 0))
        answer = netlink.recv(4096)
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _NLMSG_ERROR:
        number = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if number == 2:  # ENOENT: no such connection
            return None
        raise OSError(number, os.strerror(number))
    fields = _ANSWER.unpack_from(answer, _HEADER.size)
    return Owner(uid=fields[-2], inode=fields[-1])


def _from_table(peer: tuple[str, int], local: tuple[str, int]) -> Owner | None:
    if ":" in peer[0]:
        return None
    wanted = [_as_in_table(end) for end in (peer, local)]
    try:
        with open("/proc/net/tcp") as table:
            next(table)
            for line in table:
                fields = line.split()
                if fields[1:3] == wanted:
                    return Owner(uid=int(fields[7]), inode=int(fields[9]))
    except OSError:
        return None
    return None


def _as_in_table(end: tuple[str, int]) -> str:
    number = struct.unpack("=I", socket.inet_aton(end[0]))[0]
    return f"{number:08X}:{end[1]:04X}"


def holds(processes: Iterable[int], inode: int) -> bool:
    """Say whether one of ``processes`` holds the socket ``inode`` open."""
    wanted = f"socket:[{inode}]"
    for pid in processes:
        with suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    if os.readlink(f"/proc/{pid}/fd/{fd}") == wanted:
                        return True
    return False
