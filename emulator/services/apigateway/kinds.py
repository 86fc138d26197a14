"""API Gateway's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_ApiGateway.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.resource_types.apis import (
    RESOURCE,
    Deployment,
    GatewayResponse,
    Method,
    RestApi,
    Stage,
)
from emulator.services.apigateway.resource_types.base import (
    SERVICE,
    Form,
    Patched,
    differences,
    endpoint_patches,
)
from emulator.stack.kinds import Call, Kind, Made, ServiceKind, Wanted, forgiving


class Account(ServiceKind):
    """AWS::ApiGateway::Account: the role by which API Gateway writes logs."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        await self._set(call, wanted.properties.get("CloudWatchRoleArn"))
        return Made(physical=wanted.name(""), attributes={"Id": wanted.name("")})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        await self._set(call, wanted.properties.get("CloudWatchRoleArn"))
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        # As in CloudFormation: the account keeps its role.
        return

    async def _set(self, call: Call, role: str | None) -> None:
        if role:
            patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
            await call(SERVICE, "UpdateAccount", {"patchOperations": [patch]})


class BasePathMapping(ServiceKind):
    """AWS::ApiGateway::BasePathMapping."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        request = call.fit(SERVICE, "CreateBasePathMapping", wanted.properties)
        made = await call(SERVICE, "CreateBasePathMapping", request)
        return Made(physical=f"{request['domainName']}|{made['basePath']}")

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        patches = differences(
            before,
            wanted.properties,
            {"RestApiId": ("/restapiId", "text"), "Stage": ("/stage", "text")},
        )
        if patches:
            request = {**_mapping_at(made), "patchOperations": patches}
            await call(SERVICE, "UpdateBasePathMapping", request)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, SERVICE, "DeleteBasePathMapping", _mapping_at(made))


def _mapping_at(made: Made) -> dict[str, str]:
    domain, _, base = made.physical.partition("|")
    return {"domainName": domain, "basePath": base}


class ApiKey(Patched):
    """AWS::ApiGateway::ApiKey: its stages are written as patches name them."""

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        def stages(properties: Mapping[str, Any]) -> list[str]:
            found = properties.get("StageKeys") or []
            return [f"{each.get('RestApiId')}/{each.get('StageName')}" for each in found]

        old, new = stages(before), stages(wanted.properties)
        patches = [
            {"op": op, "path": "/stages", "value": each}
            for op, some, others in (("remove", old, new), ("add", new, old))
            for each in some
            if each not in others
        ]
        patches += differences(before, wanted.properties, self.fields)
        if patches:
            request = {"apiKey": made.physical, "patchOperations": patches}
            await call(SERVICE, "UpdateApiKey", request)
        await self.retag(call, made, before, wanted)
        return made


class DomainName(Patched):
    """AWS::ApiGateway::DomainName: what is within its structures is patched part by part."""

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        made = await super().update(call, made, before, wanted)
        patches = endpoint_patches(call, before, wanted.properties)
        name = "MutualTlsAuthentication"
        old, new = (each.get(name) or {} for each in (before, wanted.properties))
        if old and not new:
            patches.append({"op": "remove", "path": "/mutualTlsAuthentication"})
        elif new:
            parts: dict[str, tuple[str, Form]] = {
                "TruststoreUri": ("/mutualTlsAuthentication/truststoreUri", "text"),
                "TruststoreVersion": ("/mutualTlsAuthentication/truststoreVersion", "text"),
            }
            patches += differences(old, new, parts)
        if patches:
            request = {"domainName": made.physical, "patchOperations": patches}
            # Another endpoint has another name.
            return self._made(await call(SERVICE, "UpdateDomainName", request))
        return made


class UsagePlan(Patched):
    """AWS::ApiGateway::UsagePlan: its stages are added and removed one by one."""

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        def stages(properties: Mapping[str, Any]) -> list[str]:
            found = properties.get("ApiStages") or []
            return [f"{each.get('ApiId')}:{each.get('Stage')}" for each in found]

        old, new = stages(before), stages(wanted.properties)
        patches = [
            {"op": "remove", "path": "/apiStages", "value": each} for each in old if each not in new
        ]
        patches += [
            {"op": "add", "path": "/apiStages", "value": each} for each in new if each not in old
        ]
        patches += differences(before, wanted.properties, self.fields)
        for name in ("Quota", "Throttle"):
            before_, after = before.get(name) or {}, wanted.properties.get(name) or {}
            path = f"/{name.lower()}"
            if before_ and not after:
                patches.append({"op": "remove", "path": path})
            inner = {key: (f"{path}/{key[:1].lower()}{key[1:]}", "text") for key in after}
            patches += differences(before_, after, inner)  # type: ignore[arg-type]
        if patches:
            request = {"usagePlanId": made.physical, "patchOperations": patches}
            await call(SERVICE, "UpdateUsagePlan", request)
        await self.retag(call, made, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        for each in properties.get("ApiStages") or []:
            value = f"{each.get('ApiId')}:{each.get('Stage')}"
            patch = {"op": "remove", "path": "/apiStages", "value": value}
            request = {"usagePlanId": made.physical, "patchOperations": [patch]}
            await forgiving(call, SERVICE, "UpdateUsagePlan", request)
        await forgiving(call, SERVICE, "DeleteUsagePlan", {"usagePlanId": made.physical})


KINDS: dict[str, Kind] = {
    "AWS::ApiGateway::Account": Account(),
    "AWS::ApiGateway::ApiKey": ApiKey(
        create_operation="CreateApiKey",
        update_operation="UpdateApiKey",
        delete_operation="DeleteApiKey",
        named="apiKey",
        parent="",
        name="Name",
        attributes={"APIKeyId": "id"},
        fields={
            "Description": ("/description", "text"),
            "Enabled": ("/enabled", "text"),
            "CustomerId": ("/customerId", "text"),
        },
        tagged="apikeys",
        list_operation="GetApiKeys",
    ),
    "AWS::ApiGateway::Authorizer": Patched(
        create_operation="CreateAuthorizer",
        update_operation="UpdateAuthorizer",
        delete_operation="DeleteAuthorizer",
        named="authorizerId",
        attributes={"AuthorizerId": "id"},
        fields={
            "AuthorizerCredentials": ("/authorizerCredentials", "text"),
            "AuthorizerResultTtlInSeconds": ("/authorizerResultTtlInSeconds", "text"),
            "AuthorizerUri": ("/authorizerUri", "text"),
            "AuthType": ("/authType", "text"),
            "IdentitySource": ("/identitySource", "text"),
            "IdentityValidationExpression": ("/identityValidationExpression", "text"),
            "Name": ("/name", "text"),
            "ProviderARNs": ("/providerARNs", "list"),
            "Type": ("/type", "text"),
        },
        list_operation="GetAuthorizers",
    ),
    "AWS::ApiGateway::BasePathMapping": BasePathMapping(),
    "AWS::ApiGateway::ClientCertificate": Patched(
        create_operation="GenerateClientCertificate",
        update_operation="UpdateClientCertificate",
        delete_operation="DeleteClientCertificate",
        key="clientCertificateId",
        named="clientCertificateId",
        parent="",
        attributes={"ClientCertificateId": "clientCertificateId"},
        fields={"Description": ("/description", "text")},
        tagged="clientcertificates",
        list_operation="GetClientCertificates",
    ),
    "AWS::ApiGateway::Deployment": Deployment(),
    "AWS::ApiGateway::DocumentationPart": Patched(
        create_operation="CreateDocumentationPart",
        update_operation="UpdateDocumentationPart",
        delete_operation="DeleteDocumentationPart",
        named="documentationPartId",
        attributes={"DocumentationPartId": "id"},
        fields={"Properties": ("/properties", "text")},
        list_operation="GetDocumentationParts",
    ),
    "AWS::ApiGateway::DocumentationVersion": Patched(
        create_operation="CreateDocumentationVersion",
        update_operation="UpdateDocumentationVersion",
        delete_operation="DeleteDocumentationVersion",
        key="version",
        named="documentationVersion",
        fields={"Description": ("/description", "text")},
    ),
    "AWS::ApiGateway::DomainName": DomainName(
        create_operation="CreateDomainName",
        update_operation="UpdateDomainName",
        delete_operation="DeleteDomainName",
        key="domainName",
        named="domainName",
        parent="",
        attributes={
            "DistributionDomainName": "distributionDomainName",
            "DistributionHostedZoneId": "distributionHostedZoneId",
            "DomainNameArn": "domainNameArn",
            "RegionalDomainName": "regionalDomainName",
            "RegionalHostedZoneId": "regionalHostedZoneId",
        },
        fields={
            "CertificateArn": ("/certificateArn", "text"),
            "RegionalCertificateArn": ("/regionalCertificateArn", "text"),
            "SecurityPolicy": ("/securityPolicy", "text"),
            "EndpointAccessMode": ("/endpointAccessMode", "text"),
            "OwnershipVerificationCertificateArn": (
                "/ownershipVerificationCertificateArn",
                "text",
            ),
            "RoutingMode": ("/routingMode", "text"),
        },
        tagged="domainnames",
    ),
    "AWS::ApiGateway::GatewayResponse": GatewayResponse(),
    "AWS::ApiGateway::Method": Method(),
    "AWS::ApiGateway::Model": Patched(
        create_operation="CreateModel",
        update_operation="UpdateModel",
        delete_operation="DeleteModel",
        key="name",
        named="modelName",
        name="Name",
        plain_names=True,
        fields={"Description": ("/description", "text"), "Schema": ("/schema", "text")},
    ),
    "AWS::ApiGateway::RequestValidator": Patched(
        create_operation="CreateRequestValidator",
        update_operation="UpdateRequestValidator",
        delete_operation="DeleteRequestValidator",
        named="requestValidatorId",
        attributes={"RequestValidatorId": "id"},
        fields={
            "ValidateRequestBody": ("/validateRequestBody", "text"),
            "ValidateRequestParameters": ("/validateRequestParameters", "text"),
        },
        list_operation="GetRequestValidators",
    ),
    "AWS::ApiGateway::Resource": RESOURCE,
    "AWS::ApiGateway::RestApi": RestApi(),
    "AWS::ApiGateway::Stage": Stage(),
    "AWS::ApiGateway::UsagePlan": UsagePlan(
        create_operation="CreateUsagePlan",
        update_operation="UpdateUsagePlan",
        delete_operation="DeleteUsagePlan",
        named="usagePlanId",
        parent="",
        name="UsagePlanName",
        renamed={"UsagePlanName": "Name"},
        attributes={"Id": "id"},
        fields={"Description": ("/description", "text"), "UsagePlanName": ("/name", "text")},
        tagged="usageplans",
        list_operation="GetUsagePlans",
    ),
    "AWS::ApiGateway::UsagePlanKey": Patched(
        create_operation="CreateUsagePlanKey",
        delete_operation="DeleteUsagePlanKey",
        named="keyId",
        parent="UsagePlanId",
        attributes={"Id": "id"},
    ),
    "AWS::ApiGateway::VpcLink": Patched(
        create_operation="CreateVpcLink",
        update_operation="UpdateVpcLink",
        delete_operation="DeleteVpcLink",
        named="vpcLinkId",
        parent="",
        attributes={"VpcLinkId": "id"},
        fields={"Description": ("/description", "text"), "Name": ("/name", "text")},
        tagged="vpclinks",
        list_operation="GetVpcLinks",
    ),
}
