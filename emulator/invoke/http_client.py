"""Posts to HTTP endpoints of the user's, on the event loop: a slow one costs a connection alone."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import h11

from emulator.model.errors import LocalfaasError

#: Bytes of an answer that are read; its body is nobody's.
_MOST = 1 << 20


class HttpFailure(LocalfaasError):
    """There was no answer: no connection, a time-out, or something that is no HTTP."""


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    method: str = "POST",
) -> int:
    """Send a request and return the status of its answer.

    Args:
        url: http or https.
        body: The body.
        headers: All but host, length and connection.
        timeout_s: Seconds for everything together.
        method: The HTTP method.

    Raises:
        HttpFailure: There was no answer.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _post(url, body, headers, method)
    except TimeoutError as error:
        raise HttpFailure(f"no answer within {timeout_s:g} s") from error
    except (OSError, ssl.SSLError, h11.ProtocolError, ValueError) as error:
        raise HttpFailure(str(error) or type(error).__name__) from error


async def _post(url: str, body: bytes, headers: Mapping[str, str], method: str) -> int:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    host = parts.hostname or ""
    context = ssl.create_default_context() if secure else None
    # Names below localhost are this machine, whatever resolves them.
    where = "127.0.0.1" if host.endswith(".localhost") else host
    reader, writer = await asyncio.open_connection(
        where, port, ssl=context, server_hostname=host if secure else None
    )
    try:
        connection = h11.Connection(h11.CLIENT)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = [
            ("Host", parts.netloc.rpartition("@")[2]),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
            *headers.items(),
        ]
        request = h11.Request(method=method, target=target, headers=sent)
        for part in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(part) or b"")
        await writer.drain()
        seen = 0
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(65536)
                seen += len(data)
                if seen > _MOST:
                    raise ValueError("the head of the answer is too long")
                connection.receive_data(data)
            elif isinstance(event, h11.Response):
                return event.status_code
            elif isinstance(event, h11.ConnectionClosed):
                raise ValueError("the connection was closed without an answer")
    finally:
        writer.close()
