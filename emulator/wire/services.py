"""One service in one protocol, and which of them a request means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from emulator.model.errors import AwsError
from emulator.wire import (
    overrides,
    parse,
    query,
    routing,
    serialise,
    validate,
    validate_sqs,
    values,
)
from emulator.wire.model import Operation, ServiceModel, load
from emulator.wire.parse import Parser
from emulator.wire.serialise import Response, Serialiser
from emulator.wire.validate import Validator

_TARGETS = {"AmazonSQS": "sqs", "Logs_20140328": "logs"}
_VERSIONS = {"2012-11-05": "sqs", "2011-06-15": "sts"}
#: The service in the credential scope of a signature.
_SCOPE = re.compile(r"Credential=[^,\s]*?/\d{8}/[^/,\s]+/([a-z0-9-]+)/aws4_request")
#: Parameters of a form that say whom it is for, where it can't be decoded.
_PLAIN = re.compile(rb"(?:^|&)(Action|Version)=([\w-]+)")


class Target(NamedTuple):
    """What a request of the json or query protocol means."""

    #: ``sqs``, ``logs`` or ``sts``.
    service: str
    #: ``json`` or ``query``.
    protocol: str
    #: The operation's wire name, unchecked.
    operation: str


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
        self._managed_checks = validate.Validators(model, ordinary=False)
        self._parsers: dict[str, Parser] = {}
        self._validators: dict[str, Validator] = {}
        self._managed_validators: dict[str, Validator] = {}
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
        managed = (
            overrides.MANAGED_INSTANCES in request or operation.name in overrides.PERHAPS_MANAGED
        )
        kept = self._managed_validators if managed else self._validators
        validator = kept.get(operation.name)
        if validator is None:
            if self.name == "sqs":
                validator = validate_sqs.compile_required(self.model, operation)
            else:
                checks = self._managed_checks if managed else self._checks
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


def service(name: str, protocol: str | None = None) -> ServiceCodec:
    """Return the codec of a service, always the same one.

    Args:
        name: ``lambda``, ``sqs``, ``logs`` or ``sts``.
        protocol: ``query`` for SQS's older clients; else the model's own.

    Raises:
        LookupError: There is no such service in the installed botocore.
    """
    return _codec(name, protocol or load(name).metadata["protocol"])


@cache
def _codec(name: str, protocol: str) -> ServiceCodec:
    return ServiceCodec(load(name), protocol)


def identify(
    headers: Mapping[str, str], query_string: str, body: bytes, default: str | None = None
) -> Target | None:
    """Find which service and operation a json or query request means.

    Args:
        default: The service of a query request that names none.

    Returns:
        ``None`` if it is neither, or for a service that is not spoken here.

    Raises:
        AwsError: ``SerializationException``: a query string that is not UTF-8.
    """
    target = headers.get("x-amz-target")
    if target is not None:
        prefix, _, operation = target.partition(".")
        return Target(_TARGETS[prefix], "json", operation) if prefix in _TARGETS else None
    parameters = values.parse_query_string(query_string)
    if "Action" not in parameters:
        if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return None
        try:
            parameters = query.form(query_string, body)
        except AwsError:
            # What is wrong with it is said by the service it is for, in its protocol.
            parameters = {name.decode(): [text.decode()] for name, text in _PLAIN.findall(body)}
        if "Action" not in parameters:
            return None
    name = _VERSIONS.get(parameters.get("Version", [""])[0])
    if name is None and "Version" not in parameters:
        scope = _SCOPE.search(headers.get("authorization", ""))
        name = scope.group(1) if scope else default
    if name not in _VERSIONS.values():
        return None
    return Target(str(name), "query", parameters["Action"][0])
