"""What a snapshot has captured that should be each environment's own.

All environments restored from a snapshot begin with the same memory: an id, a token, the state of
a random generator, the time or a connection that INIT has made is the same in all of them. AWS's
advice is to make such things in the handler, or in a hook after the restore.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
"""

from __future__ import annotations

import os
import re
import sys
import time

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any

#: Values that are looked at, at most, and how deep they may lie in containers and objects.
_MOST, _DEEPEST = 20_000, 3
#: Findings that are told.
_TOLD = 40
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: What ``secrets`` and ``hex`` make of 16 random bytes or more.
_TOKEN = re.compile(r"[0-9a-f]{32,128}|[A-Za-z0-9_-]{22,171}")
_GENERATORS = {
    ("random", "Random"): "a random generator",
    ("numpy.random.mtrand", "RandomState"): "a random generator of numpy",
    ("numpy.random._generator", "Generator"): "a random generator of numpy",
}
_CONNECTIONS = {
    ("socket", "socket"): "a socket",
    ("_socket", "socket"): "a socket",
    ("ssl", "SSLSocket"): "a TLS connection",
    ("http.client", "HTTPConnection"): "an HTTP connection",
    ("http.client", "HTTPSConnection"): "an HTTP connection",
    ("sqlite3", "Connection"): "a database connection",
    ("psycopg2.extensions", "connection"): "a database connection",
    ("psycopg", "Connection"): "a database connection",
    ("pymysql.connections", "Connection"): "a database connection",
    ("redis.connection", "Connection"): "a connection to Redis",
}
#: Seconds since the epoch at which this runtime was forked or started, at the latest.
_began = time.time()
#: By the function's folder, what packages have brought.
_brought: dict[str, set[str]] = {}
_PLAIN = (str, bytes, int, float, bool, type(None))


def shared() -> list[str]:
    """Return what the snapshot has captured, as "an id in app.REQUEST_ID", most useful first."""
    found: list[str] = []
    for name, module in list(sys.modules.items()):
        if len(found) >= _TOLD:
            break
        if _is_users(module):
            source = _Source(module)
            for path, value in _values(name, vars(module)):
                what = _judge(value, source)
                if what is not None:
                    found.append(f"{what} in {path}")
    found += [f"an open connection to {peer}" for peer in connections()]
    return found[:_TOLD]


def _is_users(module: ModuleType) -> bool:
    """Say whether a module is the function's own, and no package it uses."""
    file = getattr(module, "__file__", None)
    task = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    if not isinstance(file, str) or not file.startswith(task + "/"):
        return False
    return file[len(task) + 1 :].split("/")[0] not in _packages(task)


def _packages(task: str) -> set[str]:
    """Return the names that packages in the function's folder have brought there."""
    if task not in _brought:
        names = _brought[task] = set()
        for entry in os.listdir(task):
            if entry.endswith(".dist-info"):
                try:
                    with open(os.path.join(task, entry, "RECORD")) as file:
                        names.update(line.split("/")[0].split(",")[0] for line in file)
                except OSError:
                    names.add(entry.split("-")[0])
    return _brought[task]


class _Source:
    """The text of a module: what stands in it was there before INIT."""

    def __init__(self, module: ModuleType) -> None:
        try:
            with open(str(module.__file__), encoding="utf-8") as file:
                self._text = file.read()
        except (OSError, ValueError):
            self._text = ""

    def __contains__(self, value: str) -> bool:
        return value in self._text


def _values(module: str, names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what is reached from a module's names, with the way there."""
    seen: set[int] = set()
    line = [
        (f"{module}.{name}", value, 0)
        for name, value in list(names.items())
        if not name.startswith("__")
    ]
    left = _MOST
    while line and left:
        path, value, depth = line.pop(0)
        left -= 1
        yield path, value
        if depth >= _DEEPEST or isinstance(value, _PLAIN) or id(value) in seen:
            continue
        seen.add(id(value))
        line += [(path + step, each, depth + 1) for step, each in _inside(value, module)]


def _inside(value: Any, module: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in list(value.items())[:200]:
            yield f"[{key!r}]"[:60], each
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value[:200]):
            yield f"[{index}]", each
    elif type(value).__module__ == module:
        # An object of the function's own class.
        fields = getattr(value, "__dict__", None)
        if isinstance(fields, dict):
            for name, each in list(fields.items())[:200]:
                yield f".{name}", each


def _judge(value: Any, source: _Source) -> str | None:
    """Say what a value is, if it should be each environment's own."""
    kind = type(value)
    if isinstance(value, str):
        return _judge_text(value, source)
    if isinstance(value, bytes):
        random = len(value) in (16, 24, 32, 48, 64) and len(set(value)) > len(value) // 2
        return "random bytes" if random and repr(value)[2:-1] not in source else None
    if kind is float or kind is int:
        return "the time of INIT" if _is_now(value) else None
    named = (kind.__module__, kind.__name__)
    if named == ("uuid", "UUID"):
        return "an id (UUID)" if str(value) not in source else None
    if named == ("datetime", "datetime"):
        try:
            return "the time of INIT" if _is_now(value.timestamp()) else None
        except (OverflowError, OSError, ValueError):
            return None
    for base in kind.__mro__:
        place = (base.__module__, base.__name__)
        if place == ("random", "SystemRandom"):
            return None  # it asks the kernel each time
        found = _GENERATORS.get(place) or _CONNECTIONS.get(place)
        if found is not None:
            return found
    return None


def _judge_text(value: str, source: _Source) -> str | None:
    if len(value) > 200 or value in source:
        return None
    if _UUID.fullmatch(value):
        return "an id (UUID)"
    if _TOKEN.fullmatch(value) and _is_mixed(value):
        # What the environment gives is each one's own, or the same by intent.
        return None if value in os.environ.values() else "a random token"
    return None


def _is_mixed(text: str) -> bool:
    """Say whether a text looks drawn by lot: many different characters, digits and letters."""
    digits = sum(each.isdigit() for each in text)
    return len(set(text)) >= 10 and 2 <= digits < len(text)


def _is_now(value: float) -> bool:
    return _began - 1 <= value <= time.time() or _began * 1e3 - 1e3 <= value <= time.time() * 1e3


def connections() -> list[str]:
    """Return the addresses of the network sockets that are open, "10.0.0.7:5432"."""
    peers = []
    # The SDK's to where it finds credentials is none of the function's.
    own = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "").split("/")[2:3]
    for inode in _socket_inodes():
        for address in _addresses().get(inode, ()):
            peers.append(address)
    return sorted({peer for peer in peers if peer not in own})


def _socket_inodes() -> list[str]:
    found = []
    try:
        descriptors = os.listdir("/proc/self/fd")
    except OSError:
        return []
    for fd in descriptors:
        try:
            link = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue
        if link.startswith("socket:[") and int(fd) > 3:
            found.append(link[8:-1])
    return found


def _addresses() -> dict[str, list[str]]:
    """Return the remote addresses of this network's TCP connections by their inodes."""
    found: dict[str, list[str]] = {}
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/self/net/{name}") as file:
                lines = file.read().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            host, _, port = fields[2].partition(":")
            if port != "0000":
                found.setdefault(fields[9], []).append(f"{_host(host)}:{int(port, 16)}")
    return found


def _host(digits: str) -> str:
    if len(digits) != 8:
        return "[IPv6]" if not digits.startswith("0" * 16 + "FFFF0000") else _host(digits[24:])
    return ".".join(str(int(digits[at : at + 2], 16)) for at in (6, 4, 2, 0))
