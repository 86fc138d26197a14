"""Definitions become APIs: ImportRestApi and PutRestApi.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.apigateway import documentation, gateway_responses, resources
from emulator.services.apigateway.authorizers import new_authorizer
from emulator.services.apigateway.documents import Document as Body
from emulator.services.apigateway.documents import drop, new_id
from emulator.services.apigateway.errors import bad_request
from emulator.services.apigateway.openapi.methods import MethodReader
from emulator.services.apigateway.openapi.reading import Document, mapping, read
from emulator.services.apigateway.rest_apis import check_type, new_api, shown
from emulator.services.apigateway.state import api_of, keep_api
from emulator.services.context import Context, Request, Response

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ANY = "x-amazon-apigateway-any-method"
#: Bytes of a definition that would hold up the loop.
_LONG = 100_000
#: What of an API a definition has many of.
_OWN = ("authorizers", "gatewayResponses", "models", "resources", "validators")
_REFERENCE = re.compile(r"#/(?:definitions|components/schemas)/([^/]+)")


async def import_rest_api(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_ImportRestApi.html."""
    document = Document(await read(request["body"]))
    given = {
        "name": document.info.get("title") or "Untitled",
        "endpointConfiguration": _endpoint(document, request.get("parameters") or {}),
    }
    name = str(given["name"])
    api_id = ctx.parts.hosts.new_api_id(ctx.account, ctx.region, name, {})
    api = new_api(given, ctx.clock.now(), api_id, models=False)
    api, warnings = await _imported(document, api, request)
    _refuse_warnings(request, warnings)
    await keep_api(ctx, api)
    answer = shown(api, created=True)
    return {**answer, "warnings": warnings} if warnings else answer


async def put_rest_api(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_PutRestApi.html."""
    api_of(ctx, request["restApiId"])
    document = Document(await read(request["body"]))
    held, seen = api_of(ctx, request["restApiId"]), None
    while seen is not held:
        # What was changed while the definition was read is not lost.
        seen = held
        is_new = (request.get("mode") or "merge") == "overwrite"
        api, warnings = await _imported(document, _emptied(held) if is_new else held, request)
        held = api_of(ctx, request["restApiId"])
    _refuse_warnings(request, warnings)
    await keep_api(ctx, api)
    answer = shown(api)
    return {**answer, "warnings": warnings} if warnings else answer


async def _imported(document: Document, api: Body, request: Request) -> tuple[Body, list[str]]:
    """Return an API with what a definition says, and warnings; a long one is read in a thread."""
    work = Importer(document, api, request.get("parameters") or {}).result
    return await asyncio.to_thread(work) if len(request["body"]) > _LONG else work()


def _refuse_warnings(request: Request, warnings: list[str]) -> None:
    if warnings and request.get("failOnWarnings"):
        raise bad_request(
            "Warnings found during import:\n" + "".join(f"\t{each}\n" for each in warnings)
        )


def _endpoint(document: Document, parameters: Mapping[str, str]) -> dict[str, Any]:
    endpoint: dict[str, Any] = {}
    declared = document.endpoint
    if declared.get("vpcEndpointIds"):
        endpoint["vpcEndpointIds"] = list(declared["vpcEndpointIds"])
    if declared.get("types"):
        endpoint["types"] = list(declared["types"])
    if declared.get("ipAddressType"):
        endpoint["ipAddressType"] = declared["ipAddressType"]
    if parameters.get("endpointConfigurationTypes"):
        endpoint["types"] = [parameters["endpointConfigurationTypes"].upper()]
        check_type(endpoint["types"][0])
    return endpoint


def _emptied(api: Body) -> Body:
    """Return an API without what a definition says: its stages and deployments stay."""
    root = api["api"]["rootResourceId"]
    own = ("description", "version", "binaryMediaTypes", "minimumCompressionSize", "policy")
    return {
        "api": {k: v for k, v in api["api"].items() if k not in own},
        "resources": {root: {"id": root, "path": "/"}},
        **{k: api[k] for k in ("deployments", "stages", "documentationVersions") if k in api},
    }


class Importer:
    """Puts a definition into an API; what the API has and it has not stays."""

    def __init__(self, document: Document, api: Body, parameters: Mapping[str, str]) -> None:
        self._document = document
        #: A copy, in which these maps are its own: they are changed in place.
        self._api = {**api, **{name: dict(api.get(name) or {}) for name in _OWN}}
        self._added = [name for name in _OWN if name not in api]
        self._tree = _Tree(self._api["resources"])
        self._parameters = parameters
        self.warnings: list[str] = []

    def result(self) -> tuple[Body, list[str]]:
        """Return the API, and what was left out of it.

        Raises:
            AwsError: Something in the definition is invalid.
        """
        errors: list[str] = []
        try:
            self._settings()
            self._models()
            self._gateway_responses(errors)
            validators = self._validators()
            authorizers = self._authorizers()
            reader = MethodReader(
                self._document, self._api["api"], validators, authorizers, self._inline_model
            )
            for path, item in self._document.paths():
                self._path(path, item, reader, errors)
            self._documentation()
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            # A definition may have anything anywhere.
            raise bad_request(f"Invalid OpenAPI input: {error}") from error
        if errors:
            text = "Errors found during import:" + "".join(f"\n\t{each}" for each in errors)
            if self.warnings:
                text += "\nAdditionally, these warnings were found:"
                text += "".join(f"\n\t{each}" for each in self.warnings)
            raise bad_request(text)
        empty = [name for name in self._added if not self._api[name]]
        return {k: v for k, v in self._api.items() if k not in empty}, self.warnings

    # --- the API as a whole --------------------------------------------------------------------

    def _settings(self) -> None:
        document, api = self._document, dict(self._api["api"])
        info = document.info
        if info.get("title"):
            api["name"] = str(info["title"])
        if info.get("description"):
            api["description"] = str(info["description"])
        if info.get("version") is not None:
            api["version"] = str(info["version"])
        types = document.extension("binary-media-types")
        if types:
            held = api.get("binaryMediaTypes") or []
            api["binaryMediaTypes"] = list(dict.fromkeys([*held, *map(str, types)]))
        size = document.extension("minimum-compression-size")
        if size is not None:
            api["minimumCompressionSize"] = int(size)
        source = document.extension("api-key-source")
        if source:
            api["apiKeySource"] = str(source).upper()
        policy = document.extension("policy")
        if policy:
            api["policy"] = json.dumps(policy, separators=(",", ":"))
        endpoint = _endpoint(document, self._parameters)
        if document.endpoint.get("disableExecuteApiEndpoint") is not None:
            api["disableExecuteApiEndpoint"] = bool(document.endpoint["disableExecuteApiEndpoint"])
        if endpoint:
            api["endpointConfiguration"] = {**api["endpointConfiguration"], **endpoint}
        self._api = {**self._api, "api": api}

    def _models(self) -> None:
        for name, schema in self._document.schemas.items():
            self._add_model(str(name), schema)

    def _add_model(self, name: str, schema: Any) -> None:
        if not re.fullmatch(r"[a-zA-Z0-9]+", name):
            raise bad_request(
                f"Unable to create model for '{name}': Model name must be alphanumeric: {name}"
            )
        held = (self._api.get("models") or {}).get(name)
        model = {
            "id": held["id"] if held else new_id(),
            "name": name,
            "contentType": "application/json",
            "schema": json.dumps(self._with_references(schema), indent=2),
        }
        if isinstance(schema, Mapping) and schema.get("description"):
            model["description"] = str(schema["description"])
        self._api["models"][name] = model

    def _with_references(self, schema: Any) -> Any:
        """Return a schema whose references are the addresses of models."""
        if isinstance(schema, list):
            return [self._with_references(each) for each in schema]
        if not isinstance(schema, Mapping):
            return schema
        found = {}
        for key, value in schema.items():
            match = (
                _REFERENCE.fullmatch(value) if key == "$ref" and isinstance(value, str) else None
            )
            if match:
                api_id = self._api["api"]["id"]
                value = f"https://apigateway.amazonaws.com/restapis/{api_id}/models/{match[1]}"
            found[key] = self._with_references(value)
        return found

    def _inline_model(self, schema: Any) -> str:
        """Keep a schema that has no name as a model; returns the model's name."""
        name = f"MODEL{new_id()}"
        self._add_model(name, schema)
        return name

    def _gateway_responses(self, errors: list[str]) -> None:
        for kind, given in (self._document.extension("gateway-responses") or {}).items():
            if kind not in gateway_responses.STATUS:
                self.warnings.append(f"Invalid gateway response type specified: {kind}")
                continue
            response: Body = {
                "responseType": kind,
                "responseParameters": dict(given.get("responseParameters") or {}),
                "responseTemplates": dict(given.get("responseTemplates") or {}),
                "defaultResponse": False,
            }
            if not response["responseTemplates"]:
                response["responseTemplates"] = {"application/json": gateway_responses.TEMPLATE}
            status = given.get("statusCode") or gateway_responses.STATUS[kind]
            if status:
                response["statusCode"] = str(status)
            try:
                gateway_responses.check_parameters(response["responseParameters"])
            except AwsError as error:
                errors.append(error.message)
            self._api["gatewayResponses"][kind] = response

    def _validators(self) -> dict[str, str]:
        """Keep the request validators; returns their ids by name."""
        ids = {
            each.get("name", ""): key for key, each in (self._api.get("validators") or {}).items()
        }
        for name, given in (self._document.extension("request-validators") or {}).items():
            key = ids.setdefault(name, new_id())
            validator = {
                "id": key,
                "name": name,
                "validateRequestBody": bool(given.get("validateRequestBody")),
                "validateRequestParameters": bool(given.get("validateRequestParameters")),
            }
            self._api["validators"][key] = validator
        return ids

    def _authorizers(self) -> dict[str, Body]:
        """Keep the authorizers; returns them by the names of their security schemes."""
        found = {each["name"]: each for each in (self._api.get("authorizers") or {}).values()}
        for name, scheme in self._document.security_schemes.items():
            scheme = self._document.resolve(scheme)
            given = scheme.get("x-amazon-apigateway-authorizer")
            if not given or scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
                continue
            authorizer = new_authorizer(_authorizer_members(str(name), scheme, given))
            if name in found:
                authorizer["id"] = found[name]["id"]
            found[name] = authorizer
            self._api["authorizers"][authorizer["id"]] = authorizer
        return found

    def _documentation(self) -> None:
        described = self._document.extension("documentation") or {}
        parts = described.get("documentationParts") or ()
        self._api, _ = documentation.with_parts(self._api, parts)

    # --- paths ---------------------------------------------------------------------------------

    def _path(
        self, path: str, item: Mapping[str, Any], reader: MethodReader, errors: list[str]
    ) -> None:
        """Put the methods of a path into the API; what can't be is added to ``errors``."""
        full = f"{self._prefix()}{path}" if path != "/" else self._prefix() or "/"
        try:
            resource_id = self._tree.at(self._api["api"]["rootResourceId"], full)
        except AwsError as error:
            errors.append(error.message)
            return
        shared = item.get("parameters") or []
        for name, operation in item.items():
            if name.lower() not in _METHODS and name != _ANY:
                continue
            http_method = "ANY" if name == _ANY else name.upper()
            try:
                method = reader.read(http_method, full, operation or {}, shared, resource_id)
            except AwsError as error:
                errors.append(error.message)
                continue
            self._drop_unknown_models(method)
            self._tree.put_method(resource_id, http_method, method)

    def _drop_unknown_models(self, method: Body) -> None:
        """Take the models that there are not out of a new method, and warn of them."""
        held = self._api.get("models") or {}
        places = [(method, "requestModels")]
        places += [
            (each, "responseModels") for each in (method.get("methodResponses") or {}).values()
        ]
        for owner, name in places:
            models = owner.get(name) or {}
            for kind, model in list(models.items()):
                if model not in held:
                    # In these words: https://github.com/amazon-archives/aws-apigateway-importer/issues/194
                    self.warnings.append(f"Reference to model '{model}' not found. Ignoring.")
                    del models[kind]
            if name in owner and not models:
                del owner[name]

    def _prefix(self) -> str:
        """Return what is put before the paths, by the parameter ``basepath``."""
        base, mode = self._document.base_path, self._parameters.get("basepath") or "ignore"
        if mode == "prepend":
            return f"/{base}" if base else ""
        if mode == "split":
            # The first part is for a base path mapping.
            rest = base.partition("/")[2]
            return f"/{rest}" if rest else ""
        return ""


class _Tree:
    """The resources of an API, found by their paths: thousands come with one definition.

    Args:
        resources: By id; changed in place.
    """

    def __init__(self, resources: dict[str, Body]) -> None:
        self._resources = resources
        #: The ids below each resource, by path part.
        self._below: dict[str, dict[str, str]] = {}
        #: The one below each resource whose path part is a variable.
        self._variable: dict[str, str] = {}
        for each in resources.values():
            self._place(each)

    def _place(self, resource: Body) -> None:
        above, part = resource.get("parentId", ""), resource.get("pathPart", "")
        self._below.setdefault(above, {})[part] = resource["id"]
        if part.startswith("{"):
            self._variable[above] = resource["id"]

    def at(self, root: str, path: str) -> str:
        """Return the id of the resource at a path, made with those above it.

        Raises:
            AwsError: It can't be there.
        """
        at = root
        for part in [each for each in path.split("/") if each]:
            at = self._below.get(at, {}).get(part) or self._make(at, part, path)
        return at

    def _make(self, above: str, part: str, path: str) -> str:
        variable = self._variable.get(above)
        siblings = () if variable is None else (self._resources[variable],)
        try:
            made = resources.made(self._resources[above], part, siblings)
        except AwsError as error:
            text = f"Unable to create resource at path '{path}': {error.message}"
            raise AwsError(error.code, text) from None
        made_id: str = made["id"]
        self._resources[made_id] = made
        self._place(made)
        return made_id

    def put_method(self, resource_id: str, http_method: str, method: Body) -> None:
        """Give a resource a method."""
        held = self._resources[resource_id]
        methods = {**(held.get("methods") or {}), http_method: method}
        self._resources[resource_id] = {**held, "methods": methods}


def _authorizer_members(
    name: str, scheme: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what CreateAuthorizer would be given for a security scheme."""
    kind = str(given.get("type") or "token").upper()
    members = {
        "name": name,
        "type": kind,
        "authType": scheme.get("x-amazon-apigateway-authtype"),
        **{k: v for k, v in given.items() if k != "type"},
    }
    if kind == "COGNITO_USER_POOLS":
        # The token is where the scheme says (recorded).
        members["authType"] = "cognito_user_pools"
    if kind != "REQUEST" and not members.get("identitySource"):
        members["identitySource"] = f"method.request.header.{scheme.get('name', 'Authorization')}"
    if members.get("authorizerResultTtlInSeconds") is not None:
        members["authorizerResultTtlInSeconds"] = int(members["authorizerResultTtlInSeconds"])
    return members


async def import_documentation_parts(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_ImportDocumentationParts.html."""
    api_of(ctx, request["restApiId"])
    document = await read(request["body"])
    api = api_of(ctx, request["restApiId"])
    described = mapping(document.get("x-amazon-apigateway-documentation"))
    parts = described.get("documentationParts")
    if not isinstance(parts, list):
        raise bad_request("The document has no x-amazon-apigateway-documentation")
    if request.get("mode") == "overwrite":
        api = drop(api, ["documentation"])
    api, ids = documentation.with_parts(api, parts)
    await keep_api(ctx, api)
    return {"ids": ids, "warnings": []}
