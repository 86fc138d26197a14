"""Integrations and their responses: what an API calls, and how its answers are changed."""

from __future__ import annotations

from emulator.services.apigatewayv2 import parts
from emulator.services.apigatewayv2.errors import bad_request, conflict
from emulator.services.apigatewayv2.parts import Part
from emulator.services.apigatewayv2.state import Api, Body

#: AWS services that HTTP APIs call, and the parameters that each needs.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
SUBTYPES = {
    "AppConfig-GetConfiguration": ("Application", "Environment", "Configuration", "ClientId"),
    "EventBridge-PutEvents": ("Detail", "DetailType", "Source"),
    "Kinesis-PutRecord": ("StreamName", "Data", "PartitionKey"),
    "SQS-DeleteMessage": ("ReceiptHandle", "QueueUrl"),
    "SQS-PurgeQueue": ("QueueUrl",),
    "SQS-ReceiveMessage": ("QueueUrl",),
    "SQS-SendMessage": ("QueueUrl", "MessageBody"),
    "StepFunctions-StartExecution": ("StateMachineArn",),
    "StepFunctions-StartSyncExecution": ("StateMachineArn",),
    "StepFunctions-StopExecution": ("ExecutionArn",),
}
#: The least and the most milliseconds that an integration may take, by whether the API is an HTTP
#: API. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
TIMEOUTS = {True: (50, 30_000), False: (50, 29_000)}
#: How requests are passed to other integrations than proxies.
_PASSTHROUGH = ("WHEN_NO_MATCH", "NEVER", "WHEN_NO_TEMPLATES")


def _check(api: Api, before: Body | None, integration: Body) -> None:
    """Complete an integration, and refuse one that makes no sense."""
    kind = integration["IntegrationType"]
    integration.setdefault("ConnectionType", "INTERNET")
    if api.is_http:
        _check_http(integration, kind)
    else:
        if integration.get("IntegrationSubtype"):
            raise bad_request("IntegrationSubtype is supported only for HTTP APIs")
        passthrough = integration.setdefault("PassthroughBehavior", "WHEN_NO_MATCH")
        if passthrough not in _PASSTHROUGH:
            raise bad_request(f"Invalid passthrough behavior {passthrough} specified")
        integration.setdefault("PayloadFormatVersion", "1.0")
        if kind in ("AWS", "HTTP", "MOCK"):
            integration["IntegrationResponseSelectionExpression"] = (
                "${integration.response.statuscode}"
            )
    if kind != "MOCK" and not integration.get("IntegrationSubtype"):
        if not integration.get("IntegrationUri"):
            raise bad_request("IntegrationUri should not be empty")
        if kind in ("AWS_PROXY", "AWS"):
            integration.setdefault("IntegrationMethod", "POST")
        elif not integration.get("IntegrationMethod"):
            raise bad_request(f"HttpMethod must be set for the integration type {kind}")
    least, most = TIMEOUTS[api.is_http]
    timeout = integration.setdefault("TimeoutInMillis", most)
    if not least <= timeout <= most:
        raise bad_request(f"Timeout should be between {least} ms and {most} ms")


def _check_http(integration: Body, kind: str) -> None:
    if kind not in ("AWS_PROXY", "HTTP_PROXY"):
        raise bad_request(f"Integration type {kind} is not supported for HTTP APIs")
    version = integration.setdefault("PayloadFormatVersion", "1.0")
    subtype = integration.get("IntegrationSubtype")
    if version not in (("1.0", "2.0") if kind == "AWS_PROXY" and not subtype else ("1.0",)):
        raise bad_request(f"Payload format version {version} is not supported for {kind}")
    if subtype is None:
        return
    needed = SUBTYPES.get(subtype)
    if kind != "AWS_PROXY" or needed is None:
        raise bad_request(f"Invalid integration subtype {subtype} specified")
    if subtype.startswith("AppConfig"):
        raise bad_request("localfaas does not serve AppConfig: no integration can call it")
    if not integration.get("CredentialsArn"):
        raise bad_request("Credentials ARN must be specified for integrations with a subtype")
    given = integration.get("RequestParameters") or {}
    missing = [name for name in needed if name not in given]
    if missing:
        raise bad_request(f"Parameter: {missing[0]} is required for {subtype}")


def _check_deletion(api: Api, integration: Body) -> None:
    target = f"integrations/{integration['IntegrationId']}"
    for route in api.held["routes"].values():
        if route.get("Target") == target:
            raise conflict(
                f"Cannot delete Integration '{integration['IntegrationId']}', it is referenced by "
                f"Route '{route['RouteKey']}'"
            )


INTEGRATION = Part(
    kind="integrations",
    title="Integration",
    id_member="IntegrationId",
    check=_check,
    merged=frozenset({"RequestParameters", "RequestTemplates", "ResponseParameters"}),
    check_deletion=_check_deletion,
)


def _check_response(api: Api, before: Body | None, response: Body) -> None:
    if api.is_http:
        raise bad_request("Integration responses are not supported for HTTP APIs")
    key = response["IntegrationResponseKey"]
    if key != "$default" and not (key.startswith("/") and key.endswith("/") and len(key) > 2):
        raise bad_request("An integration response key is $default or /pattern/")
    owner = response["IntegrationId"]
    for other in api.held["integrationresponses"].values():
        same = (other["IntegrationId"], other["IntegrationResponseKey"]) == (owner, key)
        if same and other["IntegrationResponseId"] != response["IntegrationResponseId"]:
            raise conflict(f"Integration response with key {key} already exists")


RESPONSE = Part(
    kind="integrationresponses",
    title="IntegrationResponse",
    id_member="IntegrationResponseId",
    parent=("IntegrationId", "integrations", "Integration"),
    check=_check_response,
    merged=frozenset({"ResponseParameters", "ResponseTemplates"}),
)

OPERATIONS = {**parts.operations(INTEGRATION), **parts.operations(RESPONSE)}
