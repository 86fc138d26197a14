"""OpenAPI 3 documents as the parts of an HTTP API, and back.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from emulator.model import plain_yaml
from emulator.services.apigatewayv2.errors import bad_request
from emulator.services.apigatewayv2.state import Body

_INTEGRATION = "x-amazon-apigateway-integration"
_AUTHORIZER = "x-amazon-apigateway-authorizer"
_ANY = "x-amazon-apigateway-any-method"
_CORS = "x-amazon-apigateway-cors"
_TAG = "x-amazon-apigateway-tag-value"
_AUTHTYPE = "x-amazon-apigateway-authtype"
_SHARED = "x-amazon-apigateway-integrations"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
#: Members of an integration by their names in documents, where those are not the model's.
_MEMBERS = {
    "type": "IntegrationType",
    "uri": "IntegrationUri",
    "httpMethod": "IntegrationMethod",
    "credentials": "CredentialsArn",
}
_PLAIN = (
    "connectionId",
    "connectionType",
    "description",
    "integrationSubtype",
    "passthroughBehavior",
    "payloadFormatVersion",
    "requestParameters",
    "requestTemplates",
    "responseParameters",
    "timeoutInMillis",
    "tlsConfig",
)
_MEMBERS |= {name: name[0].upper() + name[1:] for name in _PLAIN}
_CORS_MEMBERS = (
    "allowCredentials",
    "allowHeaders",
    "allowMethods",
    "allowOrigins",
    "exposeHeaders",
    "maxAge",
)


@dataclass(slots=True)
class Imported:
    """What a document says. Routes name integrations and authorizers by their keys here."""

    api: Body
    integrations: dict[str, Body] = field(default_factory=dict)
    authorizers: dict[str, Body] = field(default_factory=dict)
    routes: list[Body] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


async def read(text: str) -> dict[str, Any]:
    """Return a document of JSON or YAML.

    Raises:
        AwsError: BadRequestException.
    """
    try:
        try:
            found = json.loads(text)
        except ValueError:
            found = await plain_yaml.read(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not str(found.get("openapi", "")).startswith("3."):
        raise bad_request("Unable to parse the document: only OpenAPI 3.0 documents are supported")
    return found


def plan(document: Mapping[str, Any], base_path: str = "ignore") -> Imported:
    """Return the parts of the API that a document describes.

    Args:
        document: As :func:`read` returns it.
        base_path: What becomes of the path of its server: "ignore", "prepend", or "split" (all but
            its first part is prepended).

    Raises:
        AwsError: BadRequestException.
    """
    info = _mapping(document.get("info"), "info")
    if not info.get("title"):
        raise bad_request("The document has no info.title")
    api: Body = {"Name": str(info["title"]), "ProtocolType": "HTTP"}
    for name, member in (("version", "Version"), ("description", "Description")):
        if info.get(name) is not None:
            api[member] = str(info[name])
    if _CORS in document:
        api["CorsConfiguration"] = _cors(_mapping(document[_CORS], _CORS))
    tags = {
        str(each["name"]): str(each[_TAG])
        for each in document.get("tags") or []
        if isinstance(each, Mapping) and _TAG in each
    }
    if tags:
        api["Tags"] = tags
    found = Imported(api)
    components = _mapping(document.get("components") or {}, "components")
    schemes = _mapping(components.get("securitySchemes") or {}, "securitySchemes")
    for name, scheme in schemes.items():
        if isinstance(scheme, Mapping) and _AUTHORIZER in scheme:
            found.authorizers[name] = _authorizer(name, _mapping(scheme[_AUTHORIZER], name))
    prefix = _prefix(document, base_path)
    for path, method, operation in _operations(document):
        _add(found, document, prefix, path, method, operation)
    return found


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield path, method ("ANY" for all) and operation."""
    for path, item in _mapping(document.get("paths") or {}, "paths").items():
        for name, operation in _mapping(item or {}, path).items():
            if name == _ANY:
                yield path, "ANY", _mapping(operation, path)
            elif name.lower() in _METHODS:
                yield path, name.upper(), _mapping(operation, path)


def _add(
    found: Imported,
    document: Mapping[str, Any],
    prefix: str,
    path: str,
    method: str,
    operation: Mapping[str, Any],
) -> None:
    """Add the route of an operation, and its integration."""
    is_default = operation.get("isDefaultRoute") or path.lstrip("/") == "$default"
    full = f"{prefix}{path if path.startswith('/') else '/' + path}"
    route: Body = {"RouteKey": "$default" if is_default else f"{method} {full}"}
    if operation.get("operationId"):
        route["OperationName"] = str(operation["operationId"])
    given = operation.get(_INTEGRATION)
    if given is None:
        found.warnings.append(f"No integration for {route['RouteKey']}: it is not reachable")
    else:
        key = route["RouteKey"]
        given = _mapping(given, key)
        if "$ref" in given:
            key = str(given["$ref"])
            given = _resolve(document, key)
        found.integrations.setdefault(key, _integration(given, route["RouteKey"]))
        route["Target"] = key
    _secure(found, document, operation, route)
    found.routes.append(route)


def _secure(
    found: Imported, document: Mapping[str, Any], operation: Mapping[str, Any], route: Body
) -> None:
    wanted = operation.get("security", document.get("security")) or []
    schemes = (document.get("components") or {}).get("securitySchemes") or {}
    for requirement in wanted:
        for name, scopes in _mapping(requirement, "security").items():
            if name in found.authorizers:
                is_jwt = found.authorizers[name]["AuthorizerType"] == "JWT"
                route["AuthorizationType"] = "JWT" if is_jwt else "CUSTOM"
                route["AuthorizerId"] = name
                if is_jwt and scopes:
                    route["AuthorizationScopes"] = [str(each) for each in scopes]
                return
            scheme = schemes.get(name) or {}
            if str(scheme.get(_AUTHTYPE, "")).lower() == "awssigv4" or name == "AWS_IAM":
                route["AuthorizationType"] = "AWS_IAM"
                return
            found.warnings.append(f"{route['RouteKey']}: {name} is no authorizer, and is ignored")


def _integration(given: Mapping[str, Any], route_key: str) -> Body:
    made: Body = {}
    for name, member in _MEMBERS.items():
        if given.get(name) is not None:
            made[member] = given[name]
    if "IntegrationType" not in made:
        raise bad_request(f"The integration of {route_key} has no type")
    made["IntegrationType"] = str(made["IntegrationType"]).upper()
    for name in ("PayloadFormatVersion", "IntegrationUri"):
        if name in made:
            made[name] = str(made[name])
    for name in ("IntegrationMethod", "ConnectionType"):
        if name in made:
            made[name] = str(made[name]).upper()
    if "TimeoutInMillis" in made:
        made["TimeoutInMillis"] = int(made["TimeoutInMillis"])
    if "RequestParameters" in made:
        made["RequestParameters"] = {k: str(v) for k, v in made["RequestParameters"].items()}
    made.pop("PassthroughBehavior", None)
    return made


def _authorizer(name: str, given: Mapping[str, Any]) -> Body:
    kind = str(given.get("type", "")).upper()
    source = given.get("identitySource")
    sources = source if isinstance(source, list) else str(source or "").split(",")
    made: Body = {
        "AuthorizerType": kind,
        "IdentitySource": [str(each).strip() for each in sources if str(each).strip()],
        "Name": str(given.get("name") or name),
    }
    if kind == "JWT":
        jwt = _mapping(given.get("jwtConfiguration") or {}, name)
        audience = jwt.get("audience") or []
        made["JwtConfiguration"] = {
            "Issuer": str(jwt.get("issuer", "")),
            "Audience": [str(a) for a in ([audience] if isinstance(audience, str) else audience)],
        }
        return made
    for key, member in (
        ("authorizerUri", "AuthorizerUri"),
        ("authorizerCredentials", "AuthorizerCredentialsArn"),
        ("authorizerPayloadFormatVersion", "AuthorizerPayloadFormatVersion"),
    ):
        if given.get(key) is not None:
            made[member] = str(given[key])
    if given.get("authorizerResultTtlInSeconds") is not None:
        made["AuthorizerResultTtlInSeconds"] = int(given["authorizerResultTtlInSeconds"])
    if given.get("enableSimpleResponses") is not None:
        made["EnableSimpleResponses"] = str(given["enableSimpleResponses"]).lower() == "true"
    return made


def _cors(given: Mapping[str, Any]) -> Body:
    made: Body = {}
    for name in _CORS_MEMBERS:
        value = given.get(name)
        if value is None:
            continue
        if name == "maxAge":
            value = int(value)
        elif name == "allowCredentials":
            value = str(value).lower() == "true"
        elif isinstance(value, str):
            value = [each.strip() for each in value.split(",")]
        made[name[0].upper() + name[1:]] = value
    return made


def _prefix(document: Mapping[str, Any], base_path: str) -> str:
    if base_path not in ("ignore", "prepend", "split"):
        raise bad_request("basepath must be one of ignore, prepend and split")
    servers = document.get("servers") or []
    if base_path == "ignore" or not servers:
        return ""
    server = _mapping(servers[0], "servers")
    path = urlsplit(str(server.get("url", ""))).path
    for name, variable in _mapping(server.get("variables") or {}, "variables").items():
        path = path.replace(f"{{{name}}}", str(variable.get("default", "")).strip("/"))
    path = path.rstrip("/")
    if base_path == "split":
        path = "".join(f"/{part}" for part in path.strip("/").split("/")[1:])
    return path


def _resolve(document: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise bad_request(f"Unable to resolve {reference}")
    return found


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise bad_request(f"Unable to parse the document: {where} is no object")
    return value


# --- and back ----------------------------------------------------------------------------------


def write(
    api: Body, held: Mapping[str, Mapping[str, Body]], *, extensions: bool = True
) -> dict[str, Any]:
    """Return the document of an HTTP API.

    Args:
        api: The API.
        held: Its routes, integrations and authorizers, by kind and id.
        extensions: With what only API Gateway understands.
    """
    document: dict[str, Any] = {
        "openapi": "3.0.1",
        "info": {"title": api["Name"], "version": api.get("Version") or "1.0"},
        "servers": [
            {
                "url": f"{api['ApiEndpoint']}/{{basePath}}",
                "variables": {"basePath": {"default": ""}},
            }
        ],
        "paths": {},
    }
    if api.get("Description"):
        document["info"]["description"] = api["Description"]
    tags = api.get("Tags") or {}
    if tags:
        document["tags"] = [
            {"name": key, **({_TAG: value} if extensions else {})} for key, value in tags.items()
        ]
    schemes: dict[str, Any] = {}
    for route in held["routes"].values():
        _write_route(document, schemes, route, held, extensions)
    if schemes:
        document["components"] = {"securitySchemes": schemes}
    cors = api.get("CorsConfiguration")
    if cors and extensions:
        document[_CORS] = {name[0].lower() + name[1:]: value for name, value in cors.items()}
    if extensions:
        document["x-amazon-apigateway-importexport-version"] = "1.0"
    return document


def _write_route(
    document: dict[str, Any],
    schemes: dict[str, Any],
    route: Body,
    held: Mapping[str, Mapping[str, Body]],
    extensions: bool,
) -> None:
    is_default = route["RouteKey"] == "$default"
    method, _, path = ("ANY", "", "/$default") if is_default else route["RouteKey"].partition(" ")
    operation: dict[str, Any] = {}
    if route.get("OperationName"):
        operation["operationId"] = route["OperationName"]
    names = [part.strip("{}+") for part in path.split("/") if part.startswith("{")]
    if names:
        operation["parameters"] = [
            {"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names
        ]
    operation["responses"] = {"default": {"description": f"Default response for {method} {path}"}}
    authorizer = held["authorizers"].get(route.get("AuthorizerId", ""))
    if authorizer is not None:
        operation["security"] = [{authorizer["Name"]: route.get("AuthorizationScopes") or []}]
        schemes[authorizer["Name"]] = _write_authorizer(authorizer, extensions)
    elif route.get("AuthorizationType") == "AWS_IAM":
        operation["security"] = [{"sigv4": []}]
        schemes["sigv4"] = {"type": "apiKey", "name": "Authorization", "in": "header"}
        if extensions:
            schemes["sigv4"][_AUTHTYPE] = "awsSigv4"
    integration = held["integrations"].get(str(route.get("Target", "")).rpartition("/")[2])
    if extensions and integration is not None:
        operation[_INTEGRATION] = {
            name: str(integration[member]).lower() if name == "type" else integration[member]
            for name, member in _MEMBERS.items()
            if integration.get(member) is not None
        }
    if is_default and extensions:
        operation["isDefaultRoute"] = True
    name = method.lower() if method != "ANY" else _ANY
    if method != "ANY" or extensions:
        document["paths"].setdefault(path, {})[name] = operation


def _write_authorizer(authorizer: Body, extensions: bool) -> dict[str, Any]:
    is_jwt = authorizer["AuthorizerType"] == "JWT"
    made: dict[str, Any] = (
        {"type": "oauth2", "flows": {}}
        if is_jwt
        else {"type": "apiKey", "name": "Unused", "in": "header"}
    )
    if not extensions:
        return made
    written: dict[str, Any] = {"type": "jwt" if is_jwt else "request"}
    if authorizer.get("IdentitySource"):
        written["identitySource"] = ",".join(authorizer["IdentitySource"])
    if is_jwt:
        jwt = authorizer.get("JwtConfiguration") or {}
        written["jwtConfiguration"] = {name[0].lower() + name[1:]: v for name, v in jwt.items()}
    for name in (
        "AuthorizerUri",
        "AuthorizerPayloadFormatVersion",
        "AuthorizerResultTtlInSeconds",
        "EnableSimpleResponses",
    ):
        if authorizer.get(name) is not None:
            written[name[0].lower() + name[1:]] = authorizer[name]
    if authorizer.get("AuthorizerCredentialsArn"):
        written["authorizerCredentials"] = authorizer["AuthorizerCredentialsArn"]
    made[_AUTHORIZER] = written
    return made
