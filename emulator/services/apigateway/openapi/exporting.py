"""APIs become definitions: GetExport.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetExport.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.errors import bad_request
from emulator.services.apigateway.resources import all_methods
from emulator.services.apigateway.stages import stage_of
from emulator.services.apigateway.state import api_of, of
from emulator.services.context import Context, Request, Response

_PLACES = {"path": "path", "querystring": "query", "header": "header"}
_LOWERED = ("passthroughBehavior", "type", "connectionType")
#: Members of integrations that a definition does not have.
_OWN = ("cacheNamespace", "cacheKeyParameters", "integrationResponses", "timeoutInMillis")


async def get_export(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetExport.html."""
    api = api_of(ctx, request["restApiId"])
    stage = stage_of(api, request["stageName"])
    kind = request["exportType"]
    if kind not in ("swagger", "oas30"):
        raise bad_request(f"No API exporter for type '{kind}'")
    key = f"{api['api']['id']}/{stage['deploymentId']}"
    deployed = of(ctx).snapshots.find(ctx.account, ctx.region, key) or api
    wanted = (request.get("parameters") or {}).get("extensions") or ""
    made = _Exporter(ctx, deployed, stage["stageName"], kind == "swagger", wanted).document()
    accepts = request.get("accepts") or "application/json"
    if "yaml" in accepts:
        import yaml

        text, ending = yaml.safe_dump(made, sort_keys=False), "yaml"
    else:
        text, ending = json.dumps(made, indent=2), "json"
    version = made["info"].get("version", "")
    return {
        "contentType": "application/octet-stream",
        "contentDisposition": f'attachment; filename="{kind}_{version}.{ending}"',
        "body": text.encode(),
    }


class _Exporter:
    def __init__(
        self, ctx: Context, api: Mapping[str, Any], stage: str, is_swagger: bool, wanted: str
    ) -> None:
        self._api = api
        self._is_swagger = is_swagger
        self._stage = stage
        self._host = f"{api['api']['id']}.execute-api.{ctx.region}.amazonaws.com"
        names = {each.strip() for each in wanted.split(",")}
        self._integrations = bool(names & {"integrations", "apigateway"})
        self._authorizers = bool(names & {"authorizers", "apigateway"})

    def document(self) -> dict[str, Any]:
        """Return the definition."""
        api = self._api["api"]
        info = {"title": api["name"]}
        if api.get("description"):
            info["description"] = api["description"]
        info["version"] = api.get("version") or str(api["createdDate"])
        made: dict[str, Any]
        if self._is_swagger:
            made = {
                "swagger": "2.0",
                "info": info,
                "host": self._host,
                "basePath": f"/{self._stage}",
                "schemes": ["https"],
            }
        else:
            server = {
                "url": f"https://{self._host}/{{basePath}}",
                "variables": {"basePath": {"default": self._stage}},
            }
            made = {"openapi": "3.0.1", "info": info, "servers": [server]}
        made["paths"] = self._paths()
        self._add_parts(made)
        if self._integrations and api.get("binaryMediaTypes"):
            made["x-amazon-apigateway-binary-media-types"] = api["binaryMediaTypes"]
        return made

    def _paths(self) -> dict[str, Any]:
        paths: dict[str, Any] = {}
        for path, name, method in sorted(all_methods(self._api), key=lambda each: each[:2]):
            key = "x-amazon-apigateway-any-method" if name == "ANY" else name.lower()
            paths.setdefault(path, {})[key] = self._operation(method)
        return paths

    def _operation(self, method: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if method.get("operationName"):
            made["operationId"] = method["operationName"]
        models: Mapping[str, str] = method.get("requestModels") or {}
        if self._is_swagger and models:
            made["consumes"] = list(models)
        produces = sorted(
            {kind for each in self._responses_of(method) for kind in each.get("responseModels", {})}
        )
        if self._is_swagger and produces:
            made["produces"] = produces
        parameters = self._parameters(method.get("requestParameters") or {})
        if self._is_swagger:
            parameters += [self._body(name) for name in list(models.values())[:1]]
        if parameters:
            made["parameters"] = parameters
        if not self._is_swagger and models:
            content = {kind: {"schema": self._reference(name)} for kind, name in models.items()}
            made["requestBody"] = {"content": content, "required": True}
        responses = {
            each["statusCode"]: self._response(each) for each in self._responses_of(method)
        }
        if responses:
            made["responses"] = responses
        if security := self._security(method):
            made["security"] = security
        if self._integrations and method.get("methodIntegration"):
            made["x-amazon-apigateway-integration"] = _integration(method["methodIntegration"])
        return made

    def _responses_of(self, method: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return list((method.get("methodResponses") or {}).values())

    def _parameters(self, declared: Mapping[str, bool]) -> list[dict[str, Any]]:
        found = []
        for name, is_required in declared.items():
            _, _, place, key = name.split(".", 3)
            one: dict[str, Any] = {"name": key, "in": _PLACES.get(place, "query")}
            if is_required or self._is_swagger:
                one["required"] = is_required
            one |= {"type": "string"} if self._is_swagger else {"schema": {"type": "string"}}
            found.append(one)
        return found

    def _body(self, name: str) -> dict[str, Any]:
        return {"in": "body", "name": name, "required": True, "schema": self._reference(name)}

    def _reference(self, name: str) -> dict[str, str]:
        where = "definitions" if self._is_swagger else "components/schemas"
        return {"$ref": f"#/{where}/{name}"}

    def _response(self, response: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {"description": f"{response['statusCode']} response"}
        kind: dict[str, Any] = {"type": "string"}
        names = [each.split(".", 3)[3] for each in response.get("responseParameters") or {}]
        if names:
            made["headers"] = {
                name: kind if self._is_swagger else {"schema": kind} for name in names
            }
        models: Mapping[str, str] = response.get("responseModels") or {}
        if models and self._is_swagger:
            made["schema"] = self._reference(next(iter(models.values())))
        elif models:
            made["content"] = {k: {"schema": self._reference(v)} for k, v in models.items()}
        elif not self._is_swagger:
            made["content"] = {}
        return made

    def _security(self, method: Mapping[str, Any]) -> list[dict[str, list[str]]]:
        found: list[dict[str, list[str]]] = []
        authorizer = (self._api.get("authorizers") or {}).get(method.get("authorizerId") or "")
        if authorizer is not None:
            found.append({authorizer["name"]: method.get("authorizationScopes") or []})
        elif method.get("authorizationType") == "AWS_IAM":
            found.append({"sigv4": []})
        if method.get("apiKeyRequired"):
            found.append({"api_key": []})
        return found

    def _add_parts(self, made: dict[str, Any]) -> None:
        """Add models and security schemes."""
        schemas = {
            name: json.loads(model["schema"].replace(_address(self._api), self._place()))
            for name, model in (self._api.get("models") or {}).items()
            if self._is_used(name, made["paths"])
        }
        schemes = self._schemes(made["paths"])
        if self._is_swagger:
            if schemes:
                made["securityDefinitions"] = schemes
            if schemas:
                made["definitions"] = schemas
            return
        components = {}
        if schemas:
            components["schemas"] = schemas
        if schemes:
            components["securitySchemes"] = schemes
        made["components"] = components

    def _place(self) -> str:
        return "#/definitions/" if self._is_swagger else "#/components/schemas/"

    def _is_used(self, name: str, paths: Mapping[str, Any]) -> bool:
        models = (self._api.get("models") or {}).values()
        mentions = [json.dumps(paths), *(each["schema"] for each in models)]
        wanted = (f'{self._place()}{name}"', f'{_address(self._api)}{name}"')
        return any(each in text for text in mentions for each in wanted)

    def _schemes(self, paths: Mapping[str, Any]) -> dict[str, Any]:
        used = {
            name
            for item in paths.values()
            for operation in item.values()
            for requirement in operation.get("security") or ()
            for name in requirement
        }
        found: dict[str, Any] = {}
        for authorizer in (self._api.get("authorizers") or {}).values():
            if authorizer["name"] in used:
                found[authorizer["name"]] = self._scheme(authorizer)
        key = {"type": "apiKey", "name": "Authorization", "in": "header"}
        if "sigv4" in used:
            found["sigv4"] = {**key, "x-amazon-apigateway-authtype": "awsSigv4"}
        if "api_key" in used:
            found["api_key"] = {**key, "name": "x-api-key"}
        return found

    def _scheme(self, authorizer: Mapping[str, Any]) -> dict[str, Any]:
        name = (authorizer.get("identitySource") or "").rpartition(".")[2] or "Authorization"
        made: dict[str, Any] = {"type": "apiKey", "name": name, "in": "header"}
        made["x-amazon-apigateway-authtype"] = authorizer["authType"]
        if self._authorizers:
            inner = {
                k: v for k, v in authorizer.items() if k not in ("id", "name", "authType", "type")
            }
            made["x-amazon-apigateway-authorizer"] = {"type": authorizer["type"].lower(), **inner}
        return made


def _address(api: Mapping[str, Any]) -> str:
    return f"https://apigateway.amazonaws.com/restapis/{api['api']['id']}/models/"


def _integration(integration: Mapping[str, Any]) -> dict[str, Any]:
    """Return an integration as an extension describes it."""
    made = {k: v for k, v in integration.items() if k not in _OWN and k != "connectionType"}
    for name in _LOWERED:
        if name in made:
            made[name] = str(made[name]).lower()
    if integration.get("connectionType") == "VPC_LINK":
        made["connectionType"] = "VPC_LINK"
    if integration.get("timeoutInMillis", 29_000) != 29_000:
        made["timeoutInMillis"] = integration["timeoutInMillis"]
    if integration.get("cacheKeyParameters"):
        made["cacheKeyParameters"] = integration["cacheKeyParameters"]
    responses = {
        each.get("selectionPattern") or "default": {
            k: v for k, v in each.items() if k != "selectionPattern"
        }
        for each in (integration.get("integrationResponses") or {}).values()
    }
    if responses:
        made["responses"] = responses
    return made
