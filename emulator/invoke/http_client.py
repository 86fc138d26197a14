"""Sends requests to the user's HTTP endpoints, on the loop: a slow one costs a connection."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import h11

from emulator.invoke import outgoing
from emulator.model import clouds
from emulator.model.errors import LocalfaasError

#: Answers of a status below 200 before the one that counts.
_MOST_INTERIM = 100
_OF_CLOUDS = clouds.LINK_LOCAL + clouds.BEYOND_LINK_LOCAL
#: Where gateways have IPv4's addresses in IPv6 (NAT64).
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
#: Bytes of a head, and of the body of an answer that nobody reads.
_MOST = 1 << 20


class HttpFailure(LocalfaasError):
    """There was no answer: no connection, a time-out, or something that is no HTTP."""


class HttpAnswer(NamedTuple):
    """What an endpoint has answered."""

    status: int
    #: Names in lower case, in order, as often as they were sent.
    headers: list[tuple[str, str]]
    body: bytes


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    method: str = "POST",
) -> int:
    """Send a request and return the status of its answer, whose body is nobody's.

    Args:
        url: http or https.
        body: The body.
        headers: All but host, length and connection.
        timeout_s: Seconds for everything together.
        method: The HTTP method.

    Raises:
        HttpFailure: There was no answer.
    """
    answer = await fetch(method, url, headers.items(), body, timeout_s=timeout_s, most=None)
    return answer.status


async def fetch(
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    timeout_s: float,
    most: int | None = 10 * 1024 * 1024,
    cuts: bool = False,
) -> HttpAnswer:
    """Send a request and return its answer.

    Args:
        method: The HTTP method.
        url: http or https.
        headers: All but length and connection; a host only where it is not the URL's.
        body: The body.
        timeout_s: Seconds for everything together.
        most: The most bytes of the answer's body; None reads no body.
        cuts: A longer body is cut; without, it is a failure.

    Raises:
        HttpFailure: There was no answer, or it is too large.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _fetch(method, url, headers, body, most, cuts=cuts)
    except TimeoutError as error:
        raise HttpFailure(f"no answer within {timeout_s:g} s") from error
    except (OSError, ssl.SSLError, h11.ProtocolError, ValueError) as error:
        raise HttpFailure(str(error) or type(error).__name__) from error


class HttpStream:
    """An answer whose body is read as it comes. Close it in the end.

    Attributes:
        status: The answer's.
        headers: Names in lower case, in order, as often as they were sent.
    """

    def __init__(
        self,
        head: h11.Response,
        connection: h11.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        idle_s: float,
    ) -> None:
        self.status, self.headers, _ = _answer(head, b"")
        self._connection, self._reader, self._writer = connection, reader, writer
        self._idle_s = idle_s

    async def chunk(self) -> bytes | None:
        """Return the next part of the body; None at its end.

        Raises:
            HttpFailure: The endpoint broke off, or has said nothing for too long.
        """
        try:
            async with asyncio.timeout(self._idle_s):
                while True:
                    event = await _next(self._connection, self._reader)
                    if isinstance(event, h11.Data):
                        return bytes(event.data)
                    if isinstance(event, h11.EndOfMessage):
                        return None
        except TimeoutError as error:
            raise HttpFailure(f"nothing came within {self._idle_s:g} s") from error
        except (OSError, ssl.SSLError, h11.ProtocolError, ValueError) as error:
            raise HttpFailure(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._writer.close()


async def stream(
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    timeout_s: float,
    idle_s: float,
) -> HttpStream:
    """Send a request and return its answer as soon as its head has come.

    Args:
        method: The HTTP method.
        url: http or https.
        headers: All but length and connection; a host only where it is not the URL's.
        body: The body.
        timeout_s: Seconds until the head is there.
        idle_s: Seconds between two parts of the body, at most.

    Raises:
        HttpFailure: There was no answer.
    """
    writer = None
    try:
        async with asyncio.timeout(timeout_s):
            connection, reader, writer = await _send(method, url, headers, body)
            seen = 0
            while not isinstance(event := await _next(connection, reader), h11.Response):
                seen += 1
                if seen > _MOST_INTERIM:
                    raise ValueError("the answer does not begin")
            return HttpStream(event, connection, reader, writer, idle_s)
    except TimeoutError as error:
        _close(writer)
        raise HttpFailure(f"no answer within {timeout_s:g} s") from error
    except (OSError, ssl.SSLError, h11.ProtocolError, ValueError) as error:
        _close(writer)
        raise HttpFailure(str(error) or type(error).__name__) from error
    except BaseException:
        _close(writer)
        raise


def _close(writer: asyncio.StreamWriter | None) -> None:
    if writer is not None:
        writer.close()


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Event:
    """Return the next event of an answer.

    Raises:
        ValueError: The endpoint closed the connection before the answer's end.
    """
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.ConnectionClosed):
            raise ValueError("the connection was closed without an answer")
        elif event is not h11.PAUSED:
            return cast(h11.Event, event)


async def _fetch(
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    most: int | None,
    *,
    cuts: bool,
) -> HttpAnswer:
    connection, reader, writer = await _send(method, url, headers, body)
    try:
        return await _read(connection, reader, most, cuts=cuts)
    finally:
        writer.close()


async def _send(
    method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes
) -> tuple[h11.Connection, asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect and send a request."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{url} is no HTTP address")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    host = parts.hostname or ""
    context = _tls() if secure else None
    # Names below localhost are this machine, whatever resolves them.
    where = "127.0.0.1" if host.endswith(".localhost") else host
    reader, writer = await outgoing.connect(
        where, port, ssl=context, server_hostname=host if secure else None
    )
    try:
        peer = writer.get_extra_info("peername")
        if peer is None:
            raise ConnectionResetError("the connection was reset at once")
        _refuse_clouds(peer[0])
        connection = h11.Connection(h11.CLIENT)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = list(headers)
        if all(name.lower() != "host" for name, _ in sent):
            sent.insert(0, ("Host", parts.netloc.rpartition("@")[2]))
        if body or method not in ("GET", "HEAD", "OPTIONS"):
            sent.append(("Content-Length", str(len(body))))
        sent.append(("Connection", "close"))
        request = h11.Request(method=method, target=target, headers=sent)
        for part in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(part) or b"")
        await writer.drain()
    except BaseException:
        writer.close()
        raise
    return connection, reader, writer


def _refuse_clouds(host: str) -> None:
    """Refuse what functions are refused: a cloud machine's credentials, for whoever asks.

    Raises:
        ValueError: It is such an address.
    """
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = _within(address)
    if any(address in network for network in _OF_CLOUDS):
        raise ValueError(f"{host} is where clouds keep a machine's credentials")


def _within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address of IPv4 that one of IPv6 leads to; itself if it leads to none."""
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


@cache
def _tls() -> ssl.SSLContext:
    """Return how endpoints are trusted: it takes milliseconds to read the certificates."""
    return ssl.create_default_context()


async def _read(
    connection: h11.Connection, reader: asyncio.StreamReader, most: int | None, *, cuts: bool
) -> HttpAnswer:
    head: h11.Response | None = None
    chunks: list[bytes] = []
    seen = size = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65536)
            seen += len(data)
            if head is None and seen > _MOST:
                raise ValueError("the head of the answer is too long")
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            head = event
            if most is None:
                return _answer(head, b"")
        elif isinstance(event, h11.Data):
            size += len(event.data)
            chunks.append(bytes(event.data))
            if most is not None and size > most:
                if cuts and head is not None:
                    return _answer(head, b"".join(chunks)[:most])
                raise ValueError(f"the answer has more than {most} bytes")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _answer(head, b"".join(chunks))
        elif isinstance(event, h11.ConnectionClosed):
            raise ValueError("the connection was closed without an answer")


def _answer(head: h11.Response, body: bytes) -> HttpAnswer:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
    return HttpAnswer(head.status_code, headers, body)
