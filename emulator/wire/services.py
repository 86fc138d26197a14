"""One service in one protocol."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire import parse, query, routing, serialise, validate
from emulator.wire.deviations import NONE, Deviations
from emulator.wire.model import Operation, ServiceModel, load
from emulator.wire.parse import Parser
from emulator.wire.serialise import Response, Serialiser
from emulator.wire.validate import Validator


class ServiceCodec:
    """Reads and writes one service's messages. Plans are compiled on first use and kept."""

    def __init__(self, model: ServiceModel, protocol: str) -> None:
        self.model = model
        self.name = model.name
        self.protocol = protocol
        #: Operations by wire name.
        self.operations: Mapping[str, Operation] = model.operations
        self._router = (
            routing.Router(model.operations.values()) if protocol == "rest-json" else None
        )
        self._readers = parse.JsonReaders(model)
        self._writers = serialise.JsonWriters(model)
        self._form_readers = query.QueryReaders(model)
        self._xml_writers = query.XmlWriters(model)
        self._checks = validate.Validators(model)
        self._checks_as_modelled = validate.Validators(model, model_maximum=True)
        self._model_maximum_holds = model.deviations.model_maximum_holds
        self._parsers: dict[str, Parser] = {}
        self._validators: dict[str, Validator] = {}
        self._validators_as_modelled: dict[str, Validator] = {}
        self._serialisers: dict[str, Serialiser] = {}

    def operation(self, name: str) -> Operation:
        """Return an operation by its wire name.

        Raises:
            AwsError: The service has no such operation.
        """
        found = self.operations.get(name)
        if found is not None:
            return found
        if self.protocol == "query":
            text = f"The action {name} is not valid for this endpoint."
            raise AwsError("InvalidAction", text, status=400)
        text = f"The operation {name} is not known to this service."
        raise AwsError("UnknownOperationException", text, status=400)

    def match(self, method: str, raw_path: str, query: str) -> tuple[Operation, Mapping[str, str]]:
        """Route a rest-json request; see :meth:`emulator.wire.routing.Router`."""
        if self._router is None:
            raise TypeError(f"{self.name} has no routes in the {self.protocol} protocol")
        return self._router.match(method, raw_path, query)

    def parse(
        self,
        operation: Operation,
        *,
        params: Mapping[str, str],
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> dict[str, Any]:
        """Read a request as a wire-shaped dict; members that are absent or null are left out.

        Args:
            operation: What :meth:`match` or :meth:`operation` found.
            params: The path's labels; in the query protocol defaults of missing members.
            query: The raw query string.
            headers: By names in lower case.
            body: The whole body.

        Raises:
            AwsError: ``SerializationException`` (400): the request cannot be read.
        """
        parser = self._parsers.get(operation.name)
        if parser is None:
            parser = self._parsers[operation.name] = self._compile_parser(operation)
        return parser(params, query, headers, body)

    def _compile_parser(self, operation: Operation) -> Parser:
        if self.protocol == "query":
            return query.compile_parser(self._form_readers, operation)
        make = parse.compile_rest if self.protocol == "rest-json" else parse.compile_json
        return make(self.model, self._readers, operation)

    def validate(self, operation: Operation, request: Mapping[str, Any]) -> None:
        """Check a request against the model's constraints.

        Raises:
            AwsError: All violations in one, in AWS's words.
        """
        as_modelled = self._model_maximum_holds(operation.name, request)
        kept = self._validators_as_modelled if as_modelled else self._validators
        validator = kept.get(operation.name)
        if validator is None:
            make = self.model.deviations.validator
            if make is not None:
                validator = make(self.model, operation)
            else:
                checks = self._checks_as_modelled if as_modelled else self._checks
                validator = checks.compile(operation)
            kept[operation.name] = validator
        validator(request)

    def serialise(
        self, operation: Operation, result: Mapping[str, Any], request_id: str
    ) -> Response:
        """Write a result. Members that are ``None`` or unknown to the model are left out."""
        serialiser = self._serialisers.get(operation.name)
        if serialiser is None:
            serialiser = self._serialisers[operation.name] = self._compile_serialiser(operation)
        return serialiser(result, request_id)

    def _compile_serialiser(self, operation: Operation) -> Serialiser:
        if self.protocol == "query":
            return query.compile_serialiser(self.model, self._xml_writers, operation)
        make = serialise.compile_rest if self.protocol == "rest-json" else serialise.compile_json
        return make(self.model, self._writers, operation)

    def error(self, error: AwsError, request_id: str) -> Response:
        """Write an error."""
        if self.protocol == "query":
            return query.query_error(self.model, error, request_id)
        if self.protocol == "rest-json":
            return serialise.rest_error(self.model, error, request_id)
        return serialise.json_error(self.model, error, request_id)


@cache
def service(
    name: str,
    protocol: str | None = None,
    deviations: Deviations = NONE,
    models: Path | None = None,
) -> ServiceCodec:
    """Return the codec of a service, always the same one.

    Args:
        name: Of its model, as botocore calls it.
        protocol: Where it is not the model's own.
        deviations: Where the service answers otherwise than its model says.
        models: The folder of its model; None for botocore's.

    Raises:
        LookupError: There is no such model.
    """
    model = load(name, deviations, models)
    return ServiceCodec(model, protocol or model.metadata["protocol"])
