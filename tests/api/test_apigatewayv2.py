"""The API of HTTP and WebSocket APIs: what is made, read, changed, listed and removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.unit.model.test_plain_yaml import BOMB

from .conftest import Running

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:hello"


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[Any]:
    client = running.client("apigatewayv2")
    yield client
    client.close()


@pytest.fixture
def http(client: Any) -> str:
    api_id: str = client.create_api(Name="web", ProtocolType="HTTP")["ApiId"]
    return api_id


@pytest.fixture
def sockets(client: Any) -> str:
    made = client.create_api(
        Name="chat",
        ProtocolType="WEBSOCKET",
        RouteSelectionExpression="$request.body.action",
    )
    api_id: str = made["ApiId"]
    return api_id


def body(answer: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in answer.items() if k != "ResponseMetadata"}


def refused(code: str, call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**request)
    assert refusal.value.response["Error"]["Code"] == code
    return str(refusal.value.response["Error"]["Message"])


def target(client: Any, api_id: str, **fields: Any) -> str:
    made = client.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=FUNCTION,
        **{"PayloadFormatVersion": "2.0", **fields},
    )
    return f"integrations/{made['IntegrationId']}"


@pytest.mark.parametrize("name", ["", "n" * 129])
def test_an_api_has_a_name(client: Any, name: str) -> None:
    said = refused("BadRequestException", client.create_api, Name=name, ProtocolType="HTTP")
    assert said == "Invalid API name specified"
    api_id = client.create_api(Name="named", ProtocolType="HTTP")["ApiId"]
    refused("BadRequestException", client.update_api, ApiId=api_id, Name=name)
    assert client.get_api(ApiId=api_id)["Name"] == "named"


def test_the_life_of_an_api(running: Running, client: Any) -> None:
    made = client.create_api(
        Name="life", ProtocolType="HTTP", Tags={"a": "1"}, Description="first", Version="1"
    )
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    api_id = made["ApiId"]
    port = running.emulator.port
    assert made["ApiEndpoint"] == f"http://{api_id}.execute-api.us-east-1.localhost:{port}"
    assert body(made) | {"CreatedDate": None, "ApiEndpoint": None} == {
        "ApiEndpoint": None,
        "ApiId": api_id,
        "ApiKeySelectionExpression": "$request.header.x-api-key",
        "CreatedDate": None,
        "Description": "first",
        "DisableExecuteApiEndpoint": False,
        "IpAddressType": "ipv4",
        "Name": "life",
        "ProtocolType": "HTTP",
        "RouteSelectionExpression": "$request.method $request.path",
        "Tags": {"a": "1"},
        "Version": "1",
    }
    assert body(client.get_api(ApiId=api_id)) == body(made)
    assert api_id in {each["ApiId"] for each in client.get_apis()["Items"]}
    changed = client.update_api(
        ApiId=api_id, Name="other", Description="", CorsConfiguration={"AllowOrigins": ["*"]}
    )
    assert (changed["Name"], changed["CorsConfiguration"]) == ("other", {"AllowOrigins": ["*"]})
    assert "Description" not in changed
    client.delete_cors_configuration(ApiId=api_id)
    assert "CorsConfiguration" not in client.get_api(ApiId=api_id)
    assert client.delete_api(ApiId=api_id)["ResponseMetadata"]["HTTPStatusCode"] == 204
    text = refused("NotFoundException", client.get_api, ApiId=api_id)
    assert text == f"Invalid API identifier specified 000000000000:{api_id}"


def test_ids_are_the_same_at_each_start(client: Any) -> None:
    first = client.create_api(Name="stable", ProtocolType="HTTP")["ApiId"]
    second = client.create_api(Name="stable", ProtocolType="HTTP")["ApiId"]
    assert first != second
    client.delete_api(ApiId=first)
    assert client.create_api(Name="stable", ProtocolType="HTTP")["ApiId"] == first
    own = client.create_api(Name="own", ProtocolType="HTTP", Tags={"_custom_id_": "mine1"})
    assert own["ApiId"] == "mine1"


def test_quick_create(client: Any) -> None:
    api_id = client.create_api(Name="quick", ProtocolType="HTTP", Target=FUNCTION)["ApiId"]
    (integration,) = client.get_integrations(ApiId=api_id)["Items"]
    assert integration["ApiGatewayManaged"] is True
    assert integration["PayloadFormatVersion"] == "2.0"
    (route,) = client.get_routes(ApiId=api_id)["Items"]
    assert route["RouteKey"] == "$default"
    assert route["Target"] == f"integrations/{integration['IntegrationId']}"
    (stage,) = client.get_stages(ApiId=api_id)["Items"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    client.update_api(ApiId=api_id, Target="https://example.com/", RouteKey="GET /a")
    (integration,) = client.get_integrations(ApiId=api_id)["Items"]
    assert integration["IntegrationType"] == "HTTP_PROXY"
    (route,) = client.get_routes(ApiId=api_id)["Items"]
    assert route["RouteKey"] == "GET /a"


def test_the_life_of_a_route(client: Any, http: str) -> None:
    to = target(client, http)
    made = client.create_route(ApiId=http, RouteKey="GET /a/{id}", Target=to)
    assert body(made) == {
        "ApiKeyRequired": False,
        "AuthorizationType": "NONE",
        "RouteId": made["RouteId"],
        "RouteKey": "GET /a/{id}",
        "Target": to,
    }
    named = {"ApiId": http, "RouteId": made["RouteId"]}
    assert body(client.get_route(**named)) == body(made)
    text = refused("ConflictException", client.create_route, ApiId=http, RouteKey="GET /a/{id}")
    assert text == "Route with key GET /a/{id} already exists for this API"
    assert client.update_route(**named, RouteKey="ANY /b")["RouteKey"] == "ANY /b"
    text = refused(
        "ConflictException",
        client.delete_integration,
        ApiId=http,
        IntegrationId=to.partition("/")[2],
    )
    assert "ANY /b" in text
    client.update_route(**named, RequestParameters={"a": {"Required": True}})
    client.delete_route_request_parameter(**named, RequestParameterKey="a")
    client.delete_route(**named)
    refused("NotFoundException", client.get_route, **named)
    assert client.get_routes(ApiId=http)["Items"] == []


@pytest.mark.parametrize(
    "key", ["", "GET", "get /a", "FETCH /a", "GET a", "GET /{a+}/b", "GET /a{b}", "GET /{a}/{a}"]
)
def test_route_keys_that_are_none(client: Any, http: str, key: str) -> None:
    refused("BadRequestException", client.create_route, ApiId=http, RouteKey=key)


def test_the_life_of_an_integration(client: Any, http: str) -> None:
    made = client.create_integration(
        ApiId=http,
        IntegrationType="HTTP_PROXY",
        IntegrationUri="https://example.com",
        IntegrationMethod="GET",
        RequestParameters={"append:header.a": "1", "append:header.b": "2"},
    )
    assert body(made) == {
        "ConnectionType": "INTERNET",
        "IntegrationId": made["IntegrationId"],
        "IntegrationMethod": "GET",
        "IntegrationType": "HTTP_PROXY",
        "IntegrationUri": "https://example.com",
        "PayloadFormatVersion": "1.0",
        "RequestParameters": {"append:header.a": "1", "append:header.b": "2"},
        "TimeoutInMillis": 30000,
    }
    named = {"ApiId": http, "IntegrationId": made["IntegrationId"]}
    changed = client.update_integration(
        **named, TimeoutInMillis=50, RequestParameters={"append:header.a": ""}
    )
    assert changed["RequestParameters"] == {"append:header.b": "2"}
    assert body(client.get_integration(**named)) == body(changed)
    client.delete_integration(**named)
    refused("NotFoundException", client.get_integration, **named)


@pytest.mark.parametrize(
    "fields",
    [
        {"IntegrationType": "MOCK"},
        {"IntegrationType": "AWS_PROXY"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION, "PayloadFormatVersion": "3"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION, "TimeoutInMillis": 30_001},
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://example.com"},
        {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-Nothing"},
        {
            "IntegrationType": "AWS_PROXY",
            "IntegrationSubtype": "AppConfig-GetConfiguration",
            "CredentialsArn": "arn:aws:iam::000000000000:role/r",
        },
        {
            "IntegrationType": "AWS_PROXY",
            "IntegrationSubtype": "SQS-SendMessage",
            "CredentialsArn": "arn:aws:iam::000000000000:role/r",
            "RequestParameters": {"QueueUrl": "http://localhost/q"},
        },
    ],
)
def test_integrations_that_are_none(client: Any, http: str, fields: dict[str, Any]) -> None:
    refused("BadRequestException", client.create_integration, ApiId=http, **fields)


def test_the_life_of_an_authorizer(client: Any, http: str) -> None:
    jwt = {"Issuer": "https://issuer.example", "Audience": ["me"]}
    made = client.create_authorizer(
        ApiId=http,
        Name="tokens",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration=jwt,
    )
    named = {"ApiId": http, "AuthorizerId": made["AuthorizerId"]}
    assert body(client.get_authorizer(**named)) == body(made)
    assert client.get_authorizers(ApiId=http)["Items"][0]["JwtConfiguration"] == jwt
    assert client.update_authorizer(**named, Name="other")["Name"] == "other"
    fields = {"AuthorizationType": "JWT", "AuthorizerId": made["AuthorizerId"]}
    client.create_route(ApiId=http, RouteKey="GET /a", AuthorizationScopes=["read"], **fields)
    refused("ConflictException", client.delete_authorizer, **named)
    (route,) = client.get_routes(ApiId=http)["Items"]
    client.update_route(ApiId=http, RouteId=route["RouteId"], AuthorizationType="NONE")
    client.delete_authorizer(**named)
    refused("NotFoundException", client.get_authorizer, **named)
    refused(
        "BadRequestException",
        client.create_authorizer,
        ApiId=http,
        Name="asked",
        AuthorizerType="REQUEST",
        AuthorizerUri=FUNCTION,
        IdentitySource=[],
    )


def test_the_life_of_a_stage_and_its_deployments(client: Any, http: str) -> None:
    text = refused("BadRequestException", client.create_deployment, ApiId=http)
    assert text == "At least one route is required before deploying the Api."
    client.create_route(ApiId=http, RouteKey="$default", Target=target(client, http))
    made = client.create_stage(ApiId=http, StageName="dev", StageVariables={"a": "1", "b": "2"})
    shown = body(made) | {"CreatedDate": None, "LastUpdatedDate": None}
    assert shown == {
        "CreatedDate": None,
        "DefaultRouteSettings": {"DetailedMetricsEnabled": False},
        "LastUpdatedDate": None,
        "RouteSettings": {},
        "StageName": "dev",
        "StageVariables": {"a": "1", "b": "2"},
        "Tags": {},
    }
    named = {"ApiId": http, "StageName": "dev"}
    refused("ConflictException", client.create_stage, **named)
    deployed = client.create_deployment(**named, Description="one")
    assert (deployed["AutoDeployed"], deployed["DeploymentStatus"]) == (False, "DEPLOYED")
    this = {"ApiId": http, "DeploymentId": deployed["DeploymentId"]}
    assert client.get_stage(**named)["DeploymentId"] == deployed["DeploymentId"]
    assert client.update_deployment(**this, Description="two")["Description"] == "two"
    assert client.get_deployment(**this)["Description"] == "two"
    refused("BadRequestException", client.delete_deployment, **this)
    changed = client.update_stage(
        **named,
        AutoDeploy=True,
        StageVariables={"a": ""},
        RouteSettings={"$default": {"ThrottlingBurstLimit": 1}},
        AccessLogSettings={
            "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:g",
            "Format": "$context.requestId",
        },
    )
    assert changed["StageVariables"] == {"b": "2"}
    assert changed["DeploymentId"] != deployed["DeploymentId"]
    assert changed["LastDeploymentStatusMessage"] == (
        f"Successfully deployed stage with deployment ID '{changed['DeploymentId']}'"
    )
    newest = client.get_deployments(ApiId=http)["Items"][0]
    assert newest["AutoDeployed"] is True
    client.create_route(ApiId=http, RouteKey="GET /new")
    assert client.get_stage(**named)["DeploymentId"] != changed["DeploymentId"]
    client.delete_route_settings(**named, RouteKey="$default")
    client.delete_access_log_settings(**named)
    client.reset_authorizers_cache(**named)
    stage = client.get_stage(**named)
    assert (stage["RouteSettings"], stage.get("AccessLogSettings")) == ({}, None)
    client.delete_deployment(**this)
    client.delete_stage(**named)
    refused("NotFoundException", client.get_stage, **named)


def test_changes_before_a_restart_are_deployed_after_it(tmp_path: Path) -> None:
    first = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    client = first.client("apigatewayv2")
    api_id = client.create_api(Name="web", ProtocolType="HTTP")["ApiId"]
    client.create_route(ApiId=api_id, RouteKey="GET /old", Target=target(client, api_id))
    client.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    client.create_route(ApiId=api_id, RouteKey="GET /new", Target=target(client, api_id))
    client.close()
    first.stop()
    deployed = []
    for _ in range(2):
        running = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
        client = running.client("apigatewayv2")
        deployed.append(client.get_deployments(ApiId=api_id)["Items"])
        exported = client.export_api(
            ApiId=api_id, Specification="OAS30", OutputType="JSON", StageName="$default"
        )
        assert sorted(json.loads(exported["body"].read())["paths"]) == ["/new", "/old"]
        client.close()
        running.stop()
    # One for the stage, one for what changed after it; and none where nothing has changed since.
    assert [len(each) for each in deployed] == [2, 2]


def test_the_parts_of_websocket_apis(client: Any, sockets: str) -> None:
    integration = client.create_integration(
        ApiId=sockets,
        IntegrationType="MOCK",
        RequestTemplates={"200": '{"statusCode": 200}'},
        TemplateSelectionExpression="200",
    )
    assert integration["PassthroughBehavior"] == "WHEN_NO_MATCH"
    assert integration["TimeoutInMillis"] == 29000
    owner = {"ApiId": sockets, "IntegrationId": integration["IntegrationId"]}
    response = client.create_integration_response(**owner, IntegrationResponseKey="$default")
    named = {**owner, "IntegrationResponseId": response["IntegrationResponseId"]}
    refused(
        "ConflictException",
        client.create_integration_response,
        **owner,
        IntegrationResponseKey="$default",
    )
    changed = client.update_integration_response(**named, IntegrationResponseKey="/2\\d\\d/")
    assert body(client.get_integration_response(**named)) == body(changed)
    assert len(client.get_integration_responses(**owner)["Items"]) == 1
    client.delete_integration_response(**named)
    route = client.create_route(
        ApiId=sockets, RouteKey="send", RouteResponseSelectionExpression="$default"
    )
    owner = {"ApiId": sockets, "RouteId": route["RouteId"]}
    made = client.create_route_response(**owner, RouteResponseKey="$default")
    named = {**owner, "RouteResponseId": made["RouteResponseId"]}
    assert body(client.get_route_response(**named)) == body(made)
    client.update_route_response(**named, ModelSelectionExpression="$default")
    assert len(client.get_route_responses(**owner)["Items"]) == 1
    client.delete_route_response(**named)
    client.create_route_response(**owner, RouteResponseKey="$default")
    client.delete_route(**owner)
    refused("NotFoundException", client.get_route_responses, **owner)


def test_the_life_of_a_model(client: Any, sockets: str) -> None:
    schema = json.dumps({"type": "object", "properties": {"a": {"type": "string"}}})
    made = client.create_model(ApiId=sockets, Name="Message", Schema=schema)
    assert made["ContentType"] == "application/json"
    named = {"ApiId": sockets, "ModelId": made["ModelId"]}
    assert body(client.get_model(**named)) == body(made)
    assert "$inputRoot.a" in client.get_model_template(**named)["Value"]
    assert client.update_model(**named, Description="text")["Description"] == "text"
    assert len(client.get_models(ApiId=sockets)["Items"]) == 1
    refused("BadRequestException", client.update_model, **named, Schema="{")
    client.delete_model(**named)
    refused("NotFoundException", client.get_model, **named)


def test_what_websocket_apis_need(client: Any, sockets: str) -> None:
    refused("BadRequestException", client.create_api, Name="a", ProtocolType="WEBSOCKET")
    refused(
        "BadRequestException",
        client.create_route,
        ApiId=sockets,
        RouteKey="send",
        AuthorizationType="AWS_IAM",
    )


def test_domain_names_and_mappings(client: Any, http: str) -> None:
    name = "api.example.com"
    configuration = {"CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/a"}
    made = client.create_domain_name(DomainName=name, DomainNameConfigurations=[configuration])
    (shown,) = made["DomainNameConfigurations"]
    assert shown["DomainNameStatus"] == "AVAILABLE"
    assert shown["EndpointType"] == "REGIONAL"
    assert made["DomainNameArn"] == f"arn:aws:apigateway:us-east-1::/domainnames/{name}"
    refused(
        "ConflictException",
        client.create_domain_name,
        DomainName=name,
        DomainNameConfigurations=[configuration],
    )
    assert body(client.get_domain_name(DomainName=name)) == body(made)
    assert [each["DomainName"] for each in client.get_domain_names()["Items"]] == [name]
    client.update_domain_name(DomainName=name, DomainNameConfigurations=[configuration])
    client.create_stage(ApiId=http, StageName="dev")
    mapping = client.create_api_mapping(
        DomainName=name, ApiId=http, Stage="dev", ApiMappingKey="v1/pets"
    )
    named = {"DomainName": name, "ApiMappingId": mapping["ApiMappingId"]}
    assert body(client.get_api_mapping(**named)) == body(mapping)
    changed = client.update_api_mapping(**named, ApiId=http, ApiMappingKey="v2")
    assert changed["ApiMappingKey"] == "v2"
    assert len(client.get_api_mappings(DomainName=name)["Items"]) == 1
    refused(
        "ConflictException",
        client.create_api_mapping,
        DomainName=name,
        ApiId=http,
        Stage="dev",
        ApiMappingKey="v2",
    )
    refused("BadRequestException", client.delete_stage, ApiId=http, StageName="dev")
    refused("BadRequestException", client.delete_api, ApiId=http)
    client.delete_api_mapping(**named)
    refused("NotFoundException", client.get_api_mapping, **named)
    client.delete_domain_name(DomainName=name)
    refused("NotFoundException", client.get_domain_name, DomainName=name)


def test_links_to_private_networks(client: Any) -> None:
    made = client.create_vpc_link(Name="link", SubnetIds=["subnet-1"])
    named = {"VpcLinkId": made["VpcLinkId"]}
    assert body(client.get_vpc_link(**named)) == body(made)
    assert client.update_vpc_link(**named, Name="other")["Name"] == "other"
    assert len(client.get_vpc_links()["Items"]) == 1
    assert client.delete_vpc_link(**named)["ResponseMetadata"]["HTTPStatusCode"] == 202
    refused("NotFoundException", client.get_vpc_link, **named)


def test_tags(client: Any, http: str) -> None:
    client.create_stage(ApiId=http, StageName="dev", Tags={"a": "1"})
    for arn in (f"/apis/{http}", f"/apis/{http}/stages/dev"):
        whole = f"arn:aws:apigateway:us-east-1::{arn}"
        client.tag_resource(ResourceArn=whole, Tags={"b": "2", "c": "3"})
        client.untag_resource(ResourceArn=whole, TagKeys=["c", "a"])
        assert client.get_tags(ResourceArn=whole)["Tags"] == {"b": "2"}
    refused("BadRequestException", client.get_tags, ResourceArn="arn:aws:sqs:us-east-1:0:a")


def test_lists_come_in_pages(client: Any, http: str) -> None:
    for number in range(5):
        client.create_route(ApiId=http, RouteKey=f"GET /{number}")
    first = client.get_routes(ApiId=http, MaxResults="3")
    rest = client.get_routes(ApiId=http, MaxResults="3", NextToken=first["NextToken"])
    assert [len(first["Items"]), len(rest["Items"]), rest.get("NextToken")] == [3, 2, None]


def test_an_account_sees_its_own(running: Running, http: str) -> None:
    other = running.client("apigatewayv2", "111122223333")
    refused("NotFoundException", other.get_api, ApiId=http)
    assert other.get_apis()["Items"] == []
    other.close()


# --- documents ---------------------------------------------------------------------------------

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "imported", "version": "7"},
    "servers": [
        {"url": "https://x.example/{basePath}", "variables": {"basePath": {"default": "a/b"}}}
    ],
    "tags": [{"name": "made", "x-amazon-apigateway-tag-value": "SAM"}],
    "x-amazon-apigateway-cors": {"allowOrigins": ["*"], "maxAge": "60"},
    "paths": {
        "/pets/{id}": {
            "get": {
                "operationId": "getPet",
                "security": [{"tokens": ["read"]}],
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": FUNCTION,
                    "payloadFormatVersion": "2.0",
                },
            },
            "x-amazon-apigateway-any-method": {
                "security": [{"asked": []}],
                "x-amazon-apigateway-integration": {
                    "$ref": "#/components/x-amazon-apigateway-integrations/shared"
                },
            },
        },
        "/$default": {
            "x-amazon-apigateway-any-method": {
                "isDefaultRoute": True,
                "x-amazon-apigateway-integration": {
                    "$ref": "#/components/x-amazon-apigateway-integrations/shared"
                },
            }
        },
        "/alone": {"post": {}},
    },
    "components": {
        "securitySchemes": {
            "tokens": {
                "type": "oauth2",
                "x-amazon-apigateway-authorizer": {
                    "type": "jwt",
                    "identitySource": "$request.header.Authorization",
                    "jwtConfiguration": {"issuer": "https://i.example", "audience": ["me"]},
                },
            },
            "asked": {
                "type": "apiKey",
                "name": "Unused",
                "in": "header",
                "x-amazon-apigateway-authorizer": {
                    "type": "request",
                    "identitySource": "$request.header.a, $request.header.b",
                    "authorizerUri": FUNCTION,
                    "authorizerPayloadFormatVersion": 2.0,
                    "enableSimpleResponses": True,
                },
            },
        },
        "x-amazon-apigateway-integrations": {
            "shared": {
                "type": "http_proxy",
                "httpMethod": "ANY",
                "uri": "https://e.example",
                "payloadFormatVersion": "1.0",
                "timeoutInMillis": 1000,
            }
        },
    },
}


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_a_document_becomes_an_api_and_again_a_document(client: Any, write: Any) -> None:
    made = client.import_api(Body=write(DOCUMENT))
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (made["Name"], made["Version"], made["Tags"]) == ("imported", "7", {"made": "SAM"})
    assert made["CorsConfiguration"] == {"AllowOrigins": ["*"], "MaxAge": 60}
    assert len(made["Warnings"]) == 1
    api_id = made["ApiId"]
    routes = {each["RouteKey"]: each for each in client.get_routes(ApiId=api_id)["Items"]}
    assert set(routes) == {"GET /pets/{id}", "ANY /pets/{id}", "$default", "POST /alone"}
    assert routes["GET /pets/{id}"]["AuthorizationType"] == "JWT"
    assert routes["GET /pets/{id}"]["AuthorizationScopes"] == ["read"]
    assert routes["ANY /pets/{id}"]["AuthorizationType"] == "CUSTOM"
    assert routes["ANY /pets/{id}"]["Target"] == routes["$default"]["Target"]
    authorizers = {e["Name"]: e for e in client.get_authorizers(ApiId=api_id)["Items"]}
    assert authorizers["asked"]["IdentitySource"] == ["$request.header.a", "$request.header.b"]
    assert authorizers["asked"]["AuthorizerPayloadFormatVersion"] == "2.0"
    written = client.export_api(ApiId=api_id, Specification="OAS30", OutputType="JSON")
    document = json.loads(written["body"].read())
    assert document["x-amazon-apigateway-cors"] == {"allowOrigins": ["*"], "maxAge": 60}
    again = client.import_api(Body=json.dumps(document))["ApiId"]
    keys = {each["RouteKey"] for each in client.get_routes(ApiId=again)["Items"]}
    assert keys == set(routes)
    text = client.export_api(
        ApiId=api_id, Specification="OAS30", OutputType="YAML", IncludeExtensions=False
    )["body"].read()
    assert b"x-amazon" not in text


def test_a_document_replaces_what_an_api_has(client: Any) -> None:
    api_id = client.import_api(Body=json.dumps(DOCUMENT))["ApiId"]
    client.create_stage(ApiId=api_id, StageName="dev", AutoDeploy=True)
    document = {
        "openapi": "3.0.1",
        "info": {"title": "new", "version": "8"},
        "paths": {"/only": {"get": DOCUMENT["paths"]["/pets/{id}"]["get"] | {"security": []}}},
    }
    changed = client.reimport_api(ApiId=api_id, Body=json.dumps(document))
    assert (changed["Name"], changed.get("CorsConfiguration")) == ("new", None)
    assert [e["RouteKey"] for e in client.get_routes(ApiId=api_id)["Items"]] == ["GET /only"]
    assert client.get_authorizers(ApiId=api_id)["Items"] == []
    assert client.get_stages(ApiId=api_id)["Items"][0]["StageName"] == "dev"
    broken = {**document, "paths": {"/{a+}/b": document["paths"]["/only"]}}  # type: ignore[index]
    refused("BadRequestException", client.reimport_api, ApiId=api_id, Body=json.dumps(broken))
    assert [e["RouteKey"] for e in client.get_routes(ApiId=api_id)["Items"]] == ["GET /only"]


def test_documents_that_stand_for_too_much_are_refused(client: Any) -> None:
    for bomb in (f"openapi: 3.0.1\ninfo: {{title: x}}\n{BOMB}", "openapi: [" + "[" * 5000):
        refused("BadRequestException", client.import_api, Body=bomb)


@pytest.mark.parametrize(
    ("how", "key"), [("ignore", "/x"), ("prepend", "/a/b/x"), ("split", "/b/x")]
)
def test_what_becomes_of_the_base_path(client: Any, how: str, key: str) -> None:
    document = {**DOCUMENT, "paths": {"/x": {"get": {}}}}
    api_id = client.import_api(Body=json.dumps(document), Basepath=how)["ApiId"]
    assert client.get_routes(ApiId=api_id)["Items"][0]["RouteKey"] == f"GET {key}"


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "swagger: '2.0'", '{"openapi": "3.0.1"}', "a: &a [*a]"]
)
def test_documents_that_are_none(client: Any, text: str) -> None:
    refused("BadRequestException", client.import_api, Body=text)


def test_warnings_may_fail_an_import(client: Any) -> None:
    text = refused(
        "BadRequestException", client.import_api, Body=json.dumps(DOCUMENT), FailOnWarnings=True
    )
    assert "/alone" in text
