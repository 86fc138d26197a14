"""A request to a method, and what becomes of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: Names and values, in order, as often as they are there.
Pairs = list[tuple[str, str]]


@dataclass(slots=True, kw_only=True)
class MethodCall:
    """A request that has found its method and may call it."""

    parts: Parts
    account: str
    region: str
    api_id: str
    #: The API as it was deployed.
    snapshot: Mapping[str, Any]
    resource: Mapping[str, Any]
    method: Mapping[str, Any]
    http_method: str
    #: Below the stage.
    path: str
    path_parameters: dict[str, str]
    query: Pairs
    headers: Pairs
    body: bytes
    #: The body is of a type that is passed on as bytes.
    is_binary: bool
    stage_variables: dict[str, str]
    #: What ``requestContext`` of events has, and ``$context``.
    context: dict[str, Any]
    #: The trace header that goes on.
    trace_id: str
    request_id: str
    #: What mapping templates have set: of the request, and of the response.
    request_override: dict[str, Any] = field(
        default_factory=lambda: {"header": {}, "path": {}, "querystring": {}}
    )
    response_override: dict[str, Any] = field(default_factory=lambda: {"header": {}})
    #: What the integration answered, and the milliseconds it took; None before it did.
    integration_status: int | None = None
    integration_latency_ms: int | None = None
    #: The lines of the execution's log, for TestInvokeMethod; None where nobody reads them.
    log: list[str] | None = None

    @property
    def integration(self) -> Mapping[str, Any]:
        """The method's integration."""
        found: Mapping[str, Any] = self.method["methodIntegration"]
        return found

    def header(self, name: str) -> str | None:
        """Return the last value of a header; names match in any case."""
        lower = name.lower()
        return next((v for k, v in reversed(self.headers) if k.lower() == lower), None)

    def query_value(self, name: str) -> str | None:
        """Return the last value of a query parameter."""
        return next((v for k, v in reversed(self.query) if k == name), None)

    @property
    def text(self) -> str:
        """The body as text: base64 of one that is passed on as bytes."""
        if self.is_binary:
            return base64.b64encode(self.body).decode()
        return self.body.decode("utf-8", "replace")

    def say(self, line: str) -> None:
        """Add a line to the execution's log."""
        if self.log is not None:
            self.log.append(line)


class BodyStream(Protocol):
    """The body of an answer, as it comes."""

    async def chunk(self) -> bytes | None:
        """Return the next part; None at the end."""
        ...

    async def is_whole(self) -> bool:
        """Say at the end whether nothing is missing."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(slots=True, kw_only=True)
class Answer:
    """What a method answers."""

    status: int
    headers: Pairs
    body: bytes = b""
    #: The rest of the body, as it comes.
    stream: BodyStream | None = None


class GatewayFailure(Exception):
    """API Gateway answers itself.

    Args:
        kind: The type of the gateway response.
        message: What is said of it; None for no text at all.
        error: The type of the error, as the header x-amzn-ErrorType has it.
        status: Where it is not that of the gateway response.
        details: What ``$context.error.validationErrorString`` is.
    """

    def __init__(
        self,
        kind: str,
        message: str | None,
        error: str,
        *,
        status: int | None = None,
        details: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.error = error
        self.status = status
        self.details = details


def internal(kind: str = "API_CONFIGURATION_ERROR", *, status: int | None = None) -> GatewayFailure:
    """Return the failure of an integration or a configuration: "Internal server error"."""
    return GatewayFailure(
        kind, "Internal server error", "InternalServerErrorException", status=status
    )
