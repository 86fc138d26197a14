"""Decides who may talk to the emulator, before anything is dispatched.

Any web page can make a browser send requests to localhost, and an attacker's name can resolve to
127.0.0.1. Headers that a page cannot forge reveal both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlsplit

from emulator.model.hosts import CustomHosts

#: A public name of another emulator, which resolves to 127.0.0.1 with all names below it: people's
#: set-ups have it.
_PUBLIC_LOCAL_NAME = "localhost.localstack.cloud"
_LOCAL_NAMES = frozenset(
    {"localhost", "127.0.0.1", "[::1]", "host.docker.internal", _PUBLIC_LOCAL_NAME}
)
#: Names below these are local, too.
_LOCAL_SUFFIXES = (".localhost", f".{_PUBLIC_LOCAL_NAME}")
#: The most hosts that are remembered: a flood of them must not fill the memory.
_REMEMBERED = 1024
#: The most bytes of a host and port: none that means this emulator is longer.
_LONGEST_REMEMBERED = 300


class Guard:
    """Refuses foreign ``Host`` and ``Origin`` headers.

    Args:
        hosts: Further host names this emulator answers to.
        origins: Web origins ("https://app.example:3000") whose pages may call it.
        custom: Names that only the front answers which they were made for.
    """

    def __init__(
        self,
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        custom: CustomHosts | None = None,
    ) -> None:
        self._names = _LOCAL_NAMES | {host.lower() for host in hosts}
        self._origins = {origin.lower().rstrip("/").encode() for origin in origins}
        self._known: dict[bytes, bool] = {}
        self._custom = custom or CustomHosts()

    def refuse(
        self,
        headers: Mapping[bytes, bytes],
        *,
        method: str = "GET",
        query: bytes = b"",
        any_origin: bool = False,
    ) -> str | None:
        """Return why a request is refused, or None.

        Args:
            headers: Names in lower case.
            method: The HTTP method.
            query: The raw query string.
            any_origin: Pages of every origin may send it: what answers it has its own CORS rules.
        """
        host = headers.get(b"host", b"")
        known = self._known.get(host)
        if known is None:
            known = self.is_local(host)
            if len(self._known) < _REMEMBERED and len(host) <= _LONGEST_REMEMBERED:
                self._known[host] = known
        if not known and not (any_origin and self._custom.find(host)):
            return f"Host {host.decode('latin-1')!r} is not one this emulator answers to."
        if any_origin:
            return None
        origin = headers.get(b"origin")
        if origin is not None and not self._origin_allowed(origin.lower(), host.lower()):
            return f"Requests from the origin {origin.decode('latin-1')!r} are not allowed."
        site = headers.get(b"sec-fetch-site")
        if site is None or origin is not None:
            return None
        if site == b"cross-site":
            return "Cross-site requests from a browser are not allowed."
        if site == b"same-site" and _may_change_state(method, query):
            return "Pages of another origin may not change state by a browser's requests."
        return None

    def named_origin(self, headers: Mapping[bytes, bytes]) -> bytes | None:
        """Return the origin of a page that may read answers; None where it is not a named one."""
        origin = headers.get(b"origin")
        return origin if origin is not None and origin.lower() in self._origins else None

    def admit(self, host: str) -> None:
        """Answer to a further host name from now on."""
        self._names |= {host.lower()}
        self._known.clear()

    def is_local(self, host: bytes) -> bool:
        """Say whether a ``Host`` header names this emulator."""
        try:
            text = host.decode("ascii").lower()
        except UnicodeDecodeError:
            return False
        name, port = text, ""
        if text.startswith("["):
            name, bracket, rest = text.partition("]")
            name += bracket
            if rest and not rest.startswith(":"):
                return False
            port = rest[1:]
        elif ":" in text:
            name, _, port = text.partition(":")
        if port and not (port.isdigit() and len(port) <= 5):
            return False
        return name in self._names or (
            name.endswith(_LOCAL_SUFFIXES) and all(_is_label(part) for part in name.split("."))
        )

    def _origin_allowed(self, origin: bytes, host: bytes) -> bool:
        if origin in self._origins:
            return True
        parts = urlsplit(origin)
        return parts.scheme in (b"http", b"https") and parts.netloc == host


def _may_change_state(method: str, query: bytes) -> bool:
    """Say whether a request may change something.

    Browsers send no ``Origin`` with a plain GET (an image, a link). A page of another port of this
    machine may show what is stored here by one, but the Query protocol does everything by GET.
    """
    if method not in ("GET", "HEAD"):
        return True
    return any(name == b"Action" for name, _ in parse_qsl(query, keep_blank_values=True))


def _is_label(text: str) -> bool:
    return bool(text) and all(char.isalnum() or char in "-_" for char in text)
