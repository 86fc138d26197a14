"""APIs, methods, deployments and stages in templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.openapi.reading import too_large
from emulator.services.apigateway.resource_types.base import (
    SERVICE,
    TAGGING,
    Form,
    Patched,
    differences,
    endpoint_patches,
    escaped,
    text,
)
from emulator.services.whole_objects import LARGEST_DEFINITION, TooLarge, whole
from emulator.stack.kinds import (
    Call,
    Made,
    Reading,
    ServiceKind,
    Wanted,
    every,
    forgiving,
)
from emulator.stack.tagging import merge_tags

_API_FIELDS: dict[str, tuple[str, Form]] = {
    "Name": ("/name", "text"),
    "Description": ("/description", "text"),
    "ApiKeySourceType": ("/apiKeySource", "text"),
    "MinimumCompressionSize": ("/minimumCompressionSize", "text"),
    "DisableExecuteApiEndpoint": ("/disableExecuteApiEndpoint", "text"),
    "Policy": ("/policy", "text"),
    "BinaryMediaTypes": ("/binaryMediaTypes", "list"),
}


class RestApi(ServiceKind):
    """AWS::ApiGateway::RestApi, with a definition or without."""

    reading = Reading(service=SERVICE, get="GetRestApi", member="restApiId")
    appends = True
    noted = ("EndpointAccessMode",)

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        body = await _definition(call, properties)
        name = properties.get("Name") or _title(body) or wanted.logical
        values = {
            **properties,
            "Name": name,
            "ApiKeySource": properties.get("ApiKeySourceType"),
            "Tags": merge_tags(wanted.tags, properties.get("Tags")),
        }
        made = await call(
            SERVICE, "CreateRestApi", call.fit(SERVICE, "CreateRestApi", _present(values))
        )
        if body is not None:
            try:
                made = await self._put(call, made["id"], properties, body)
            except Exception:
                await forgiving(call, SERVICE, "DeleteRestApi", {"restApiId": made["id"]})
                raise
        return _of_api(made)

    async def _put(
        self, call: Call, api_id: str, properties: Mapping[str, Any], body: bytes
    ) -> dict[str, Any]:
        """Put a definition into an API; what properties say stands above it."""
        request = {
            "restApiId": api_id,
            "mode": properties.get("Mode") or "overwrite",
            "failOnWarnings": text(properties.get("FailOnWarnings")) == "true",
            "parameters": {k: text(v) for k, v in (properties.get("Parameters") or {}).items()},
            "body": body,
        }
        await call(SERVICE, "PutRestApi", request)
        stated = {k: v for k, v in properties.items() if k in _API_FIELDS and v is not None}
        stated.setdefault("Name", None)
        patches = [each for each in differences({}, stated, _API_FIELDS) if each.get("value") != ""]
        request = {"restApiId": api_id, "patchOperations": patches}
        return await call(SERVICE, "UpdateRestApi", request)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        properties = wanted.properties
        patches = differences(before, properties, _API_FIELDS)
        patches += endpoint_patches(call, before, properties)
        if patches:
            request = {"restApiId": made.physical, "patchOperations": patches}
            await call(SERVICE, "UpdateRestApi", request)
        body = await _definition(call, properties)
        if body is not None:
            await self._put(call, made.physical, properties, body)
        arn = f"arn:aws:apigateway:{call.region}::/restapis/{made.physical}"
        await TAGGING.change(call, arn, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, SERVICE, "DeleteRestApi", {"restApiId": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        return [_of_api(each) for each in await every(call, SERVICE, "GetRestApis", {}, "items")]


def _of_api(answer: Mapping[str, Any]) -> Made:
    known = {"RestApiId": answer["id"], "RootResourceId": answer["rootResourceId"]}
    return Made(physical=answer["id"], attributes=known)


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if v is not None and v != []}


async def _definition(call: Call, properties: Mapping[str, Any]) -> bytes | None:
    """Return the definition that a template gives, itself or in a bucket; None for none."""
    body = properties.get("Body")
    if body:
        return body.encode() if isinstance(body, str) else json.dumps(body, default=str).encode()
    place = properties.get("BodyS3Location")
    if not place:
        return None
    request = {"Bucket": place["Bucket"], "Key": place["Key"], "VersionId": place.get("Version")}
    try:
        return await whole(await call("s3", "GetObject", _present(request)), LARGEST_DEFINITION)
    except TooLarge:
        raise too_large() from None


def _title(body: bytes | None) -> str:
    if body is None:
        return ""
    try:
        return str(json.loads(body)["info"]["title"])
    except (ValueError, KeyError, TypeError):
        return ""


RESOURCE = Patched(
    create_operation="CreateResource",
    delete_operation="DeleteResource",
    named="resourceId",
    attributes={"ResourceId": "id"},
    list_operation="GetResources",
)


class Method(ServiceKind):
    """AWS::ApiGateway::Method, with its integration and responses."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        at = _method_at(wanted.properties)
        await self._put(call, at, wanted.properties)
        return Made(physical="|".join(at.values()))

    async def _put(self, call: Call, at: Mapping[str, str], properties: Mapping[str, Any]) -> None:
        values = {"AuthorizationType": "NONE", **properties}
        request = call.fit(SERVICE, "PutMethod", values)
        await call(SERVICE, "PutMethod", request)
        try:
            for response in properties.get("MethodResponses") or []:
                fitted = call.fit(SERVICE, "PutMethodResponse", {**response, **at})
                await call(SERVICE, "PutMethodResponse", fitted)
            integration = properties.get("Integration")
            if integration:
                await _put_integration(call, at, integration)
        except Exception:
            await forgiving(call, SERVICE, "DeleteMethod", at)
            raise

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        at = _method_at(wanted.properties)
        await forgiving(call, SERVICE, "DeleteMethod", at)
        await self._put(call, at, wanted.properties)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, SERVICE, "DeleteMethod", _method_at(properties))

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        at = _method_at(wanted.properties)
        found = await forgiving(call, SERVICE, "GetMethod", at)
        return [] if found is None else [Made(physical="|".join(at.values()))]


def _method_at(properties: Mapping[str, Any]) -> dict[str, str]:
    return {
        "restApiId": str(properties.get("RestApiId", "")),
        "resourceId": str(properties.get("ResourceId", "")),
        "httpMethod": str(properties.get("HttpMethod", "")),
    }


async def _put_integration(
    call: Call, at: Mapping[str, str], integration: Mapping[str, Any]
) -> None:
    values = {**integration, **at, "integrationHttpMethod": None}
    values["IntegrationHttpMethod"] = integration.get("IntegrationHttpMethod")
    await call(SERVICE, "PutIntegration", call.fit(SERVICE, "PutIntegration", _present(values)))
    for response in integration.get("IntegrationResponses") or []:
        fitted = call.fit(SERVICE, "PutIntegrationResponse", {**response, **at})
        await call(SERVICE, "PutIntegrationResponse", fitted)


class Deployment(ServiceKind):
    """AWS::ApiGateway::Deployment, perhaps with the stage that it goes to."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        stage = properties.get("StageDescription")
        described = stage if isinstance(stage, Mapping) else {}
        values = {
            **described,
            **properties,
            "StageDescription": described.get("Description"),
            "CanarySettings": properties.get("DeploymentCanarySettings"),
            "TracingEnabled": described.get("TracingEnabled"),
        }
        request = call.fit(SERVICE, "CreateDeployment", _present(values))
        made = await call(SERVICE, "CreateDeployment", request)
        if properties.get("StageName"):
            patches = _stage_patches({}, described)
            at = {"restApiId": properties["RestApiId"], "stageName": properties["StageName"]}
            if patches:
                await call(SERVICE, "UpdateStage", {**at, "patchOperations": patches})
        return Made(physical=made["id"], attributes={"DeploymentId": made["id"]})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        properties = wanted.properties
        fields: dict[str, tuple[str, Form]] = {"Description": ("/description", "text")}
        patches = differences(before, properties, fields)
        at = {"restApiId": properties["RestApiId"], "deploymentId": made.physical}
        if patches:
            await call(SERVICE, "UpdateDeployment", {**at, "patchOperations": patches})
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        api = properties.get("RestApiId")
        found = await forgiving(call, SERVICE, "GetStages", {"restApiId": api}) or {}
        for stage in found.get("item") or []:
            # A stage that the deployment made goes with it.
            own = stage["stageName"] == properties.get("StageName")
            if own and stage["deploymentId"] == made.physical:
                at = {"restApiId": api, "stageName": stage["stageName"]}
                await forgiving(call, SERVICE, "DeleteStage", at)
            elif stage["deploymentId"] == made.physical:
                # As in CloudFormation: a deployment that is still served stays.
                return
        at = {"restApiId": api, "deploymentId": made.physical}
        await forgiving(call, SERVICE, "DeleteDeployment", at)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        request = {"restApiId": wanted.properties.get("RestApiId", "")}
        found = await every(call, SERVICE, "GetDeployments", request, "items")
        return [
            Made(physical=each["id"], attributes={"DeploymentId": each["id"]}) for each in found
        ]


_STAGE_FIELDS: dict[str, tuple[str, Form]] = {
    "DeploymentId": ("/deploymentId", "text"),
    "Description": ("/description", "text"),
    "CacheClusterEnabled": ("/cacheClusterEnabled", "text"),
    "CacheClusterSize": ("/cacheClusterSize", "text"),
    "ClientCertificateId": ("/clientCertificateId", "text"),
    "DocumentationVersion": ("/documentationVersion", "text"),
    "TracingEnabled": ("/tracingEnabled", "text"),
    "Variables": ("/variables", "map"),
}
_SETTINGS = {
    "CacheDataEncrypted": "caching/dataEncrypted",
    "CacheTtlInSeconds": "caching/ttlInSeconds",
    "CachingEnabled": "caching/enabled",
    "DataTraceEnabled": "logging/dataTrace",
    "LoggingLevel": "logging/loglevel",
    "MetricsEnabled": "metrics/enabled",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
}


def _stage_patches(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the patches for what CreateStage does not take."""
    found = []
    log = after.get("AccessLogSetting") or {}
    if log != (before.get("AccessLogSetting") or {}):
        if not log:
            found.append({"op": "remove", "path": "/accessLogSettings"})
        for name, path in (("DestinationArn", "destinationArn"), ("Format", "format")):
            if log.get(name):
                path = f"/accessLogSettings/{path}"
                found.append({"op": "replace", "path": path, "value": text(log[name])})
    found += _canary_patches(before.get("CanarySetting") or {}, after.get("CanarySetting") or {})
    if after.get("MethodSettings") != before.get("MethodSettings"):
        for setting in before.get("MethodSettings") or []:
            if setting not in (after.get("MethodSettings") or []):
                found.append({"op": "remove", "path": f"/{_place(setting)}"})
        for setting in after.get("MethodSettings") or []:
            for name, path in _SETTINGS.items():
                if setting.get(name) is not None:
                    path = f"/{_place(setting)}/{path}"
                    found.append({"op": "replace", "path": path, "value": text(setting[name])})
    own = [(each, _SETTINGS[each]) for each in _SETTINGS if each in after]
    for name, path in own:
        found.append({"op": "replace", "path": f"/*/*/{path}", "value": text(after[name])})
    return found


def _canary_patches(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the patches of a canary; CreateStage takes it whole."""
    if not before and not after:
        return []
    if not after:
        return [{"op": "remove", "path": "/canarySettings"}]
    return differences(
        before,
        after,
        {
            "DeploymentId": ("/canarySettings/deploymentId", "text"),
            "PercentTraffic": ("/canarySettings/percentTraffic", "text"),
            "StageVariableOverrides": ("/canarySettings/stageVariableOverrides", "map"),
            "UseStageCache": ("/canarySettings/useStageCache", "text"),
        },
    )


def _place(setting: Mapping[str, Any]) -> str:
    path = str(setting.get("ResourcePath") or "*")
    # "/~1orders" or "/orders": either means the path.
    bare = path if path == "*" else path.lstrip("/")
    bare = bare if bare == "*" or bare.startswith("~1") else f"~1{escaped(bare)}"
    return f"{'*' if path in ('*', '/*') else bare}/{setting.get('HttpMethod') or '*'}"


class Stage(ServiceKind):
    """AWS::ApiGateway::Stage."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        name = str(properties.get("StageName") or "default")
        values = {
            **properties,
            "StageName": name,
            "CanarySettings": properties.get("CanarySetting"),
            "Tags": merge_tags(wanted.tags, properties.get("Tags")),
        }
        await call(SERVICE, "CreateStage", call.fit(SERVICE, "CreateStage", _present(values)))
        made = {"CanarySetting": properties.get("CanarySetting")}
        left = {"ClientCertificateId": _STAGE_FIELDS["ClientCertificateId"]}
        patches = differences({}, properties, left) + _stage_patches(made, properties)
        await self._patch(call, name, properties, patches)
        return Made(physical=name)

    async def _patch(
        self, call: Call, name: str, properties: Mapping[str, Any], patches: list[dict[str, str]]
    ) -> None:
        if patches:
            at = {"restApiId": properties["RestApiId"], "stageName": name}
            await call(SERVICE, "UpdateStage", {**at, "patchOperations": patches})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        properties = wanted.properties
        patches = differences(before, properties, _STAGE_FIELDS)
        patches += _stage_patches(before, properties)
        await self._patch(call, made.physical, properties, patches)
        api = properties["RestApiId"]
        arn = f"arn:aws:apigateway:{call.region}::/restapis/{api}/stages/{made.physical}"
        await TAGGING.change(call, arn, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        at = {"restApiId": properties.get("RestApiId"), "stageName": made.physical}
        await forgiving(call, SERVICE, "DeleteStage", at)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = str(wanted.properties.get("StageName") or "default")
        at = {"restApiId": wanted.properties.get("RestApiId", ""), "stageName": name}
        found = await forgiving(call, SERVICE, "GetStage", at)
        return [] if found is None else [Made(physical=name)]


class GatewayResponse(ServiceKind):
    """AWS::ApiGateway::GatewayResponse."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        request = call.fit(SERVICE, "PutGatewayResponse", wanted.properties)
        await call(SERVICE, "PutGatewayResponse", request)
        name = f"{request['restApiId']}-{request['responseType']}"
        return Made(physical=name, attributes={"Id": name})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self.create(call, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {
            "restApiId": properties.get("RestApiId"),
            "responseType": properties.get("ResponseType"),
        }
        await forgiving(call, SERVICE, "DeleteGatewayResponse", request)
