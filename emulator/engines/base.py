"""What an engine is: a request of a service goes in as it came, its answer comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from emulator.model.errors import LocalfaasError

#: Headers that belong to a connection, not to a message.
HOP_BY_HOP = frozenset(
    "connection content-length expect keep-alive proxy-authenticate proxy-authorization te trailer "
    "transfer-encoding upgrade".split()
)


class EngineUnavailable(LocalfaasError):
    """An engine does not answer now; callers may try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRequest:
    """A request as a client has sent it.

    Attributes:
        target: Path and query, still encoded.
        headers: By names in lower case.
        service: The service of its signature.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    service: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class EngineResponse:
    """What is answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Engine(Protocol):
    """Serves requests of one service or of several."""

    async def request(self, request: EngineRequest) -> EngineResponse | None:
        """Answer a request; None: it is for a service that is not served.

        Raises:
            EngineUnavailable: It does not answer now.
        """
        ...

    async def close(self) -> None:
        """End what belongs to it."""
        ...
