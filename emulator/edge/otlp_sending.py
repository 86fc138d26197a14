"""How batches of spans are sent to a collector."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.invoke.http_client import fetch

#: Seconds for one request.
_TIMEOUT_S = 10.0


async def send(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
    """Send a request; returns status and headers of the answer.

    Raises:
        HttpFailure: There was no answer.
    """
    answer = await fetch("POST", url, headers.items(), body, timeout_s=_TIMEOUT_S, most=65536)
    return answer.status, dict(answer.headers)
