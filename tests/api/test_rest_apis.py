"""REST APIs' control plane through boto3: each resource made, changed, listed, deleted."""

from __future__ import annotations

import asyncio
import http.client
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.unit.model.test_plain_yaml import BOMB

INVOKED = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:fn/invocations"
)


def refused(call: Any, code: str, text: str = "", **request: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    assert (error["Code"], text in error["Message"]) == (code, True), error


@pytest.fixture(scope="module")
def api(running: Running) -> Any:
    return running.client("apigateway")


@pytest.fixture
def rest_api(api: Any) -> tuple[str, str]:
    made = api.create_rest_api(name="orders")
    return made["id"], made["rootResourceId"]


def mocked(api: Any, api_id: str, resource_id: str, method: str = "GET") -> dict[str, str]:
    """Make a method that answers by itself; returns what names it."""
    at = {"restApiId": api_id, "resourceId": resource_id, "httpMethod": method}
    api.put_method(**at, authorizationType="NONE")
    api.put_method_response(**at, statusCode="200")
    api.put_integration(
        **at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}
    )
    api.put_integration_response(**at, statusCode="200")
    return at


def test_an_api_is_created_changed_tagged_and_deleted(api: Any) -> None:
    made = api.create_rest_api(name="orders", tags={"team": "shop"}, description="of a shop")
    api_id = made["id"]
    assert made["endpointConfiguration"] == {"types": ["EDGE"], "ipAddressType": "ipv4"}
    assert len(api_id) == 10
    changed = api.update_rest_api(
        restApiId=api_id,
        patchOperations=[
            {"op": "replace", "path": "/name", "value": "orders2"},
            {"op": "add", "path": "/binaryMediaTypes/image~1png"},
            {"op": "replace", "path": "/endpointConfiguration/types/EDGE", "value": "REGIONAL"},
            {"op": "replace", "path": "/minimumCompressionSize", "value": "1024"},
        ],
    )
    assert (changed["name"], changed["binaryMediaTypes"]) == ("orders2", ["image/png"])
    assert changed["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert changed["minimumCompressionSize"] == 1024
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
    api.tag_resource(resourceArn=arn, tags={"stage": "test"})
    api.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert api.get_tags(resourceArn=arn)["tags"] == {"stage": "test"}
    assert api.get_rest_api(restApiId=api_id)["tags"] == {"stage": "test"}
    assert api_id in [each["id"] for each in api.get_rest_apis(limit=500)["items"]]
    clone = api.create_rest_api(name="clone", cloneFrom=api_id)
    assert clone["binaryMediaTypes"] == ["image/png"]
    api.delete_rest_api(restApiId=api_id)
    refused(api.get_rest_api, "NotFoundException", f":{api_id}", restApiId=api_id)


def test_lists_come_in_pages(api: Any, rest_api: tuple[str, str]) -> None:
    api_id, root = rest_api
    for number in range(5):
        api.create_resource(restApiId=api_id, parentId=root, pathPart=f"r{number}")
    pages = list(
        api.get_paginator("get_resources").paginate(
            restApiId=api_id, PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(each["items"]) for each in pages] == [2, 2, 2]
    paths = [each["path"] for page in pages for each in page["items"]]
    assert paths == ["/", "/r0", "/r1", "/r2", "/r3", "/r4"]
    refused(api.get_resources, "BadRequestException", "position", restApiId=api_id, position="x")


def test_resources_form_a_tree(api: Any, rest_api: tuple[str, str]) -> None:
    api_id, root = rest_api

    def add(parent: str, part: str) -> dict[str, Any]:
        made: dict[str, Any] = api.create_resource(restApiId=api_id, parentId=parent, pathPart=part)
        return made

    orders = add(root, "orders")
    one = add(orders["id"], "{id}")
    assert one["path"] == "/orders/{id}"
    moved = api.update_resource(
        restApiId=api_id,
        resourceId=orders["id"],
        patchOperations=[{"op": "replace", "path": "/pathPart", "value": "sales"}],
    )
    assert moved["path"] == "/sales"
    found = api.get_resource(restApiId=api_id, resourceId=one["id"], embed=["methods"])
    assert found["path"] == "/sales/{id}"
    with pytest.raises(ClientError, match="already has a variable path part"):
        add(orders["id"], "{other}")
    with pytest.raises(ClientError, match="Another resource with the same parent"):
        add(root, "sales")
    greedy = add(root, "{proxy+}")
    with pytest.raises(ClientError, match="greedy path variable"):
        add(greedy["id"], "below")
    with pytest.raises(ClientError, match="path part only allow"):
        add(root, "a/b")
    with pytest.raises(ClientError, match="Resources cannot be cyclical"):
        api.update_resource(
            restApiId=api_id,
            resourceId=orders["id"],
            patchOperations=[{"op": "replace", "path": "/parentId", "value": one["id"]}],
        )
    api.delete_resource(restApiId=api_id, resourceId=orders["id"])
    assert len(api.get_resources(restApiId=api_id)["items"]) == 2
    refused(api.delete_resource, "BadRequestException", restApiId=api_id, resourceId=root)


def test_methods_and_integrations(api: Any, rest_api: tuple[str, str]) -> None:
    api_id, root = rest_api
    at = mocked(api, api_id, root)
    assert api.get_method(**at)["methodIntegration"]["integrationResponses"] == {
        "200": {"statusCode": "200"}
    }
    changed = api.update_method(
        **at,
        patchOperations=[
            {"op": "add", "path": "/requestParameters/method.request.header.x", "value": "true"},
            {"op": "replace", "path": "/apiKeyRequired", "value": "true"},
        ],
    )
    assert changed["requestParameters"] == {"method.request.header.x": True}
    api.update_method_response(
        **at,
        statusCode="200",
        patchOperations=[{"op": "add", "path": "/responseParameters/method.response.header.a"}],
    )
    answer = api.get_method_response(**at, statusCode="200")
    assert answer["responseParameters"] == {"method.response.header.a": False}
    api.update_integration_response(
        **at,
        statusCode="200",
        patchOperations=[
            {"op": "add", "path": "/responseParameters/method.response.header.a", "value": "'1'"},
            {"op": "replace", "path": "/selectionPattern", "value": "2.."},
        ],
    )
    answer = api.get_integration_response(**at, statusCode="200")
    assert answer["responseParameters"] == {"method.response.header.a": "'1'"}
    api.update_integration(
        **at, patchOperations=[{"op": "replace", "path": "/timeoutInMillis", "value": "500"}]
    )
    assert api.get_integration(**at)["timeoutInMillis"] == 500
    mapped = {"method.response.header.b": "'1'"}
    refused(
        api.put_integration_response,
        "BadRequestException",
        "Invalid mapping expression parameter specified: method.response.header.b",
        **at,
        statusCode="200",
        responseParameters=mapped,
    )
    refused(api.put_method, "ConflictException", **at, authorizationType="NONE")
    api.delete_integration_response(**at, statusCode="200")
    api.delete_integration(**at)
    refused(api.get_integration, "NotFoundException", "Invalid Integration", **at)
    api.delete_method_response(**at, statusCode="200")
    api.delete_method(**at)
    assert "resourceMethods" not in api.get_resource(restApiId=api_id, resourceId=root)


def test_models_and_validators(api: Any, rest_api: tuple[str, str]) -> None:
    api_id, root = rest_api
    names = [each["name"] for each in api.get_models(restApiId=api_id)["items"]]
    assert names == ["Empty", "Error"]
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    api.create_model(
        restApiId=api_id, name="Order", contentType="application/json", schema=json.dumps(schema)
    )
    reference = f"https://apigateway.amazonaws.com/restapis/{api_id}/models/Order"
    api.create_model(
        restApiId=api_id,
        name="Orders",
        contentType="application/json",
        schema=json.dumps({"type": "array", "items": {"$ref": reference}}),
    )
    flat = api.get_model(restApiId=api_id, modelName="Orders", flatten=True)["schema"]
    assert json.loads(flat)["definitions"] == {"Order": schema}
    plain = {"contentType": "text/plain", "schema": "a text"}
    api.create_model(restApiId=api_id, name="Plain", **plain)
    assert api.get_model(restApiId=api_id, modelName="Plain", flatten=True)["schema"] == "a text"
    template = api.get_model_template(restApiId=api_id, modelName="Order")["value"]
    assert '"id" : "$inputRoot.id"' in template
    api.update_model(
        restApiId=api_id,
        modelName="Order",
        patchOperations=[{"op": "replace", "path": "/description", "value": "one"}],
    )
    refused(api.delete_model, "ConflictException", "Orders", restApiId=api_id, modelName="Order")
    api.delete_model(restApiId=api_id, modelName="Orders")
    validator = api.create_request_validator(restApiId=api_id, name="all")["id"]
    named = {"restApiId": api_id, "requestValidatorId": validator}
    api.update_request_validator(
        **named,
        patchOperations=[{"op": "replace", "path": "/validateRequestBody", "value": "true"}],
    )
    assert api.get_request_validator(**named)["validateRequestBody"] is True
    at = {"restApiId": api_id, "resourceId": root, "httpMethod": "POST"}
    api.put_method(**at, authorizationType="NONE", requestValidatorId=validator)
    refused(api.delete_request_validator, "ConflictException", **named)
    api.delete_method(**at)
    api.delete_request_validator(**named)
    assert api.get_request_validators(restApiId=api_id)["items"] == []


def test_authorizers(api: Any, rest_api: tuple[str, str]) -> None:
    api_id, root = rest_api
    made = api.create_authorizer(
        restApiId=api_id, name="token", type="TOKEN", authorizerUri=INVOKED,
        identitySource="method.request.header.Auth",
    )  # fmt: skip
    assert made["authType"] == "custom"
    named = {"restApiId": api_id, "authorizerId": made["id"]}
    api.update_authorizer(
        **named,
        patchOperations=[{"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "0"}],
    )
    assert api.get_authorizer(**named)["authorizerResultTtlInSeconds"] == 0
    at = {"restApiId": api_id, "resourceId": root, "httpMethod": "GET"}
    refused(api.put_method, "BadRequestException", "requires a valid authorizer", **at,
            authorizationType="CUSTOM", authorizerId="nothing")  # fmt: skip
    api.put_method(**at, authorizationType="CUSTOM", authorizerId=made["id"])
    refused(api.delete_authorizer, "ConflictException", **named)
    api.delete_method(**at)
    api.delete_authorizer(**named)
    assert api.get_authorizers(restApiId=api_id)["items"] == []


def test_gateway_responses(api: Any, rest_api: tuple[str, str]) -> None:
    named = {"restApiId": rest_api[0], "responseType": "THROTTLED"}
    assert api.get_gateway_response(**named)["defaultResponse"] is True
    made = api.put_gateway_response(**named, responseParameters={
        "gatewayresponse.header.Retry-After": "'1'"
    })  # fmt: skip
    assert made["statusCode"] == "429"
    changed = api.update_gateway_response(
        **named, patchOperations=[{"op": "replace", "path": "/statusCode", "value": "503"}]
    )
    assert changed["statusCode"] == "503"
    assert len(api.get_gateway_responses(restApiId=rest_api[0])["items"]) == 21
    api.delete_gateway_response(**named)
    refused(api.delete_gateway_response, "NotFoundException", **named)


def test_deployments_and_stages(api: Any, rest_api: tuple[str, str]) -> None:
    api_id, root = rest_api
    refused(api.create_deployment, "BadRequestException", "any methods", restApiId=api_id)
    mocked(api, api_id, root)
    first = api.create_deployment(restApiId=api_id, stageName="dev", variables={"a": "b"})["id"]
    second = api.create_deployment(restApiId=api_id, description="second")["id"]
    api.create_stage(restApiId=api_id, stageName="prod", deploymentId=second, tags={"t": "v"})
    assert len(api.get_deployments(restApiId=api_id)["items"]) == 2
    summary = api.get_deployment(restApiId=api_id, deploymentId=first, embed=["apisummary"])
    assert list(summary["apiSummary"]) == ["/"]
    api.update_deployment(
        restApiId=api_id,
        deploymentId=second,
        patchOperations=[{"op": "replace", "path": "/description", "value": "2"}],
    )
    stage = api.update_stage(
        restApiId=api_id,
        stageName="dev",
        patchOperations=[
            {"op": "replace", "path": "/variables/c", "value": "d"},
            {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"},
            {"op": "replace", "path": "/~1orders/GET/throttling/rateLimit", "value": "5"},
        ],
    )
    assert stage["variables"] == {"a": "b", "c": "d"}
    assert stage["methodSettings"]["*/*"]["loggingLevel"] == "INFO"
    assert stage["methodSettings"]["orders/GET"]["throttlingRateLimit"] == 5.0
    refused(
        api.update_stage, "BadRequestException", "Invalid method setting path: /nothing",
        restApiId=api_id, stageName="dev",
        patchOperations=[{"op": "replace", "path": "/nothing", "value": "1"}],
    )  # fmt: skip
    assert api.get_stage(restApiId=api_id, stageName="prod")["tags"] == {"t": "v"}
    assert len(api.get_stages(restApiId=api_id)["item"]) == 2
    refused(api.delete_deployment, "BadRequestException", restApiId=api_id, deploymentId=first)
    api.flush_stage_cache(restApiId=api_id, stageName="dev")
    api.flush_stage_authorizers_cache(restApiId=api_id, stageName="dev")
    api.delete_stage(restApiId=api_id, stageName="dev")
    api.delete_deployment(restApiId=api_id, deploymentId=first)


def test_a_patch_without_an_operation_is_none(api: Any, rest_api: tuple[str, str]) -> None:
    api_id, root = rest_api
    mocked(api, api_id, root)
    api.create_deployment(restApiId=api_id, stageName="dev")
    for call, path, named in (
        (api.update_rest_api, "/endpointConfiguration/types/0", {}),
        (api.update_resource, "/pathPart", {"resourceId": root}),
        (api.update_stage, "/description", {"stageName": "dev"}),
    ):
        patches = [{"path": path, "value": "REGIONAL"}]
        refused(call, "BadRequestException", restApiId=api_id, **named, patchOperations=patches)


def test_keys_and_usage_plans(api: Any, rest_api: tuple[str, str]) -> None:
    api_id, root = rest_api
    mocked(api, api_id, root)
    api.create_deployment(restApiId=api_id, stageName="dev")
    key = api.create_api_key(name="mine", enabled=True)
    assert len(key["value"]) == 40
    assert "value" not in api.get_api_key(apiKey=key["id"])
    assert api.get_api_key(apiKey=key["id"], includeValue=True)["value"] == key["value"]
    assert api.get_api_keys(nameQuery="mi")["items"][0]["id"] == key["id"]
    api.update_api_key(
        apiKey=key["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}]
    )
    assert api.get_api_key(apiKey=key["id"])["enabled"] is False
    rows = f"Name,Key,Description,Enabled,UsageplanIds\nimported,{'k' * 25},one,true,\n"
    imported = api.import_api_keys(body=rows.encode(), format="csv")
    assert len(imported["ids"]) == 1
    plan = api.create_usage_plan(
        name="basic",
        apiStages=[{"apiId": api_id, "stage": "dev"}],
        quota={"limit": 10, "period": "DAY"},
    )
    assert plan["quota"] == {"limit": 10, "offset": 0, "period": "DAY"}
    named = {"usagePlanId": plan["id"]}
    changed = api.update_usage_plan(
        **named,
        patchOperations=[
            {"op": "replace", "path": "/throttle/rateLimit", "value": "2"},
            {
                "op": "replace",
                "path": f"/apiStages/{api_id}:dev/throttle/~1orders/GET/rateLimit",
                "value": "1",
            },
        ],
    )
    assert changed["throttle"] == {"burstLimit": 0, "rateLimit": 2.0}
    assert changed["apiStages"][0]["throttle"] == {"/orders/GET": {"rateLimit": 1.0}}
    for path in ("/apiStages", "/name"):
        patches = [{"path": path, "value": "x:y"}]
        refused(api.update_usage_plan, "BadRequestException", **named, patchOperations=patches)
    api.create_usage_plan_key(**named, keyId=key["id"], keyType="API_KEY")
    assert api.get_usage_plan_key(**named, keyId=key["id"])["name"] == "mine"
    assert len(api.get_usage_plan_keys(**named)["items"]) == 1
    assert api.get_usage_plan(**named)["id"] == plan["id"]
    assert plan["id"] in [each["id"] for each in api.get_usage_plans()["items"]]
    today = api.update_usage(
        **named,
        keyId=key["id"],
        patchOperations=[{"op": "replace", "path": "/remaining", "value": "3"}],
    )
    assert today["items"][key["id"]] == [[0, 3]]
    usage = api.get_usage(**named, startDate=today["startDate"], endDate=today["endDate"])
    assert usage["items"][key["id"]] == [[0, 3]]
    api.delete_usage_plan_key(**named, keyId=key["id"])
    refused(api.delete_usage_plan, "BadRequestException", **named)
    stage = f"{api_id}:dev"
    remove = [{"op": "remove", "path": "/apiStages", "value": stage}]
    api.update_usage_plan(**named, patchOperations=remove)
    api.delete_usage_plan(**named)
    api.delete_api_key(apiKey=key["id"])


def test_domain_names_and_mappings(api: Any, rest_api: tuple[str, str]) -> None:
    api_id, root = rest_api
    mocked(api, api_id, root)
    api.create_deployment(restApiId=api_id, stageName="dev")
    name = f"{api_id}.example.com"
    made = api.create_domain_name(
        domainName=name,
        regionalCertificateArn="arn:aws:acm:us-east-1:000000000000:certificate/c",
        endpointConfiguration={"types": ["REGIONAL"]},
    )
    assert made["regionalDomainName"].startswith("d-")
    api.create_base_path_mapping(domainName=name, basePath="v1", restApiId=api_id, stage="dev")
    changed = api.update_base_path_mapping(
        domainName=name,
        basePath="v1",
        patchOperations=[{"op": "replace", "path": "/basePath", "value": "v2"}],
    )
    assert changed["basePath"] == "v2"
    assert api.get_base_path_mapping(domainName=name, basePath="v2")["stage"] == "dev"
    assert len(api.get_base_path_mappings(domainName=name)["items"]) == 1
    refused(api.delete_rest_api, "BadRequestException", "base path", restApiId=api_id)
    api.delete_base_path_mapping(domainName=name, basePath="v2")
    api.update_domain_name(
        domainName=name,
        patchOperations=[{"op": "replace", "path": "/securityPolicy", "value": "TLS_1_0"}],
    )
    assert api.get_domain_name(domainName=name)["securityPolicy"] == "TLS_1_0"
    assert name in [each["domainName"] for each in api.get_domain_names()["items"]]
    api.delete_domain_name(domainName=name)


def test_a_domain_name_moves_from_edge_to_region(api: Any) -> None:
    name = "moves.example.com"

    def patched(*operations: tuple[str, str, str]) -> Any:
        patches = [dict(zip(("op", "path", "value"), each, strict=True)) for each in operations]
        return api.update_domain_name(domainName=name, patchOperations=patches)

    types = "/endpointConfiguration/types"
    edge = api.create_domain_name(domainName=name)["distributionDomainName"]
    both = patched(("add", types, "REGIONAL"), ("add", "/regionalCertificateArn", "arn:c"))
    assert both["endpointConfiguration"]["types"] == ["EDGE", "REGIONAL"]
    assert both["distributionDomainName"] == edge
    assert both["regionalDomainName"].startswith("d-")
    assert both["regionalHostedZoneId"]
    assert both["regionalCertificateArn"] == "arn:c"
    regional = patched(("remove", f"{types}/EDGE", ""))
    assert regional["regionalDomainName"] == both["regionalDomainName"]
    assert {"distributionDomainName", "distributionHostedZoneId"}.isdisjoint(regional)
    back = patched(("replace", f"{types}/REGIONAL", "EDGE"))
    assert back["distributionDomainName"] != edge
    assert "regionalDomainName" not in back
    assert (
        api.get_domain_name(domainName=name)["distributionDomainName"]
        == (back["distributionDomainName"])
    )
    for wrong in (("replace", f"{types}/EDGE", "PRIVATE"), ("remove", f"{types}/EDGE", "")):
        with pytest.raises(ClientError, match="BadRequest"):
            patched(wrong)
    api.delete_domain_name(domainName=name)


def test_documentation(api: Any, rest_api: tuple[str, str]) -> None:
    api_id = rest_api[0]
    made = api.create_documentation_part(
        restApiId=api_id, location={"type": "API"}, properties='{"a": 1}'
    )
    named = {"restApiId": api_id, "documentationPartId": made["id"]}
    api.update_documentation_part(
        **named, patchOperations=[{"op": "replace", "path": "/properties", "value": '{"a": 2}'}]
    )
    assert api.get_documentation_part(**named)["properties"] == '{"a": 2}'
    api.create_documentation_version(restApiId=api_id, documentationVersion="1")
    version = {"restApiId": api_id, "documentationVersion": "1"}
    api.update_documentation_version(
        **version, patchOperations=[{"op": "replace", "path": "/description", "value": "one"}]
    )
    assert api.get_documentation_version(**version)["description"] == "one"
    assert len(api.get_documentation_versions(restApiId=api_id)["items"]) == 1
    api.delete_documentation_version(**version)
    parts = {"documentationParts": [{"location": {"type": "API"}, "properties": {"b": 1}}]}
    body = json.dumps({"x-amazon-apigateway-documentation": parts}).encode()
    imported = api.import_documentation_parts(restApiId=api_id, mode="merge", body=body)
    assert imported["ids"] == [made["id"]]
    assert len(api.get_documentation_parts(restApiId=api_id, type="API")["items"]) == 1
    api.delete_documentation_part(**named)


def test_what_an_account_has(api: Any) -> None:
    assert api.get_account()["apiKeyVersion"] == "4"
    role = "arn:aws:iam::000000000000:role/logs"
    changed = api.update_account(
        patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]
    )
    assert changed["cloudwatchRoleArn"] == role
    made = api.generate_client_certificate(description="mine")
    assert made["pemEncodedCertificate"].startswith("-----BEGIN CERTIFICATE-----")
    named = {"clientCertificateId": made["clientCertificateId"]}
    api.update_client_certificate(
        **named, patchOperations=[{"op": "replace", "path": "/description", "value": "yours"}]
    )
    assert api.get_client_certificate(**named)["description"] == "yours"
    assert len(api.get_client_certificates()["items"]) == 1
    api.delete_client_certificate(**named)
    target = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/nlb/1"
    link = api.create_vpc_link(name="link", targetArns=[target])
    assert link["status"] == "PENDING"
    api.update_vpc_link(
        vpcLinkId=link["id"], patchOperations=[{"op": "replace", "path": "/name", "value": "l"}]
    )
    assert api.get_vpc_link(vpcLinkId=link["id"])["status"] == "AVAILABLE"
    assert [each["name"] for each in api.get_vpc_links()["items"]] == ["l"]
    api.delete_vpc_link(vpcLinkId=link["id"])
    assert api.get_sdk_type(id="java")["friendlyName"] == "Java"
    assert len(api.get_sdk_types()["items"]) == 6


def test_a_definition_is_imported_and_put(api: Any) -> None:
    definition = {
        "openapi": "3.0.1",
        "info": {"title": "shop", "version": "1"},
        "paths": {
            "/orders/{id}": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "get": {
                    "operationId": "read",
                    "security": [{"key": []}],
                    "responses": {"200": {"description": "ok"}},
                    "x-amazon-apigateway-integration": {
                        "type": "aws_proxy", "httpMethod": "POST", "uri": INVOKED,
                    },
                },
                "x-amazon-apigateway-any-method": {
                    "x-amazon-apigateway-integration": {"type": "mock"}
                },
            }
        },
        "components": {
            "schemas": {"Order": {"type": "object"}},
            "securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
        },
        "x-amazon-apigateway-binary-media-types": ["*/*"],
    }  # fmt: skip
    made = api.import_rest_api(body=json.dumps(definition).encode())
    resources = api.get_resources(restApiId=made["id"], embed=["methods"])["items"]
    one = next(each for each in resources if each["path"] == "/orders/{id}")["resourceMethods"]
    assert one["GET"]["apiKeyRequired"] is True
    assert one["GET"]["methodIntegration"]["uri"] == INVOKED
    assert one["ANY"]["methodIntegration"]["type"] == "MOCK"
    put = api.put_rest_api(
        restApiId=made["id"], mode="overwrite", body=b"swagger: '2.0'\ninfo: {title: empty}\n"
    )
    assert put["name"] == "empty"
    assert len(api.get_resources(restApiId=made["id"])["items"]) == 1
    refused(api.import_rest_api, "BadRequestException", "Invalid OpenAPI input", body=b"[1]")
    for bomb in (f"swagger: '2.0'\n{BOMB}", "swagger: '2.0'\nx: [" + "[" * 5000):
        refused(
            api.import_rest_api, "BadRequestException", "Invalid OpenAPI input", body=bomb.encode()
        )


def test_what_is_changed_at_once_is_all_kept(running: Running, api: Any) -> None:
    """Stacks make sixteen resources at once, deployments among them."""
    made = api.create_rest_api(name="crowd")
    api_id, root = made["id"], made["rootResourceId"]
    mocked(api, api_id, root)
    table = running.emulator.parts.table

    async def crowd() -> None:
        calls = []
        for number in range(20):
            part = {"restApiId": api_id, "parentId": root, "pathPart": f"p{number}"}
            calls.append(table.call("apigateway", "CreateResource", part))
            stage = {"restApiId": api_id, "stageName": f"s{number}"}
            calls.append(table.call("apigateway", "CreateDeployment", stage))
        await asyncio.gather(*calls)

    running.call(crowd)
    assert len(api.get_resources(restApiId=api_id)["items"]) == 21
    assert len(api.get_stages(restApiId=api_id)["item"]) == 20
    assert len(api.get_deployments(restApiId=api_id)["items"]) == 20


def test_apis_outlast_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    running = Running(settings, driver=ScriptedDriver())
    client = running.client("apigateway")
    made = client.create_rest_api(name="kept")
    mocked(client, made["id"], made["rootResourceId"])
    client.create_deployment(restApiId=made["id"], stageName="dev")
    client.create_domain_name(
        domainName="kept.example.com", endpointConfiguration={"types": ["REGIONAL"]}
    )
    client.create_base_path_mapping(
        domainName="kept.example.com", restApiId=made["id"], stage="dev"
    )
    running.stop()
    again = Running(settings, driver=ScriptedDriver())
    try:
        port = again.emulator.port
        for host, path in (
            (f"{made['id']}.execute-api.us-east-1.localhost", "/dev/"),
            ("kept.example.com", "/"),
        ):
            connection = http.client.HTTPConnection("localhost", port, timeout=60)
            connection.request("GET", path, headers={"Host": host})
            assert connection.getresponse().status == 200, host
            connection.close()
    finally:
        again.stop()


def test_an_import_tells_all_its_errors(api: Any) -> None:
    def broken(path: str) -> dict[str, Any]:
        integration = {"type": "http", "httpMethod": "GET", "uri": "no address"}
        return {path: {"get": {"responses": {}, "x-amazon-apigateway-integration": integration}}}

    document = {
        "openapi": "3.0.1", "info": {"title": "broken", "version": "1"},
        "paths": {**broken("/"), **broken("/{proxy+}")},
    }  # fmt: skip
    before = len(api.get_rest_apis(limit=500)["items"])
    with pytest.raises(ClientError) as refused:
        api.import_rest_api(body=json.dumps(document).encode())
    said = "Unable to put integration on 'GET' for resource at path '{}': "
    said += "Invalid HTTP endpoint specified for URI"
    assert refused.value.response["Error"]["Message"] == (
        f"Errors found during import:\n\t{said.format('/')}\n\t{said.format('/{proxy+}')}"
    )
    assert len(api.get_rest_apis(limit=500)["items"]) == before
