"""Resource types of HTTP and WebSocket APIs in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_ApiGatewayV2.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.apigatewayv2.errors import bad_request
from emulator.services.apigatewayv2.integrations import TIMEOUTS
from emulator.services.whole_objects import LARGEST_DEFINITION, whole
from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    ServiceKind,
    TableKind,
    Wanted,
    every,
    forgiving,
)
from emulator.stack.tagging import Tagging, merge_tags

_SERVICE = "apigatewayv2"
#: Properties of an API that say where its document is.
_DOCUMENT = ("BasePath", "Body", "BodyS3Location", "DisableSchemaValidation", "FailOnWarnings")


_TAGGING = Tagging(service=_SERVICE)
#: What an update says of properties that an API is to have no more.
_CLEARED = {"Description": "", "DisableExecuteApiEndpoint": False, "Version": ""}


class Api(ServiceKind):
    """AWS::ApiGatewayV2::Api: by its properties, or by an OpenAPI document."""

    reading = Reading(
        service=_SERVICE,
        get="GetApi",
        member="ApiId",
        lists="GetApis",
        listed="Items",
        item="ApiId",
    )
    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        document = await _document(call, wanted.properties)
        if document is None:
            request = call.fit(_SERVICE, "CreateApi", _plain(wanted.properties))
            made = await call(_SERVICE, "CreateApi", {**request, "Tags": _tags(wanted)})
        else:
            made = await call(_SERVICE, "ImportApi", _importing(wanted.properties, document))
            try:
                await self._adjust(call, made["ApiId"], {}, wanted)
            except AwsError:
                await call(_SERVICE, "DeleteApi", {"ApiId": made["ApiId"]})
                raise
        return _made(call, made)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        named = {"ApiId": made.physical}
        document = await _document(call, wanted.properties)
        if document is not None:
            request = {**_importing(wanted.properties, document), **named}
            await call(_SERVICE, "ReimportApi", request)
        elif before.get("CorsConfiguration") and not wanted.properties.get("CorsConfiguration"):
            await call(_SERVICE, "DeleteCorsConfiguration", named)
        await self._adjust(call, made.physical, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, _SERVICE, "DeleteApi", {"ApiId": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        found = await every(call, _SERVICE, "GetApis", {}, "Items")
        return [_made(call, each) for each in found]

    async def _adjust(
        self, call: Call, api_id: str, before: Mapping[str, Any], wanted: Wanted
    ) -> None:
        """Give an API what its properties say besides its document."""
        gone = {k: v for k, v in _CLEARED.items() if k in before and k not in wanted.properties}
        request = call.fit(_SERVICE, "UpdateApi", {**gone, **_plain(wanted.properties)})
        if request:
            await call(_SERVICE, "UpdateApi", {**request, "ApiId": api_id})
        arn = f"arn:aws:apigateway:{call.region}::/apis/{api_id}"
        await _TAGGING.change(call, arn, before, wanted)


def _tags(wanted: Wanted) -> dict[str, str]:
    merged = merge_tags(wanted.tags, wanted.properties.get("Tags"))
    return {each["Key"]: each["Value"] for each in merged}


def _plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in properties.items() if k not in (*_DOCUMENT, "Tags")}


def _importing(properties: Mapping[str, Any], document: str) -> dict[str, Any]:
    request: dict[str, Any] = {"Body": document}
    if properties.get("BasePath"):
        request["Basepath"] = properties["BasePath"]
    if str(properties.get("FailOnWarnings", "")).lower() == "true":
        request["FailOnWarnings"] = True
    return request


async def _document(call: Call, properties: Mapping[str, Any]) -> str | None:
    """Return the OpenAPI document of an API; None if it has none."""
    body = properties.get("Body")
    if body:
        return body if isinstance(body, str) else json.dumps(body)
    place = properties.get("BodyS3Location")
    if not place:
        return None
    request = {"Bucket": place["Bucket"], "Key": place["Key"]}
    if place.get("Version"):
        request["VersionId"] = place["Version"]
    try:
        document = await call("s3", "GetObject", request)
        return (await whole(document, LARGEST_DEFINITION)).decode()
    except ValueError as error:
        raise bad_request(f"The document can't be read: {error}") from None


def _made(call: Call, api: Mapping[str, Any]) -> Made:
    api_id = api["ApiId"]
    return Made(
        physical=api_id,
        attributes={
            "ApiEndpoint": api["ApiEndpoint"],
            "ApiId": api_id,
            "ExecuteApiArn": f"arn:aws:execute-api:{call.region}:{call.account}:{api_id}",
        },
    )


class Integration(TableKind):
    """AWS::ApiGatewayV2::Integration, whose response parameters are lists in templates."""

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        if "TimeoutInMillis" in before and "TimeoutInMillis" not in wanted.properties:
            api = await call(_SERVICE, "GetApi", {"ApiId": wanted.properties["ApiId"]})
            _, usual = TIMEOUTS[api["ProtocolType"] == "HTTP"]
            properties = {**wanted.properties, "TimeoutInMillis": usual}
            wanted = replace(wanted, properties=properties)
        return await super().update(call, made, before, wanted)

    def _request(self, call: Call, operation: str, wanted: Wanted) -> dict[str, Any]:
        request = super()._request(call, operation, wanted)
        given = wanted.properties.get("ResponseParameters")
        if isinstance(given, Mapping):
            request["ResponseParameters"] = {status: _pairs(each) for status, each in given.items()}
        return request


def _pairs(given: Any) -> dict[str, str]:
    listed = given.get("ResponseParameters", given) if isinstance(given, Mapping) else given
    if isinstance(listed, Mapping):
        return {str(key): str(value) for key, value in listed.items()}
    return {str(each["Destination"]): str(each["Source"]) for each in listed or []}


class Stage(TableKind):
    """AWS::ApiGatewayV2::Stage; its API removes it with itself."""

    def _request(self, call: Call, operation: str, wanted: Wanted) -> dict[str, Any]:
        request = super()._request(call, operation, wanted)
        if operation == "CreateStage":
            request["Tags"] = _tags(wanted)
        if request.get("AutoDeploy"):
            request.pop("DeploymentId", None)
        return request


class DomainName(TableKind):
    """AWS::ApiGatewayV2::DomainName."""

    def _request(self, call: Call, operation: str, wanted: Wanted) -> dict[str, Any]:
        request = super()._request(call, operation, wanted)
        if operation == "CreateDomainName":
            request["Tags"] = _tags(wanted)
        return request

    async def create(self, call: Call, wanted: Wanted) -> Made:
        made = await super().create(call, wanted)
        found = await call(_SERVICE, "GetDomainName", {"DomainName": made.physical})
        first = found["DomainNameConfigurations"][0]
        attributes = {
            **made.attributes,
            "DomainNameArn": found["DomainNameArn"],
            "RegionalDomainName": first["ApiGatewayDomainName"],
            "RegionalHostedZoneId": first["HostedZoneId"],
        }
        return Made(physical=made.physical, attributes=attributes)


class Overrides(ServiceKind):
    """AWS::ApiGatewayV2::ApiGatewayManagedOverrides: changes what quick create has made."""

    _OF = (
        ("Integration", "GetIntegrations", "UpdateIntegration", "IntegrationId"),
        ("Route", "GetRoutes", "UpdateRoute", "RouteId"),
        ("Stage", "GetStages", "UpdateStage", "StageName"),
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        named = {"ApiId": wanted.properties["ApiId"]}
        for member, lists, updates, identifier in self._OF:
            given = wanted.properties.get(member)
            if not given:
                continue
            for each in await every(call, _SERVICE, lists, named, "Items"):
                if each.get("ApiGatewayManaged"):
                    request = {**given, **named, identifier: each[identifier]}
                    await call(_SERVICE, updates, call.fit(_SERVICE, updates, request))
        return Made(physical=named["ApiId"], attributes={"Id": named["ApiId"]})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self.create(call, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """Leave what was changed: it goes with its API."""


def _part(title: str, titles: str = "", kind: type[TableKind] = TableKind, **more: Any) -> Kind:
    """Return the type of a part of an API."""
    identifier = {"ApiId": "{ApiId}", f"{title}Id": f"{{{title}Id}}"}
    return kind(
        service=_SERVICE,
        create_operation=f"Create{title}",
        update_operation=f"Update{title}",
        delete_operation=f"Delete{title}",
        list_operation=f"Get{titles or title + 's'}",
        listed="Items",
        ref=f"{{{title}Id}}",
        identifier={**identifier, **more.pop("identifier", {})},
        attributes={f"{title}Id": f"{{{title}Id}}"},
        **more,
    )


KINDS: dict[str, Kind] = {
    "AWS::ApiGatewayV2::Api": Api(),
    "AWS::ApiGatewayV2::ApiGatewayManagedOverrides": Overrides(),
    "AWS::ApiGatewayV2::ApiMapping": TableKind(
        service=_SERVICE,
        create_operation="CreateApiMapping",
        update_operation="UpdateApiMapping",
        delete_operation="DeleteApiMapping",
        list_operation="GetApiMappings",
        listed="Items",
        ref="{ApiMappingId}",
        identifier={
            "DomainName": "{DomainName}",
            "ApiMappingId": "{ApiMappingId}",
        },
        attributes={"ApiMappingId": "{ApiMappingId}"},
    ),
    "AWS::ApiGatewayV2::Authorizer": _part(
        "Authorizer",
        cleared={"AuthorizerResultTtlInSeconds": 0, "EnableSimpleResponses": False},
    ),
    "AWS::ApiGatewayV2::Deployment": _part("Deployment"),
    "AWS::ApiGatewayV2::DomainName": DomainName(
        service=_SERVICE,
        create_operation="CreateDomainName",
        update_operation="UpdateDomainName",
        delete_operation="DeleteDomainName",
        read_operation="GetDomainName",
        ref="{DomainName}",
        identifier={"DomainName": "{DomainName}"},
        cleared={"RoutingMode": "API_MAPPING_ONLY"},
        tagging=_TAGGING,
        tagged="arn:aws:apigateway:{region}::/domainnames/{DomainName}",
    ),
    "AWS::ApiGatewayV2::Integration": _part(
        "Integration",
        kind=Integration,
        # Nothing takes a strategy back.
        cleared={
            "ConnectionType": "INTERNET",
            "ContentHandlingStrategy": None,
            "PassthroughBehavior": "WHEN_NO_MATCH",
        },
        merged=("RequestParameters", "RequestTemplates", "ResponseParameters"),
    ),
    "AWS::ApiGatewayV2::IntegrationResponse": _part(
        "IntegrationResponse",
        identifier={"IntegrationId": "{IntegrationId}"},
        cleared={"ContentHandlingStrategy": None},
        merged=("ResponseParameters", "ResponseTemplates"),
    ),
    "AWS::ApiGatewayV2::Model": _part("Model"),
    "AWS::ApiGatewayV2::Route": _part(
        "Route",
        cleared={"ApiKeyRequired": False, "AuthorizationType": "NONE"},
        merged=("RequestModels", "RequestParameters"),
    ),
    "AWS::ApiGatewayV2::RouteResponse": _part(
        "RouteResponse",
        identifier={"RouteId": "{RouteId}"},
        merged=("ResponseModels", "ResponseParameters"),
    ),
    "AWS::ApiGatewayV2::Stage": Stage(
        service=_SERVICE,
        create_operation="CreateStage",
        update_operation="UpdateStage",
        delete_operation="DeleteStage",
        read_operation="GetStage",
        ref="{StageName}",
        identifier={"ApiId": "{ApiId}", "StageName": "{StageName}"},
        cleared={"AutoDeploy": False, "ClientCertificateId": "", "Description": ""},
        merged=("RouteSettings", "StageVariables"),
        tagging=_TAGGING,
        tagged="arn:aws:apigateway:{region}::/apis/{ApiId}/stages/{StageName}",
    ),
    "AWS::ApiGatewayV2::VpcLink": _part(
        "VpcLink",
        identifier={"ApiId": ""},
        tags="Tags",
        tagging=_TAGGING,
        tagged="arn:aws:apigateway:{region}::/vpclinks/{VpcLinkId}",
    ),
}
