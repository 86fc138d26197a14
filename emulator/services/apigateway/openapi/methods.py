"""One operation of a definition becomes a method with its integration.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.apigateway.documents import Document as Body
from emulator.services.apigateway.errors import bad_request
from emulator.services.apigateway.integrations import check, check_headers, new_integration
from emulator.services.apigateway.openapi.reading import Document

_WHERE = {"path": "path", "query": "querystring", "header": "header"}
_REFERENCE = re.compile(r"#/(?:definitions|components/schemas)/([^/]+)")
_JSON = "application/json"


class MethodReader:
    """Reads operations.

    Args:
        document: The definition.
        api: The API that it is of, without its resources.
        validators: The ids of request validators, by name.
        authorizers: The authorizers, by the names of their security schemes.
        name_model: Keeps a schema without a name; returns the name it has then.
    """

    def __init__(
        self,
        document: Document,
        api: Body,
        validators: Mapping[str, str],
        authorizers: Mapping[str, Body],
        name_model: Callable[[Any], str],
    ) -> None:
        self._document = document
        self._api = api
        self._validators = validators
        self._authorizers = authorizers
        self._name_model = name_model

    def read(
        self,
        http_method: str,
        path: str,
        operation: Mapping[str, Any],
        shared: Sequence[Any],
        resource_id: str,
    ) -> Body:
        """Return a method.

        Raises:
            AwsError: Something in it is invalid.
        """
        method: Body = {
            "httpMethod": http_method,
            "authorizationType": "NONE",
            "apiKeyRequired": False,
        }
        if operation.get("operationId"):
            method["operationName"] = str(operation["operationId"])
        method |= self._security(operation)
        parameters = [self._document.resolve(each) for each in (*shared, *self._listed(operation))]
        if found := dict(_parameters(parameters)):
            method["requestParameters"] = found
        if models := self._request_models(operation, parameters):
            method["requestModels"] = models
        validator = operation.get(
            "x-amazon-apigateway-request-validator", self._document.extension("request-validator")
        )
        if validator:
            if validator not in self._validators:
                raise bad_request(f"Invalid Request Validator specified: {validator}")
            method["requestValidatorId"] = self._validators[validator]
        if responses := dict(self._responses(operation)):
            method["methodResponses"] = responses
        integration = operation.get("x-amazon-apigateway-integration")
        if integration:
            where = f"on '{http_method}' for resource at path '{path}'"
            with _unable(f"put integration {where}"):
                found = _integration(integration, resource_id)
                check(found, method, self._api)
            with _unable(f"put integration response {where}"):
                _check_responses(found, method)
            method["methodIntegration"] = found
        return method

    def _listed(self, operation: Mapping[str, Any]) -> list[Any]:
        return list(operation.get("parameters") or [])

    # --- who may call --------------------------------------------------------------------------

    def _security(self, operation: Mapping[str, Any]) -> Body:
        wanted = operation.get("security")
        if wanted is None:
            wanted = self._document.raw.get("security") or []
        auth = operation.get("x-amazon-apigateway-auth")
        found: Body = {}
        if isinstance(auth, Mapping) and auth.get("type"):
            found["authorizationType"] = str(auth["type"]).upper()
        for requirement in wanted:
            for name, scopes in requirement.items():
                found |= self._requirement(name, scopes or [])
        return found

    def _requirement(self, name: str, scopes: Sequence[str]) -> Body:
        scheme = self._document.resolve(self._document.security_schemes.get(name) or {})
        if name in self._authorizers:
            authorizer = self._authorizers[name]
            is_cognito = authorizer["type"] == "COGNITO_USER_POOLS"
            found: Body = {
                "authorizationType": "COGNITO_USER_POOLS" if is_cognito else "CUSTOM",
                "authorizerId": authorizer["id"],
            }
            return {**found, "authorizationScopes": list(scopes)} if scopes else found
        if str(scheme.get("x-amazon-apigateway-authtype")).lower() == "awssigv4":
            return {"authorizationType": "AWS_IAM"}
        is_key = scheme.get("type") == "apiKey"
        if is_key and str(scheme.get("name")).lower() == "x-api-key":
            return {"apiKeyRequired": True}
        return {}

    # --- bodies --------------------------------------------------------------------------------

    def _model(self, schema: Any) -> str:
        match = _REFERENCE.fullmatch(str(schema.get("$ref") or ""))
        return match[1] if match else self._name_model(schema)

    def _request_models(
        self, operation: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]]
    ) -> dict[str, str]:
        if self._document.is_swagger:
            consumes = operation.get("consumes") or self._document.raw.get("consumes") or [_JSON]
            bodies = [each for each in parameters if each.get("in") == "body"]
            return {
                kind: self._model(each["schema"])
                for each in bodies
                if each.get("schema")
                for kind in consumes
            }
        body = self._document.resolve(operation.get("requestBody") or {})
        return {
            kind: self._model(media["schema"])
            for kind, media in (body.get("content") or {}).items()
            if (media or {}).get("schema")
        }

    def _responses(self, operation: Mapping[str, Any]) -> Iterator[tuple[str, Body]]:
        for status, response in (operation.get("responses") or {}).items():
            status = str(status)
            if not re.fullmatch(r"[1-5]\d\d", status):
                continue
            response = self._document.resolve(response or {})
            found: Body = {"statusCode": status}
            names = [f"method.response.header.{each}" for each in response.get("headers") or {}]
            if names:
                found["responseParameters"] = dict.fromkeys(names, False)
            if models := self._response_models(operation, response):
                found["responseModels"] = models
            yield status, found

    def _response_models(
        self, operation: Mapping[str, Any], response: Mapping[str, Any]
    ) -> dict[str, str]:
        if self._document.is_swagger:
            if not response.get("schema"):
                return {}
            produces = operation.get("produces") or self._document.raw.get("produces") or [_JSON]
            return {kind: self._model(response["schema"]) for kind in produces}
        return {
            kind: self._model(media["schema"])
            for kind, media in (response.get("content") or {}).items()
            if (media or {}).get("schema")
        }


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, bool]]:
    for each in parameters:
        place = _WHERE.get(str(each.get("in")))
        if place:
            yield f"method.request.{place}.{each['name']}", bool(each.get("required"))


def _integration(given: Mapping[str, Any], resource_id: str) -> Body:
    """Return the integration that an extension describes."""
    members = dict(given)
    members["type"] = str(given.get("type") or "").upper()
    if members["type"] not in ("HTTP", "HTTP_PROXY", "AWS", "AWS_PROXY", "MOCK"):
        raise bad_request(
            "Enumeration value for IntegrationType must be one of "
            "HTTP,AWS,MOCK,HTTP_PROXY,AWS_PROXY"
        )
    for name in ("passthroughBehavior", "contentHandling", "httpMethod", "responseTransferMode"):
        if given.get(name):
            members[name] = str(given[name]).upper()
    members["requestParameters"] = _texts(given.get("requestParameters"))
    members["requestTemplates"] = _texts(given.get("requestTemplates"))
    if given.get("timeoutInMillis") is not None:
        members["timeoutInMillis"] = int(given["timeoutInMillis"])
    integration = new_integration(members, resource_id)
    responses = {}
    for pattern, response in (given.get("responses") or {}).items():
        status = str(response.get("statusCode") or "200")
        found: Body = {"statusCode": status}
        if pattern != "default":
            found["selectionPattern"] = str(pattern)
        for name in ("responseParameters", "responseTemplates"):
            if texts := _texts(response.get(name)):
                found[name] = texts
        if response.get("contentHandling"):
            found["contentHandling"] = str(response["contentHandling"]).upper()
        responses[status] = found
    if responses:
        integration["integrationResponses"] = responses
    return integration


def _check_responses(integration: Body, method: Body) -> None:
    """Check the headers of an integration's responses; others than the method's have none."""
    declared = method.get("methodResponses") or {}
    for status, response in (integration.get("integrationResponses") or {}).items():
        check_headers(response, declared.get(status) or {})


@contextmanager
def _unable(what: str) -> Iterator[None]:
    """Say of an error what cannot be done for it."""
    try:
        yield
    except AwsError as error:
        raise AwsError(error.code, f"Unable to {what}: {error.message}") from None


def _texts(given: Any) -> dict[str, str]:
    """Return a map of texts; what is none became one when it was written as JSON."""
    import json

    return {
        str(key): value if isinstance(value, str) else json.dumps(value)
        for key, value in (given or {}).items()
        if value is not None
    }
