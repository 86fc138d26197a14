"""The base of the protocols: how one service's messages look on the wire."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from emulator.model.errors import AwsError
from emulator.wire.errors import WireError, resolve
from emulator.wire.messages import Headers, Parser, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel


class Protocol(ABC):
    """One protocol for one service. A subclass per protocol, named in ``protocols/__init__.py``."""

    #: Method and path name the operation; in the other protocols the request says its name.
    routed: ClassVar[bool] = False

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self._id_headers = [name.encode() for name in model.deviations.request_id_headers]

    @abstractmethod
    def parser(self, operation: Operation) -> Parser:
        """Make the parser of an operation's requests."""

    @abstractmethod
    def serialiser(self, operation: Operation) -> Serialiser:
        """Make the serialiser of an operation's results."""

    @abstractmethod
    def write_error(self, error: WireError, request_id: str) -> Response:
        """Return the response for an error."""

    def error(self, error: AwsError, request_id: str) -> Response:
        """Return the response for an error as it was raised."""
        return self.write_error(resolve(self.model, error), request_id)

    def unknown_operation(self, name: str) -> AwsError:
        """Return the error for an operation that the service does not have."""
        text = f"The operation {name} is not known to this service."
        return AwsError("UnknownOperationException", text, status=400)

    @property
    def namespace(self) -> str:
        """The XML namespace of the service's answers."""
        return self.model.deviations.xml_namespace or self.model.metadata.get("xmlNamespace", "")

    def headers(self, request_id: str, content_type: str | None) -> Headers:
        """Return the headers that every response has.

        Args:
            request_id: The request's.
            content_type: None for a response without a body.
        """
        text = request_id.encode()
        headers = [(name, text) for name in self._id_headers]
        if content_type is not None:
            headers.append((b"content-type", content_type.encode()))
        return headers

    def query_error_header(self, error: WireError) -> Headers:
        """Return the header for clients that know the codes of the query protocol only."""
        if "awsQueryCompatible" not in self.model.metadata:
            return []
        return [(b"x-amzn-query-error", f"{error.code};{error.fault}".encode())]

    def error_type(self, error: WireError) -> str:
        """Return an error's name with its namespace."""
        of_model, of_others = self.model.deviations.error_namespaces
        space = of_model if error.modelled else of_others
        return f"{space}#{error.name}" if space else error.name
