"""REST APIs in templates: AWS::ApiGateway, and SAM's Api, implicit and named."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running

pytestmark = pytest.mark.usefixtures("quick_sam")


async def reply(runtime: RuntimeClient) -> None:
    """Answer each event with what it says of the request; authorizers are told by their event."""
    while True:
        request_id, payload = await runtime.next()
        event = json.loads(payload)
        if event.get("type") in ("TOKEN", "REQUEST"):
            allowed = event.get("authorizationToken") == "let-me-in"
            statement = {
                "Effect": "Allow" if allowed else "Deny",
                "Action": "execute-api:Invoke",
                "Resource": event["methodArn"],
            }
            document = {"Version": "2012-10-17", "Statement": [statement]}
            answer: Any = {"principalId": "me", "policyDocument": document}
        else:
            said = {name: event.get(name) for name in ("httpMethod", "path", "pathParameters")}
            answer = {"statusCode": 200, "body": json.dumps(said)}
        await runtime.respond(request_id, json.dumps(answer).encode())


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver(reply))
    yield running
    running.stop()


def deploy(running: Running, name: str, template: dict[str, Any], change: str = "create") -> Any:
    """Create or update a stack; returns its outputs."""
    client = running.client("cloudformation")
    request = {
        "StackName": name, "TemplateBody": json.dumps(template),
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "CAPABILITY_NAMED_IAM"],
    }  # fmt: skip
    getattr(client, f"{change}_stack")(**request)
    waiter = client.get_waiter(f"stack_{change}_complete")
    try:
        waiter.wait(StackName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 200})
    except WaiterError:
        events = client.describe_stack_events(StackName=name)["StackEvents"]
        raise AssertionError([each.get("ResourceStatusReason") for each in events]) from None
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def call(
    running: Running, api_id: str, path: str, method: str = "GET", body: str | None = None,
    **headers: str,
) -> tuple[int, Any]:  # fmt: skip
    connection = http.client.HTTPConnection("localhost", running.emulator.port, timeout=60)
    host = f"{api_id}.execute-api.us-east-1.localhost"
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, {"Host": host, **sent})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None
    finally:
        connection.close()


FUNCTION = {
    "Type": "AWS::Serverless::Function",
    "Properties": {
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "InlineCode": "def handler(event, context): return event",
        "AutoPublishAlias": "live",
        "Events": {
            "Get": {"Type": "Api", "Properties": {"Path": "/orders/{id}", "Method": "get"}},
            "Post": {"Type": "Api", "Properties": {"Path": "/orders", "Method": "post"}},
        },
    },
}
SAM = "AWS::Serverless-2016-10-31"


def test_an_implicit_api_of_sam(running: Running) -> None:
    template = {
        "Transform": SAM,
        "Globals": {"Api": {"Cors": "'*'", "TracingEnabled": True}},
        "Resources": {"Orders": FUNCTION},
        "Outputs": {"Api": {"Value": {"Ref": "ServerlessRestApi"}}},
    }
    api_id = deploy(running, "implicit", template)["Api"]
    assert call(running, api_id, "/Prod/orders/7") == (
        200,
        {"httpMethod": "GET", "path": "/orders/7", "pathParameters": {"id": "7"}},
    )
    assert call(running, api_id, "/Prod/orders", "POST", "{}")[0] == 200
    assert call(running, api_id, "/Prod/orders", "OPTIONS")[0] == 200
    # A changed path makes another deployment.
    changed = json.loads(json.dumps(template).replace("/orders/{id}", "/sales/{id}"))
    deploy(running, "implicit", changed, "update")
    assert call(running, api_id, "/Prod/sales/7")[0] == 200
    assert call(running, api_id, "/Prod/orders/7")[0] == 403
    client = running.client("cloudformation")
    client.delete_stack(StackName="implicit")
    client.get_waiter("stack_delete_complete").wait(
        StackName="implicit", WaiterConfig={"Delay": 0, "MaxAttempts": 200}
    )
    assert call(running, api_id, "/Prod/sales/7")[0] == 403


def test_an_api_of_sam_with_authorizers_and_keys(running: Running) -> None:
    guard = json.loads(json.dumps(FUNCTION))
    del guard["Properties"]["Events"], guard["Properties"]["AutoPublishAlias"]
    orders = json.loads(json.dumps(FUNCTION))
    for event in orders["Properties"]["Events"].values():
        event["Properties"]["RestApiId"] = {"Ref": "Shop"}
    orders["Properties"]["Events"]["Post"]["Properties"]["Auth"] = {"Authorizer": "NONE"}
    template = {
        "Transform": SAM,
        "Resources": {
            "Guard": guard,
            "Orders": orders,
            "Shop": {
                "Type": "AWS::Serverless::Api",
                "Properties": {
                    "StageName": "v1",
                    "Variables": {"colour": "red"},
                    "Auth": {
                        "DefaultAuthorizer": "Mine",
                        "Authorizers": {"Mine": {"FunctionArn": {"Fn::GetAtt": ["Guard", "Arn"]}}},
                    },
                },
            },
        },
        "Outputs": {"Api": {"Value": {"Ref": "Shop"}}},
    }
    api_id = deploy(running, "guarded", template)["Api"]
    assert call(running, api_id, "/v1/orders/7") == (401, {"message": "Unauthorized"})
    assert call(running, api_id, "/v1/orders/7", authorization="let-me-in")[0] == 200
    assert call(running, api_id, "/v1/orders/7", authorization="other")[0] == 403
    assert call(running, api_id, "/v1/orders", "POST", "{}")[0] == 200


def test_resources_one_by_one(running: Running) -> None:
    """As CDK writes them."""
    api = {"Ref": "Api"}
    mock = {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": '{"statusCode": 200}'},
        "IntegrationResponses": [
            {
                "StatusCode": "200",
                "ResponseTemplates": {"application/json": '{"v": "$stageVariables.v"}'},
            }
        ],
    }
    schema = {"type": "object", "required": ["n"]}
    resources: dict[str, Any] = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "one"}},
        "Account": {
            "Type": "AWS::ApiGateway::Account",
            "Properties": {"CloudWatchRoleArn": "arn:aws:iam::000000000000:role/r"},
        },
        "Item": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": api, "PathPart": "item",
                "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
            },
        },
        "Model": {
            "Type": "AWS::ApiGateway::Model",
            "Properties": {"RestApiId": api, "ContentType": "application/json", "Schema": schema},
        },
        "Validator": {
            "Type": "AWS::ApiGateway::RequestValidator",
            "Properties": {"RestApiId": api, "Name": "v", "ValidateRequestBody": True},
        },
        "Method": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": api, "ResourceId": {"Ref": "Item"}, "HttpMethod": "POST",
                "AuthorizationType": "NONE", "ApiKeyRequired": True, "Integration": mock,
                "MethodResponses": [{"StatusCode": "200"}],
                "RequestModels": {"application/json": {"Ref": "Model"}},
                "RequestValidatorId": {"Ref": "Validator"},
            },
        },
        "Bad": {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": api, "ResponseType": "BAD_REQUEST_BODY", "StatusCode": "422",
            },
        },
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {"RestApiId": api},
            "DependsOn": ["Method", "Bad"],
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": api, "DeploymentId": {"Ref": "Deployment"}, "StageName": "dev",
                "Variables": {"v": "1"},
                "MethodSettings": [
                    {"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": 100,
                     "ThrottlingBurstLimit": 50}
                ],
            },
        },
        "Key": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Enabled": True}},
        "Plan": {
            "Type": "AWS::ApiGateway::UsagePlan",
            "Properties": {
                "ApiStages": [{"ApiId": api, "Stage": {"Ref": "Stage"}}],
                "Throttle": {"RateLimit": 100, "BurstLimit": 10},
            },
        },
        "PlanKey": {
            "Type": "AWS::ApiGateway::UsagePlanKey",
            "Properties": {
                "KeyId": {"Ref": "Key"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"},
            },
        },
    }  # fmt: skip
    outputs = {"Api": {"Value": api}, "Key": {"Value": {"Ref": "Key"}}}
    made = deploy(running, "one", {"Resources": resources, "Outputs": outputs})
    gateway = running.client("apigateway")
    key = gateway.get_api_key(apiKey=made["Key"], includeValue=True)["value"]
    kind = {"content_type": "application/json", "x_api_key": key}
    assert call(running, made["Api"], "/dev/item", "POST", '{"n": 1}')[0] == 403
    assert call(running, made["Api"], "/dev/item", "POST", '{"n": 1}', **kind) == (200, {"v": "1"})
    assert call(running, made["Api"], "/dev/item", "POST", "{}", **kind)[0] == 422
    stage = gateway.get_stage(restApiId=made["Api"], stageName="dev")
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 100.0
    resources["Stage"]["Properties"]["Variables"] = {"v": "2"}
    resources["Plan"]["Properties"]["Throttle"]["RateLimit"] = 50
    deploy(running, "one", {"Resources": resources, "Outputs": outputs}, "update")
    assert call(running, made["Api"], "/dev/item", "POST", '{"n": 1}', **kind) == (200, {"v": "2"})
    client = running.client("cloudformation")
    client.delete_stack(StackName="one")
    client.get_waiter("stack_delete_complete").wait(
        StackName="one", WaiterConfig={"Delay": 0, "MaxAttempts": 200}
    )
    assert gateway.get_usage_plans()["items"] == []
