"""HTTP and WebSocket APIs of templates: CloudFormation's types, and SAM's events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.http_site import ApiSite
from tests.api.stacks import Stacks, function

pytestmark = pytest.mark.usefixtures("quick_sam")


@pytest.fixture(scope="module")
def site() -> Iterator[ApiSite]:
    site = ApiSite()
    yield site
    site.stop()


@pytest.fixture
def stacks(site: ApiSite) -> Iterator[Stacks]:
    stacks = Stacks(site.running)
    yield stacks
    stacks.client.close()


def part(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": properties}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def web(**changes: Any) -> dict[str, Any]:
    """Return an HTTP API as people write it by hand."""
    api = ref("Api")
    return {
        "F": function(),
        "Api": part("Api", Name="web", ProtocolType="HTTP", Tags={"a": "1"}, **changes),
        "To": part(
            "Integration",
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri={"Fn::GetAtt": ["F", "Arn"]},
            PayloadFormatVersion="2.0",
            TimeoutInMillis="5000",
            ResponseParameters={
                "200": {
                    "ResponseParameters": [{"Source": "yes", "Destination": "append:header.added"}]
                }
            },
        ),
        "Who": part(
            "Authorizer",
            ApiId=api,
            Name="tokens",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": "https://i.example", "Audience": ["me"]},
        ),
        "Open": part(
            "Route", ApiId=api, RouteKey="GET /a", Target={"Fn::Sub": "integrations/${To}"}
        ),
        "Closed": part(
            "Route",
            ApiId=api,
            RouteKey="GET /b",
            Target={"Fn::Join": ["/", ["integrations", ref("To")]]},
            AuthorizationType="JWT",
            AuthorizerId=ref("Who"),
        ),
        "Stage": part(
            "Stage", ApiId=api, StageName="$default", AutoDeploy="true", StageVariables={"v": "1"}
        ),
        "Name": part(
            "DomainName",
            DomainName="web.example.com",
            DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:us-east-1:0:certificate/a"}],
        ),
        "Map": part("ApiMapping", ApiId=api, DomainName=ref("Name"), Stage=ref("Stage")),
    }


OUTPUTS = {
    "Id": {"Value": ref("Api")},
    "Endpoint": {"Value": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}},
    "Address": {
        "Value": {"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/dev"}
    },
}


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_an_http_api_by_hand(site: ApiSite, stacks: Stacks) -> None:
    stack = stacks.create("web", web(), Outputs=OUTPUTS)
    found = outputs(stack)
    api_id, port = found["Id"], site.running.emulator.port
    assert found["Endpoint"] == f"http://{api_id}.execute-api.us-east-1.localhost:{port}"
    assert found["Address"] == f"{found['Endpoint']}/dev"
    answer = site.call(api_id, "/a")
    assert (answer.status, answer.headers["added"]) == (200, "yes")
    assert answer.json["stageVariables"] == {"v": "1"}
    assert site.call(api_id, "/b").status == 401
    mapped = site.call(api_id, "/a", host="web.example.com")
    assert mapped.json["requestContext"]["domainName"] == "web.example.com"
    (integration,) = site.api.get_integrations(ApiId=api_id)["Items"]
    assert integration["TimeoutInMillis"] == 5000
    tags = site.api.get_api(ApiId=api_id)["Tags"]
    assert tags["a"] == "1"
    changed = web(CorsConfiguration={"AllowOrigins": ["*"]})
    changed["Closed"]["Properties"]["RouteKey"] = "GET /c"
    stacks.update("web", changed, Outputs=OUTPUTS)
    assert site.call(api_id, "/b").status == 404
    assert site.call(api_id, "/c").status == 401
    headers = {"Origin": "https://x.example"}
    assert site.call(api_id, "/a", headers=headers).headers["access-control-allow-origin"] == "*"
    stacks.client.delete_stack(StackName="web")
    assert stacks.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert site.call(api_id, "/a").status == 403
    assert site.api.get_domain_names()["Items"] == []


def test_a_websocket_api_by_hand(site: ApiSite, stacks: Stacks) -> None:
    api = ref("Api")
    resources = {
        "F": function(),
        "Api": part(
            "Api",
            Name="chat",
            ProtocolType="WEBSOCKET",
            RouteSelectionExpression="$request.body.action",
        ),
        "To": part(
            "Integration",
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri={
                "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
                "${F.Arn}/invocations"
            },
        ),
        "Model": part("Model", ApiId=api, Name="M", Schema={"type": "object"}),
        "Route": part(
            "Route", ApiId=api, RouteKey="$connect", Target={"Fn::Sub": "integrations/${To}"}
        ),
        "Answers": part(
            "RouteResponse", ApiId=api, RouteId=ref("Route"), RouteResponseKey="$default"
        ),
        "Deployment": {**part("Deployment", ApiId=api), "DependsOn": ["Route"]},
        "Stage": part("Stage", ApiId=api, StageName="dev", DeploymentId=ref("Deployment")),
        "Link": part("VpcLink", Name="link", SubnetIds=["subnet-1"]),
    }
    stack = stacks.create("chat", resources, Outputs=OUTPUTS)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("chat")
    found = outputs(stack)
    assert found["Endpoint"].startswith("ws://")
    (stage,) = site.api.get_stages(ApiId=found["Id"])["Items"]
    assert stage["DeploymentId"] == stacks.physical("chat")["Deployment"]
    stacks.client.delete_stack(StackName="chat")
    assert stacks.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert found["Id"] not in {e["ApiId"] for e in site.api.get_apis()["Items"]}
    assert site.api.get_vpc_links()["Items"] == []


CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
SAM: dict[str, Any] = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Globals": {
        "Function": {"Runtime": "python3.12", "Handler": "index.handler"},
        "HttpApi": {
            "CorsConfiguration": {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"]},
            "Auth": {
                "Authorizers": {
                    "Tokens": {
                        "JwtConfiguration": {"issuer": "https://i.example", "audience": ["me"]},
                        "IdentitySource": "$request.header.Authorization",
                    }
                }
            },
        },
    },
}


def sam_function(**events: Any) -> dict[str, Any]:
    properties = {
        "InlineCode": "def handler(event, context): return event",
        "Events": {
            name: {"Type": "HttpApi", "Properties": given} if given else {"Type": "HttpApi"}
            for name, given in events.items()
        },
    }
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def test_sam_s_implicit_api(site: ApiSite, stacks: Stacks) -> None:
    resources = {
        "F": sam_function(
            One={"Path": "/a/{id}", "Method": "get"},
            Two={"Path": "/b", "Method": "any", "Auth": {"Authorizer": "Tokens"}},
            Old={"Path": "/old", "Method": "get", "PayloadFormatVersion": "1.0"},
            Rest=None,
        )
    }
    document = {
        **SAM,
        "Resources": resources,
        "Outputs": {"Id": {"Value": ref("ServerlessHttpApi")}},
    }
    stacks.client.create_stack(
        StackName="sam", TemplateBody=json.dumps(document), Capabilities=CAPABILITIES
    )
    stack = stacks.settled("sam")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("sam")
    api_id = outputs(stack)["Id"]
    site.events.clear()
    event = site.call(api_id, "/a/1", headers={"Origin": "https://a.example"})
    assert event.json["routeKey"] == "GET /a/{id}"
    assert event.headers["access-control-allow-origin"] == "https://a.example"
    assert site.call(api_id, "/b").status == 401
    assert site.call(api_id, "/else").json["routeKey"] == "$default"
    name = next(iter(site.events))
    site.replies[name] = lambda event: {"statusCode": 200, "body": json.dumps(event)}
    assert site.call(api_id, "/old").json["version"] == "1.0"
    del resources["F"]["Properties"]["Events"]["One"]
    stacks.client.update_stack(
        StackName="sam", TemplateBody=json.dumps(document), Capabilities=CAPABILITIES
    )
    assert stacks.settled("sam")["StackStatus"] == "UPDATE_COMPLETE", stacks.reasons("sam")
    site.replies.clear()
    assert site.call(api_id, "/a/1").json["routeKey"] == "$default"
    stacks.client.delete_stack(StackName="sam")
    assert stacks.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert site.call(api_id, "/a/1").status == 403
