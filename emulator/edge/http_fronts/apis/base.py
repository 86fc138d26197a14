"""What serves one kind of APIs, and what all kinds may use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from emulator.edge.http_fronts.apis.access_logs import AccessLogs
    from emulator.edge.http_fronts.authorizers.jwt_tokens import JwtVerifier
    from emulator.edge.http_fronts.authorizers.lambda_functions import LambdaAuthorizers
    from emulator.edge.http_fronts.exchange import DomainMapping, HttpRequest
    from emulator.edge.router import Handler
    from emulator.services.context import Parts


class Api(Protocol):
    """An API, as far as all kinds are alike; the kind that has found it knows more."""

    @property
    def region(self) -> str:
        """The region it is in: requests by host name it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the kinds of APIs share."""

    parts: Parts
    #: Answers requests of AWS's own APIs.
    aws: Handler
    #: Asks functions whether a caller may call, and remembers what they said.
    lambda_authorizers: LambdaAuthorizers
    #: Checks tokens.
    jwt: JwtVerifier
    access_logs: AccessLogs


class ApiServer(Protocol):
    """Serves the APIs of one kind. Its module has ``open(room)``, which returns it."""

    async def find(self, api_id: str) -> Api | None:
        """Return an API of this kind; None: it has none by that id."""
        ...

    async def mappings(self, domain: str) -> Iterable[DomainMapping]:
        """Return what the base paths of a custom domain name stand for.

        Args:
            domain: As it was made: in lower case, perhaps with ``*.`` in front.
        """
        ...

    async def serve(self, api: Any, request: HttpRequest) -> None:
        """Answer a request, or serve a WebSocket.

        Args:
            api: What :meth:`find` has returned.
            request: Its body is not read yet.
        """
        ...
