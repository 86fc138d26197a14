"""What REST APIs' control plane refuses, whichever operation it is said to."""

from __future__ import annotations

import json
from typing import Any

import pytest

# The fixtures are those of the other tests of the control plane.
from tests.api.test_rest_apis import INVOKED, api, mocked, refused, rest_api

__all__ = ["api", "rest_api"]

BAD = "BadRequestException"


def replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


def add(path: str, value: str = "") -> dict[str, str]:
    return {"op": "add", "path": path, "value": value}


@pytest.fixture
def stage(api: Any, rest_api: tuple[str, str]) -> dict[str, str]:
    mocked(api, *rest_api)
    api.create_deployment(restApiId=rest_api[0], stageName="dev")
    return {"restApiId": rest_api[0], "stageName": "dev"}


@pytest.mark.parametrize(
    "path",
    [
        "/cacheClusterSize",
        "/*/*/logging/loglevel",
        "/~1orders/GET/caching/unauthorizedCacheControlHeaderStrategy",
    ],
)
def test_a_setting_of_a_stage_is_one_of_its_words(
    api: Any, stage: dict[str, str], path: str
) -> None:
    said = f"Invalid patch value wrong specified for {path}"
    refused(api.update_stage, BAD, said, **stage, patchOperations=[replace(path, "wrong")])


def test_a_setting_that_methods_do_not_have_is_named(api: Any, stage: dict[str, str]) -> None:
    said = (
        "Invalid method setting path: accessLogSettings/format. Must be one of: "
        "[.../metrics/enabled, .../logging/dataTrace, .../logging/loglevel,.../throttling/burst"
    )
    operation = replace("/*/*/accessLogSettings/format", "x")
    refused(api.update_stage, BAD, said, **stage, patchOperations=[operation])


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"a b": "c"}, "Stage variable name a b is invalid"),
        ({"a": "{c}"}, "Stage variable value {c} is invalid"),
    ],
)
def test_variables_are_checked_wherever_a_stage_gets_them(
    api: Any, stage: dict[str, str], variables: dict[str, str], said: str
) -> None:
    at = {"restApiId": stage["restApiId"]}
    deployment = api.get_deployments(**at)["items"][0]["id"]
    refused(api.create_deployment, BAD, said, **at, stageName="dev", variables=variables)
    refused(api.create_deployment, BAD, said, **at, stageName="new", variables=variables)
    made = {**at, "stageName": "new", "deploymentId": deployment}
    refused(api.create_stage, BAD, said, **made, variables=variables)
    canary = {"stageVariableOverrides": variables, "percentTraffic": 10.0}
    refused(api.create_stage, BAD, said, **made, canarySettings=canary)
    refused(api.create_deployment, BAD, said, **stage, canarySettings=canary)
    ((name, value),) = variables.items()
    for path in (f"/variables/{name}", f"/canarySettings/stageVariableOverrides/{name}"):
        refused(api.update_stage, BAD, said, **stage, patchOperations=[replace(path, value)])
    assert "variables" not in api.get_stage(**stage)


def test_a_canary_is_checked_wherever_it_is_made(api: Any, stage: dict[str, str]) -> None:
    at = {"restApiId": stage["restApiId"]}
    deployment = api.get_deployments(**at)["items"][0]["id"]
    made = {**at, "stageName": "new", "deploymentId": deployment}
    said = "Canary percent traffic must be between 0.0 and 100.0"
    refused(api.create_stage, BAD, said, **made, canarySettings={"percentTraffic": 101.0})
    refused(api.create_deployment, BAD, said, **stage, canarySettings={"percentTraffic": -1.0})
    refused(api.create_stage, BAD, "Deployment id does not exist", **made,
            canarySettings={"deploymentId": "none"})  # fmt: skip


def test_bytes_and_texts_are_handled_in_two_ways(api: Any, rest_api: tuple[str, str]) -> None:
    at = mocked(api, *rest_api)
    said = "Invalid patch value wrong specified for /contentHandling"
    wrong = [replace("/contentHandling", "wrong")]
    refused(api.update_integration, BAD, said, **at, patchOperations=wrong)
    refused(
        api.update_integration_response, BAD, said, **at, statusCode="200", patchOperations=wrong
    )


def test_a_header_of_a_response_is_made_of_an_expression(
    api: Any, rest_api: tuple[str, str]
) -> None:
    at = mocked(api, *rest_api)
    name = "method.response.header.a"
    said = "warnings : [], errors : [Invalid mapping expression specified: *]"
    api.update_method_response(
        **at, statusCode="200", patchOperations=[add(f"/responseParameters/{name}", "true")]
    )
    refused(api.put_integration_response, BAD, said, **at, statusCode="200",
            responseParameters={name: "*"})  # fmt: skip
    change = [add(f"/responseParameters/{name}", "*")]
    refused(
        api.update_integration_response, BAD, said, **at, statusCode="200", patchOperations=change
    )
    for source in ("'*'", "integration.response.header.a", "integration.response.body.a.b",
                   "integration.response.multivalueheader.a", "context.requestId",
                   "stageVariables.a"):  # fmt: skip
        parameters = {name: source}
        api.put_integration_response(**at, statusCode="200", responseParameters=parameters)
        kept = api.get_integration_response(**at, statusCode="200")
        assert kept["responseParameters"] == parameters


def test_a_gateway_response_is_made_of_expressions(api: Any, rest_api: tuple[str, str]) -> None:
    named = {"restApiId": rest_api[0], "responseType": "UNAUTHORIZED"}
    header = "gatewayresponse.header.a"
    for parameters, wrong in (
        ({header: "value"}, "value"),
        ({"method.response.header.a": "'*'"}, "method.response.header.a"),
    ):
        said = f"errors : [Invalid mapping expression specified: {wrong}]"
        refused(api.put_gateway_response, BAD, said, **named, responseParameters=parameters)
        ((name, value),) = parameters.items()
        change = [add(f"/responseParameters/{name}", value)]
        refused(api.update_gateway_response, BAD, said, **named, patchOperations=change)
    for value in ("'x'", "method.request.header.origin", "context.requestId"):
        made = api.put_gateway_response(**named, responseParameters={header: value})
        assert made["responseParameters"] == {header: value}
    refused(api.update_gateway_response, BAD, "Invalid patch value 999", **named,
            patchOperations=[replace("/statusCode", "999")])  # fmt: skip


def test_the_key_of_a_cache_is_a_part_of_the_request(api: Any, rest_api: tuple[str, str]) -> None:
    at = mocked(api, *rest_api)
    said = "Invalid cache key parameter specified"
    wrong = {"cacheKeyParameters": ["method.response.body.foo"]}
    refused(api.put_integration, BAD, said, **at, type="MOCK", **wrong)
    change = [add("/cacheKeyParameters/wrong")]
    refused(api.update_integration, BAD, said, **at, patchOperations=change)
    change = [add("/cacheKeyParameters/method.request.path.id")]
    made = api.update_integration(**at, patchOperations=change)
    assert made["cacheKeyParameters"] == ["method.request.path.id"]


def test_only_private_apis_have_endpoints_in_a_vpc(api: Any, rest_api: tuple[str, str]) -> None:
    said = "VPCEndpoints can only be specified with PRIVATE apis."
    endpoint = {"types": ["REGIONAL"], "vpcEndpointIds": ["vpce-1"]}
    refused(api.create_rest_api, BAD, said, name="x", endpointConfiguration=endpoint)
    change = [add("/endpointConfiguration/vpcEndpointIds", "vpce-1")]
    refused(api.update_rest_api, BAD, said, restApiId=rest_api[0], patchOperations=change)
    made = api.create_rest_api(name="x", endpointConfiguration=endpoint | {"types": ["PRIVATE"]})
    assert made["endpointConfiguration"]["vpcEndpointIds"] == ["vpce-1"]


def definition(method: dict[str, Any], **more: Any) -> bytes:
    document = {"swagger": "2.0", "info": {"title": "t", "version": "1"},
                "paths": {"/foo": {"post": method}}, **more}  # fmt: skip
    return json.dumps(document).encode()


def integrated(**more: Any) -> dict[str, Any]:
    integration = {"type": "http", "uri": "http://host.example", "httpMethod": "POST", **more}
    responses = {"200": {"headers": {"Known": {"type": "string"}}}}
    return {"responses": responses, "x-amazon-apigateway-integration": integration}


WRONG = "Invalid mapping expression specified: Validation Result: warnings : [], errors : "


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (
            integrated(requestParameters={
                "integration.request.header.A": "method.request.header.A"
            }),
            "put integration on 'POST' for resource at path '/foo': "
            f"{WRONG}[Invalid mapping expression parameter specified: method.request.header.A]",
        ),
        (
            integrated(responses={"default": {"statusCode": "200", "responseParameters": {
                "method.response.header.Location": "integration.response.body.errorMessage"
            }}}),
            "put integration response on 'POST' for resource at path '/foo': "
            f"{WRONG}[Invalid mapping expression parameter specified: "
            "method.response.header.Location]",
        ),
        (
            integrated(responses={"default": {"statusCode": "200", "responseParameters": {
                "method.response.header.Known": "GET, HEAD"
            }}}),
            "put integration response on 'POST' for resource at path '/foo': "
            f"{WRONG}[Invalid mapping expression specified: GET, HEAD]",
        ),
        (
            integrated(timeoutInMillis=1),
            "put integration on 'POST' for resource at path '/foo': "
            "Timeout should be between 50 ms and 29000 ms",
        ),
    ],
)  # fmt: skip
def test_an_import_is_checked_as_the_operations_are(
    api: Any, method: dict[str, Any], said: str
) -> None:
    refused(api.import_rest_api, BAD, f"Errors found during import:\n\tUnable to {said}",
            body=definition(method))  # fmt: skip


@pytest.mark.parametrize("kind", ["REGIONAL", "PRIVATE"])
def test_an_integration_may_take_longer_unless_it_is_at_the_edge(api: Any, kind: str) -> None:
    """AWS has a quota for it, which accounts raise to five minutes."""
    body = definition(integrated(timeoutInMillis=300_000))
    refused(api.import_rest_api, BAD, "Timeout should be between 50 ms and 29000 ms", body=body)
    made = api.import_rest_api(body=body, parameters={"endpointConfigurationTypes": kind})
    (resource,) = [
        each
        for each in api.get_resources(restApiId=made["id"], embed=["methods"])["items"]
        if each["path"] == "/foo"
    ]
    assert resource["resourceMethods"]["POST"]["methodIntegration"]["timeoutInMillis"] == 300_000
    at = {"restApiId": made["id"], "resourceId": resource["id"], "httpMethod": "POST"}
    said = "Timeout should be between 50 ms and 300000 ms"
    refused(api.put_integration, BAD, said, **at, type="MOCK", timeoutInMillis=300_001)
    change = [replace("/timeoutInMillis", "300001")]
    refused(api.update_integration, BAD, said, **at, patchOperations=change)


def test_an_import_is_warned_of_models_that_there_are_not(api: Any) -> None:
    reference = {"$ref": "#/definitions/None"}
    method = integrated() | {"parameters": [{"in": "body", "name": "b", "schema": reference}]}
    method["responses"]["200"]["schema"] = reference
    made = api.import_rest_api(body=definition(method))
    assert made["warnings"] == ["Reference to model 'None' not found. Ignoring."] * 2
    (resource,) = [
        each
        for each in api.get_resources(restApiId=made["id"], embed=["methods"])["items"]
        if each["path"] == "/foo"
    ]
    kept = resource["resourceMethods"]["POST"]
    assert "requestModels" not in kept
    assert "responseModels" not in kept["methodResponses"]["200"]
    refused(api.import_rest_api, BAD, "Reference to model 'None' not found", failOnWarnings=True,
            body=definition(method))  # fmt: skip


def test_an_import_checks_endpoints_and_gateway_responses(api: Any) -> None:
    said = "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"
    kind = {"endpointConfigurationTypes": "NONE"}
    refused(api.import_rest_api, BAD, said, body=definition(integrated()), parameters=kind)
    responses = {"DEFAULT_4XX": {"responseParameters": {"gatewayresponse.header.a": "*"}}}
    body = definition(integrated(), **{"x-amazon-apigateway-gateway-responses": responses})
    refused(api.import_rest_api, BAD, "[Invalid mapping expression specified: *]", body=body)


def test_the_source_of_a_token_is_one_header(api: Any, rest_api: tuple[str, str]) -> None:
    at = {"restApiId": rest_api[0], "authorizerUri": INVOKED}
    said = (
        "Invalid token source expression: {}. The source must be a method request header, matching "
        "'method.request.header.[a-zA-Z0-9._-]+'."
    )
    source = "method.request.header.a"
    made = api.create_authorizer(**at, name="a", type="TOKEN", identitySource=source)
    held = {"restApiId": rest_api[0], "authorizerId": made["id"]}
    for wrong in ("a", "method.request.querystring.a", f"{source},{source}"):
        new = at | {"name": "b", "type": "TOKEN", "identitySource": wrong}
        refused(api.create_authorizer, BAD, said.format(wrong), **new)
        change = [replace("/identitySource", wrong)]
        refused(api.update_authorizer, BAD, said.format(wrong), **held, patchOperations=change)


def test_sources_of_a_request_are_expressions(api: Any, rest_api: tuple[str, str]) -> None:
    at = {"restApiId": rest_api[0], "authorizerUri": INVOKED, "type": "REQUEST"}
    refused(api.create_authorizer, BAD, "errors : [Invalid mapping expression specified: a]", **at,
            name="b", identitySource="context.stage, a")  # fmt: skip
    sources = "method.request.querystring.a,context.stage, stageVariables.b"
    assert (
        api.create_authorizer(**at, name="b", identitySource=sources)["identitySource"] == sources
    )


def test_an_authorizers_name_is_its_own(api: Any, rest_api: tuple[str, str]) -> None:
    at = {"restApiId": rest_api[0]}
    token = {"type": "TOKEN", "authorizerUri": INVOKED}
    api.create_authorizer(**at, name="first", **token)
    second = at | {"authorizerId": api.create_authorizer(**at, name="second", **token)["id"]}
    refused(api.update_authorizer, "ConflictException", "Authorizer name must be unique", **second,
            patchOperations=[replace("/name", "first")])  # fmt: skip
    api.update_authorizer(**second, patchOperations=[replace("/name", "second")])


@pytest.mark.parametrize(
    "path", ["/securityPolicy", "/routingMode", "/endpointConfiguration/ipAddressType"]
)
def test_a_domain_name_takes_only_words_that_there_are(api: Any, path: str) -> None:
    name = f"{path.rpartition('/')[2].lower()}.example.com"
    api.create_domain_name(domainName=name)
    said = f"Invalid patch value wrong specified for {path}"
    refused(api.update_domain_name, BAD, said, domainName=name,
            patchOperations=[replace(path, "wrong")])  # fmt: skip
    refused(api.update_domain_name, BAD, "Valid options are REGIONAL,EDGE,PRIVATE", domainName=name,
            patchOperations=[add("/endpointConfiguration/types", "wrong")])  # fmt: skip
