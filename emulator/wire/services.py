"""Reads requests and writes responses of one service in one protocol."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire import values
from emulator.wire.deviations import NONE, Deviations
from emulator.wire.messages import Parser, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel, load
from emulator.wire.protocols import PROTOCOLS
from emulator.wire.protocols import protocol as protocol_class
from emulator.wire.routing import Router
from emulator.wire.validate import Constraints


class ServiceCodec:
    """Reads and writes one service's messages. Plans are compiled on first use and kept.

    Args:
        protocol: One of :data:`emulator.wire.protocols.PROTOCOLS`.

    Raises:
        LookupError: There is no such protocol.
    """

    def __init__(self, model: ServiceModel, protocol: str) -> None:
        self.model = model
        self.name = model.name
        self.protocol = protocol
        #: Operations by wire name.
        self.operations: Mapping[str, Operation] = model.operations
        self._protocol = protocol_class(protocol)(model)
        self._router = Router(model) if self._protocol.routed else None
        self._constraints = Constraints(model)
        self._parsers: dict[str, Parser] = {}
        self._serialisers: dict[str, Serialiser] = {}

    def operation(self, name: str) -> Operation:
        """Return an operation by its wire name.

        Raises:
            AwsError: The service has no such operation.
        """
        found = self.operations.get(name)
        if found is None:
            raise self._protocol.unknown_operation(name)
        return found

    def match(
        self,
        method: str,
        raw_path: str,
        query: str,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[Operation, Mapping[str, str]]:
        """Route a request of a REST protocol; see :meth:`emulator.wire.routing.Router.match`."""
        if self._router is None:
            raise TypeError(f"{self.name} has no routes in the {self.protocol} protocol")
        return self._router.match(method, raw_path, query, headers)

    def read(
        self,
        operation: Operation,
        *,
        params: Mapping[str, str],
        query: str,
        headers: Mapping[str, str],
        body: Any,
        url: str,
    ) -> dict[str, Any]:
        """Read a request and check it: see :meth:`parse` and :meth:`validate`.

        Args:
            operation: As :meth:`parse`.
            params: As :meth:`parse`.
            query: As :meth:`parse`.
            headers: As :meth:`parse`.
            body: As :meth:`parse`.
            url: What the request was sent to, without its query.

        Raises:
            AwsError: As those.
        """
        request = self.parse(operation, params=params, query=query, headers=headers, body=body)
        if (add_from_url := self.model.deviations.add_from_url) is not None:
            add_from_url(operation, request, self.protocol, url)
        self.validate(operation, request)
        return request

    def parse(
        self,
        operation: Operation,
        *,
        params: Mapping[str, str],
        query: str,
        headers: Mapping[str, str],
        body: Any,
    ) -> dict[str, Any]:
        """Read a request as a wire-shaped dict; members that are absent or null are left out.

        Args:
            operation: The operation that :meth:`match` or :meth:`operation` found.
            params: The path's labels; in the query protocol defaults of missing members.
            query: The raw query string.
            headers: By names in lower case.
            body: The whole body. Where :meth:`streams_request` says so it may be an async iterator
                of bytes, which becomes the payload's value unread.

        Raises:
            AwsError: The request cannot be read: ``SerializationException`` (400) or the service's
                own code for it.
        """
        parser = self._parsers.get(operation.name)
        if parser is None:
            parser = self._protocol.parser(operation)
            if operation.takes_gzip:
                parser = _decompressing(parser)
            self._parsers[operation.name] = parser
        try:
            return parser(params, query, headers, body)
        except RecursionError:
            raise self._malformed("The request is nested too deeply.") from None
        except AwsError as error:
            if (
                error.code == "SerializationException"
                and self.model.deviations.malformed is not None
            ):
                raise self._malformed("") from error
            raise

    def _malformed(self, message: str) -> AwsError:
        code, text = self.model.deviations.malformed or ("SerializationException", message)
        return AwsError(code, text, status=400)

    def streams_request(self, operation: Operation) -> bool:
        """Say whether the body need not be read before the operation begins."""
        return (
            operation.streams_request and operation.name not in self.model.deviations.whole_bodies
        )

    def validate(self, operation: Operation, request: Mapping[str, Any]) -> None:
        """Check a request against the model's constraints.

        Raises:
            AwsError: One error that lists all violations, in AWS's words.
        """
        try:
            self._constraints.validate(operation, request)
        except RecursionError:
            raise self._malformed("The request is nested too deeply.") from None

    def serialise(
        self, operation: Operation, result: Mapping[str, Any], request_id: str
    ) -> Response:
        """Write a result. Members that are ``None`` or unknown to the model are left out."""
        serialiser = self._serialisers.get(operation.name)
        if serialiser is None:
            serialiser = self._protocol.serialiser(operation)
            self._serialisers[operation.name] = serialiser
        return serialiser(result, request_id)

    def error(self, error: AwsError, request_id: str) -> Response:
        """Write an error."""
        return self._protocol.error(error, request_id)


def _decompressing(parser: Parser) -> Parser:
    """Return a parser that also accepts bodies in gzip."""

    def parse(
        params: Mapping[str, str], query: str, headers: Mapping[str, str], body: Any
    ) -> dict[str, Any]:
        if headers.get("content-encoding") == "gzip":
            body = values.decompress(body)
        return parser(params, query, headers, body)

    return parse


@cache
def service(
    name: str,
    protocol: str | None = None,
    deviations: Deviations = NONE,
    models: Path | None = None,
) -> ServiceCodec:
    """Return the codec of a service, always the same one.

    Args:
        name: The model's name in botocore.
        protocol: One of :data:`emulator.wire.protocols.PROTOCOLS`; None for the first supported
            protocol of the model.
        deviations: The differences between the service's real answers and its model.
        models: The folder of the model; None for botocore's.

    Raises:
        LookupError: There is no such model, or no such protocol.
    """
    model = load(name, deviations, models)
    return ServiceCodec(model, protocol or default_protocol(model))


def default_protocol(model: ServiceModel) -> str:
    """Return the supported protocol that a model's service prefers."""
    offered = model.metadata.get("protocols", [model.metadata["protocol"]])
    return str(next((each for each in offered if each in PROTOCOLS), offered[0]))
