"""Scenarios of API Gateway, as they were recorded."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from tests.conformance.recorded import Comparison
from tests.conformance.replay import ACCOUNT, new_name, zip_of

LAMBDA = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"


class ApiScenario:
    """One scenario under way; steps are compared as they are noted."""

    def __init__(self, comparison: Comparison, clients: Any, url: str) -> None:
        self._comparison, self.clients, self.url = comparison, clients, url
        self.client = clients("apigateway")

    def call(self, step: str | None, operation: str, **request: Any) -> Any:
        try:
            answer = getattr(self.client, operation)(**request)
        except ClientError as error:
            if step is None:
                raise
            answer = error.response
        if step is not None:
            self._comparison.match(step, answer)
        return answer

    def note(self, step: str, answer: Any) -> None:
        self._comparison.match(step, answer)

    def recorded(self, step: str) -> Any:
        return self._comparison.recorded(step)

    def know(self, placeholder: str, value: str) -> None:
        self._comparison.know(placeholder, value)

    def api(self, step: str | None = None, **more: Any) -> tuple[str, str]:
        """Create an API; returns its id and its root's."""
        made = self.call(step, "create_rest_api", **{"name": new_name("api"), **more})
        return made["id"], made["rootResourceId"]

    def function(self, code: str) -> str:
        """Create a function; returns its ARN."""
        client = self.clients("lambda")
        name = new_name("fn")
        client.create_function(
            FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=ROLE,
            Code={"ZipFile": zip_of(index__py=code)},
        )  # fmt: skip
        client.get_waiter("function_active_v2").wait(FunctionName=name)
        return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"

    def method(
        self, api_id: str, resource: str, method: str = "GET", **more: Any
    ) -> dict[str, str]:
        """Make a method with a response of status 200; returns what names it."""
        at = {"restApiId": api_id, "resourceId": resource, "httpMethod": method}
        self.call(None, "put_method", **{"authorizationType": "NONE", **at, **more})
        self.call(None, "put_method_response", **at, statusCode="200")
        return at

    def http(
        self, api_id: str, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        port = urlsplit(self.url).port
        connection = http.client.HTTPConnection("localhost", port, timeout=30)
        host = f"{api_id}.execute-api.us-east-1.localhost"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, {"Host": host, **sent})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()


def patch(op: str, path: str, value: str | None = None, **more: str) -> dict[str, str]:
    given = {"op": op, "path": path, **more}
    return given if value is None else {**given, "value": value}


def no_such_api_for_parts(s: ApiScenario) -> None:
    where = {"restApiId": "test-fake-rest-id"}
    s.call("wrong-rest-api-id-create-doc-part", "create_documentation_part", **where,
           location={"type": "API"}, properties='{"a": 1}')  # fmt: skip
    s.call("wrong-rest-api-id-get-doc-parts", "get_documentation_parts", **where)


def delete_part(s: ApiScenario) -> None:
    api_id, _ = s.api()
    part = s.call(None, "create_documentation_part", restApiId=api_id,
                  location={"type": "API"}, properties="{}")["id"]  # fmt: skip
    s.call("delete_documentation_part_wrong_api_id", "delete_documentation_part",
           restApiId="api_id", documentationPartId=part)  # fmt: skip
    named = {"restApiId": api_id, "documentationPartId": part}
    s.call("delete_documentation_part", "delete_documentation_part", **named)
    s.call("delete_already_deleted_documentation_part", "delete_documentation_part", **named)


def get_part(s: ApiScenario) -> None:
    api_id, _ = s.api()
    s.call("get-documentation-part-invalid-api-id", "get_documentation_part",
           restApiId="api_id", documentationPartId="part")  # fmt: skip
    s.call("get-documentation-part-invalid-doc-id", "get_documentation_part",
           restApiId=api_id, documentationPartId="part")  # fmt: skip


def put_method_model(s: ApiScenario) -> None:
    api_id, root = s.api()
    name = "Schema" + new_name("x").replace("-", "")
    s.know("<name:1>", name)

    def model(step: str, named: str) -> None:
        schema = json.dumps({"title": named, "type": "object"})
        s.call(step, "create_model", restApiId=api_id, name=named,
               contentType="application/json", schema=schema)  # fmt: skip

    model("create-model", name)
    model("create-model-2", f"{name}Two")
    one = {"restApiId": api_id, "modelName": name}
    two = {"restApiId": api_id, "modelName": f"{name}Two"}
    at = {"restApiId": api_id, "resourceId": root, "httpMethod": "ANY"}
    s.call("put-method-request-models", "put_method", **at, authorizationType="NONE",
           requestModels={"application/json": name})  # fmt: skip
    s.call("delete-model-used", "delete_model", **one)
    s.call("update-method-model", "update_method", **at, patchOperations=[
        patch("replace", "/requestModels/application~1json", f"{name}Two")])  # fmt: skip
    s.call("delete-model-unused", "delete_model", **one)
    s.call("delete-model-used-2", "delete_model", **two)
    other = s.call(None, "create_resource", restApiId=api_id, parentId=root, pathPart="test")["id"]
    below = {**at, "resourceId": other}
    s.call("put-method-2-request-models", "put_method", **below, authorizationType="NONE",
           requestModels={"application/json": f"{name}Two"})  # fmt: skip
    s.call("delete-model-used-by-method-1", "delete_model", **two)
    s.call("update-method-model-2", "update_method", **at, patchOperations=[
        patch("remove", "/requestModels/application~1json", f"{name}Two")])  # fmt: skip
    s.call("delete-model-used-by-2-method", "delete_model", **two)
    s.call("delete-method-using-model-2", "delete_method", **below)
    s.call("delete-model-unused-2", "delete_model", **two)


def model_validation(s: ApiScenario) -> None:
    api_id, _ = s.api()
    kind = {"contentType": "application/json"}
    schema = json.dumps({"title": "MySchema", "type": "object"})
    missing = {"restApiId": "abcde0"}
    s.call("create-model-wrong-id", "create_model", **missing, **kind, name="MySchema",
           schema=schema)  # fmt: skip
    s.call("get-models-wrong-id", "get_models", **missing)
    s.call("get-model-wrong-id", "get_model", **missing, modelName="MySchema")
    s.call("del-model-wrong-id", "delete_model", **missing, modelName="MySchema")
    make = {"restApiId": api_id, **kind}
    s.call("create-model-empty-name", "create_model", **make, name="", schema=schema)
    s.call("create-model-empty-schema", "create_model", **make, name="MySchema", schema="{}")
    s.call("create-model-no-schema-json", "create_model", **make, name="MySchema")
    s.call("create-model-no-schema-xml", "create_model", restApiId=api_id,
           contentType="application/xml", name="MySchema")  # fmt: skip
    s.call(None, "create_model", **make, name="MySchema", schema=schema)
    s.call("create-model-already-exists", "create_model", **make, name="MySchema", schema=schema)


def update_model(s: ApiScenario) -> None:
    api_id, _ = s.api()
    name = "Schema" + new_name("x").replace("-", "")
    wrong = [patch("replace", "/schema", '{"a": 1}')]
    s.call("update-model-wrong-id", "update_model", restApiId=api_id, modelName="mySchema",
           patchOperations=wrong)  # fmt: skip
    schema = {"title": name, "type": "object"}
    s.call("create-model", "create_model", restApiId=api_id, name=name,
           contentType="application/json", schema=json.dumps(schema))  # fmt: skip
    for step, operation in (
        ("update-model-invalid-path", patch("replace", "/name", "other")),
        ("update-model-invalid-op", patch("add", "/wrong-path", "x")),
        ("update-model-empty-schema", patch("replace", "/schema", "{}")),
        ("update-model", patch("replace", "/schema", json.dumps(
            {"title": "Updated schema", "type": "object"}))),
    ):  # fmt: skip
        s.call(step, "update_model", restApiId=api_id, modelName=name, patchOperations=[operation])


def validators_of_nothing(s: ApiScenario) -> None:
    s.call("get-invalid-request-validators", "get_request_validators", restApiId="api_id")


def validator_lifecycle(s: ApiScenario) -> None:
    api_id, _ = s.api("create-rest-api", description="my api")
    made = s.call("create-request-validator", "create_request_validator", restApiId=api_id,
                  name=new_name("validator"))["id"]  # fmt: skip
    named = {"restApiId": api_id, "requestValidatorId": made}
    s.call("get-request-validators", "get_request_validators", restApiId=api_id)
    s.call("get-request-validator", "get_request_validator", **named)
    s.call("update-request-validator-with-value", "update_request_validator", **named,
           patchOperations=[patch("replace", "/validateRequestBody", "true")])  # fmt: skip
    s.call("update-request-validator-without-value", "update_request_validator", **named,
           patchOperations=[patch("replace", "/validateRequestBody")])  # fmt: skip
    s.call("get-request-validators-after-update-operation", "get_request_validator", **named)
    s.call("delete-request-validator", "delete_request_validator", **named)
    s.call("get-deleted-request-validator", "get_request_validator", **named)
    s.call("get-request-validators-after-delete", "get_request_validators", restApiId=api_id)


def no_such_parent(s: ApiScenario) -> None:
    api_id, _ = s.api()
    s.call("wrong-resource-parent-id", "create_resource", restApiId=api_id, parentId="fake",
           pathPart="pets")  # fmt: skip


def root_stays(s: ApiScenario) -> None:
    api_id, root = s.api()
    named = {"restApiId": api_id, "resourceId": root}
    for step, path in (("update-root-path-part", "/pathPart"), ("update-root-parent", "/parentId")):
        s.call(step, "update_resource", **named, patchOperations=[patch("replace", path, "x")])


def endpoint_configurations(s: ApiScenario) -> None:
    def create(step: str, configuration: dict[str, Any], **more: Any) -> None:
        s.call(step, "create_rest_api", name=new_name("api"), endpointConfiguration=configuration,
               **more)  # fmt: skip

    wrong = {"types": ["wrong"], "ipAddressType": "wrong"}
    create(
        "create-with-endpoint-config-dualstack", {"types": ["EDGE"], "ipAddressType": "dualstack"}
    )
    create("create-with-endpoint-config-regional", {"types": ["REGIONAL"]})
    create("create-with-empty-types", {"types": []})
    create("create-with-two-types", {"types": ["EDGE", "REGIONAL"]})
    create("create-with-invalid-types", {"types": ["wrong"]})
    create("create-with-invalid-ip-address-type", {"types": ["EDGE"], "ipAddressType": "wrong"})
    create("create-with-invalid-types-and-ip-address-type", wrong)
    create("create-with-invalid-ip-address-type-and-types", wrong)
    create("create-with-multiple-errors-1", wrong, description="")
    create("create-with-multiple-errors-2", {"types": []}, description="")


def joined_errors(s: ApiScenario) -> None:
    api_id, _ = s.api()
    kind, address = "/endpointConfiguration/types/0", "/endpointConfiguration/ipAddressType"
    prefix = "update-rest-api-wrong-operations-on"
    for step, paths in (
        (f"{prefix}-type", [kind, kind]),
        (f"{prefix}-ipAddressType", [address, address]),
        (f"{prefix}-type-and-on-ip-address-type", [kind, address, address]),
    ):
        operations = [patch("wrong", path, "x") for path in paths]
        s.call(step, "update_rest_api", restApiId=api_id, patchOperations=operations)


def vpc_link_parameters(s: ApiScenario) -> None:
    s.call("create_vpc_link_empty_name", "create_vpc_link", name="", targetArns=["invalid-arn"])
    s.call("create_vpc_link_invalid_target_arn", "create_vpc_link", name="link",
           targetArns=["invalid-arn"])  # fmt: skip


def no_such_vpc_link(s: ApiScenario) -> None:
    s.call("update_vpc_link_invalid_id", "update_vpc_link", vpcLinkId="invalid-id",
           patchOperations=[patch("replace", "/name", "x")])  # fmt: skip


def response_templates(s: ApiScenario) -> None:
    api_id, root = s.api()
    at = s.method(api_id, root)
    s.call(None, "put_integration", **at, type="MOCK")
    step = "put-integration-response-invalid-responseTemplates"
    s.call(f"{step}-1", "put_integration_response", **at, statusCode="200",
           responseTemplates={"application/json": 123})  # fmt: skip
    s.call(f"{step}-2", "put_integration_response", **at, statusCode="200",
           responseTemplates={"123": "x"})  # fmt: skip


def method_responses_refused(s: ApiScenario) -> None:
    api_id, root = s.api()
    at = s.method(api_id, root)
    change = [patch("add", "/responseParameters/method.response.header.x", "true")]
    call = "update_method_response"
    s.call("update-method-response-wrong-statuscode", call, **at, statusCode="201",
           patchOperations=change)  # fmt: skip
    s.call("update-method-response-wrong-method", call, **{**at, "httpMethod": "POST"},
           statusCode="200", patchOperations=change)  # fmt: skip
    s.call("update-method-response-wrong-resource", call, **{**at, "resourceId": "nothing"},
           statusCode="200", patchOperations=change)  # fmt: skip
    s.call("update-method-response-invalid-statuscode", call, **at, statusCode="wrong",
           patchOperations=change)  # fmt: skip
    s.call("update-method-response-invalid-statuscode-and-wrong-op", call, **at,
           statusCode="wrong", patchOperations=[patch("wrong_op", "/x")])  # fmt: skip


def parameters_not_there(s: ApiScenario) -> None:
    api_id, root = s.api()
    at = s.method(api_id, root)
    for number, (op, path) in enumerate((
        ("remove", "/responseParameters/method.response.header.none"),
        ("remove", "/responseParameters/wrong"),
        ("remove", "/responseModels/application~1json"),
        ("remove", "/responseModels/wrong"),
    ), 1):  # fmt: skip
        s.call(f"update-method-response-operation-with-wrong-param-name-{number}",
               "update_method_response", **at, statusCode="200",
               patchOperations=[patch(op, path)])  # fmt: skip


def mock_echo(s: ApiScenario) -> None:
    api_id, root = s.api()
    at = s.method(api_id, root)
    s.call(None, "put_integration", **at, type="MOCK",
           requestTemplates={"application/json": '{"statusCode": 200}'})  # fmt: skip
    template = '{"echo": "$input.params(\'echo\')", "response": "mocked"}'
    s.call(None, "put_integration_response", **at, statusCode="200",
           responseTemplates={"application/json": template})  # fmt: skip
    s.call(None, "create_deployment", restApiId=api_id, stageName="local")
    s.note("mocked-response", json.loads(s.http(api_id, "/local/?echo=foobar")[2]))


def custom_authorization(s: ApiScenario) -> None:
    api_id, root = s.api()
    s.note("api-id", {"api_id": api_id})
    uri = LAMBDA.format(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:fn")
    made = s.call("authorizer", "create_authorizer", restApiId=api_id, name="lambda_authorizer",
                  type="TOKEN", authorizerUri=uri,
                  identitySource="method.request.header.Auth")  # fmt: skip
    s.call("put-method-response", "put_method", restApiId=api_id, resourceId=root,
           httpMethod="GET", authorizationType="CUSTOM", authorizerId=made["id"],
           apiKeyRequired=True)  # fmt: skip


def passthrough(behavior: str) -> Callable[[ApiScenario], None]:
    def scenario(s: ApiScenario) -> None:
        api_id, root = s.api()
        part = s.call(None, "create_resource", restApiId=api_id, parentId=root, pathPart="{id}")
        at = s.method(api_id, part["id"], requestParameters={"method.request.path.id": True})
        template = '{"statusCode": 200}'
        s.call(None, "put_integration", **at, type="MOCK", passthroughBehavior=behavior,
               requestTemplates={"application/json": template})  # fmt: skip
        s.call(None, "put_integration_response", **at, statusCode="200", responseTemplates={
            "application/json": '{"statusCode": 200, "id": $input.params().path.id}'})  # fmt: skip
        s.call(None, "create_deployment", restApiId=api_id, stageName="local")
        s.note("mock-response", json.loads(s.http(api_id, "/local/42")[2]))

    return scenario


def _deployable(s: ApiScenario) -> str:
    api_id, root = s.api()
    at = s.method(api_id, root)
    s.call(None, "put_integration", **at, type="MOCK",
           requestTemplates={"application/json": '{"statusCode": 200}'})  # fmt: skip
    s.call(None, "put_integration_response", **at, statusCode="200")
    return api_id


def canary_by_update(s: ApiScenario) -> None:
    api_id = _deployable(s)
    first = s.call("create-deployment", "create_deployment", restApiId=api_id)["id"]
    s.call("create-stage", "create_stage", restApiId=api_id, stageName="dev", deploymentId=first,
           description="dev stage", variables={"testVar": "default"})  # fmt: skip
    second = s.call("create-deployment-2", "create_deployment", restApiId=api_id)["id"]
    named = {"restApiId": api_id, "stageName": "dev"}
    percent = patch("replace", "/canarySettings/percentTraffic", "50")
    s.call("update-stage-with-percent", "update_stage", **named, patchOperations=[percent])
    s.call("get-stage", "get_stage", **named)
    s.call("remove-stage-canary", "update_stage", **named,
           patchOperations=[patch("remove", "/canarySettings")])  # fmt: skip
    s.call("update-stage-with-deployment", "update_stage", **named, patchOperations=[
        patch("replace", "/canarySettings/deploymentId", second)])  # fmt: skip


def canary_by_copy(s: ApiScenario) -> None:
    api_id = _deployable(s)
    named = {"restApiId": api_id, "stageName": "dev"}
    s.call("deployment-1", "create_deployment", **named,
           variables={"testVar": "test", "testVar2": "test2"})  # fmt: skip
    copies = [
        patch("copy", "/variables", **{"from": "/canarySettings/stageVariableOverrides"}),
        patch("copy", "/deploymentId", **{"from": "/canarySettings/deploymentId"}),
    ]
    none = patch("replace", "/canarySettings/percentTraffic", "0.0")
    s.call("copy-with-no-replace", "update_stage", **named, patchOperations=copies)
    s.call("update-stage-with-copy", "update_stage", **named, patchOperations=[none, *copies])
    s.call("deployment-canary", "create_deployment", **named, canarySettings={
        "percentTraffic": 50.0, "stageVariableOverrides": {"testVar": "override"}})  # fmt: skip
    s.call("get-stage", "get_stage", **named)
    s.call("update-stage-with-copy-2", "update_stage", **named, patchOperations=[none, *copies])
    s.call("copy-with-bad-statement", "update_stage", **named, patchOperations=[
        patch("copy", "/canarySettings/stageVariableOverrides", **{"from": "/variables"})
    ])  # fmt: skip


def request_validation(s: ApiScenario) -> None:
    arn = s.function("def handler(event, context):\n    return {'statusCode': 200, 'body': '{}'}\n")
    s.know("<fn_name:1>", arn.rpartition(":")[2])
    s.note("register-lambda", {"fn_arn": arn, "fn_name": arn.rpartition(":")[2]})
    api_id, root = s.api()
    first = s.call(None, "create_resource", restApiId=api_id, parentId=root, pathPart="nested")
    part = s.call(
        None, "create_resource", restApiId=api_id, parentId=first["id"], pathPart="{test}"
    )
    validator = s.call(None, "create_request_validator", restApiId=api_id, name="test-validator",
                       validateRequestBody=True, validateRequestParameters=True)["id"]  # fmt: skip
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    s.call(None, "create_model", restApiId=api_id, name="testSchema",
           contentType="application/json", schema=json.dumps(schema))  # fmt: skip
    names = {"method.request.querystring.qs1": True, "method.request.header.x-header-param": True}
    for method in ("POST", "GET"):
        more: dict[str, Any] = {}
        if method == "POST":
            more["requestModels"] = {"application/json": "testSchema"}
        more["requestParameters"] = {**names, "method.request.path.test": True}
        at = s.method(api_id, part["id"], method, requestValidatorId=validator, **more)
        s.call(None, "put_integration", **at, type="AWS_PROXY", integrationHttpMethod="POST",
               uri=LAMBDA.format(arn))  # fmt: skip
        s.call(None, "put_integration_response", **at, statusCode="200")
    post = {**at, "httpMethod": "POST"}
    s.call("deploy-1", "create_deployment", restApiId=api_id, stageName="local")
    path, header = "/local/nested/value", {"x_header_param": "1"}
    body = s.http(api_id, f"{path}?qs1=1", "POST", '{"b": 1}', **header)[2]
    s.note("invalid-request-body", json.loads(body))
    s.note("missing-required-headers-request-params-get",
           json.loads(s.http(api_id, f"{path}?qs1=1")[2]))  # fmt: skip
    s.note("missing-required-qs-request-params-get", json.loads(s.http(api_id, path, **header)[2]))
    s.call("change-request-path-names", "update_method", **post, patchOperations=[
        patch("add", "/requestParameters/method.request.path.issuer", "true"),
        patch("remove", "/requestParameters/method.request.path.test"),
    ])  # fmt: skip
    s.call(None, "create_deployment", restApiId=api_id, stageName="local")
    s.note("missing-all-required-request-params-post",
           json.loads(s.http(api_id, path, "POST", '{"a": 1}')[2]))  # fmt: skip
    s.call("revert-request-path-names", "update_method", **post, patchOperations=[
        patch("add", "/requestParameters/method.request.path.test", "true"),
        patch("remove", "/requestParameters/method.request.path.issuer"),
    ])  # fmt: skip
    s.call("disable-request-validator", "update_request_validator", restApiId=api_id,
           requestValidatorId=validator, patchOperations=[
               patch("replace", "/validateRequestBody", "false"),
               patch("replace", "/validateRequestParameters", "false")])  # fmt: skip


def deployments(s: ApiScenario) -> None:
    api_id = _deployable(s)
    made = s.call(None, "create_deployment", restApiId=api_id)["id"]
    named = {"restApiId": api_id, "stageName": "s1"}
    s.call(None, "create_stage", **named, deploymentId=made)
    s.call("get-deployment", "get_deployment", restApiId=api_id, deploymentId=made)
    s.call("get-stages", "get_stages", restApiId=api_id)
    for number in range(3):
        s.call(f"get-deployments-{number}", "get_deployments", restApiId=api_id)
        s.call(f"get-stages-{number}", "get_stages", restApiId=api_id)
        s.call(f"delete-deployment-error-{number}", "delete_deployment", restApiId=api_id,
               deploymentId=made)  # fmt: skip
        s.call(None, "delete_stage", **named)
        s.call(None, "delete_deployment", restApiId=api_id, deploymentId=made)
        made = s.call(None, "create_deployment", restApiId=api_id)["id"]
        s.call(None, "create_stage", **named, deploymentId=made)


def documentation(s: ApiScenario) -> None:
    api_id, _ = s.api()
    s.call("create-part-response", "create_documentation_part", restApiId=api_id,
           location={"type": "API"}, properties='{"foo":"bar"}')  # fmt: skip
    s.call("get-parts-response", "get_documentation_parts", restApiId=api_id)
    named = {"restApiId": api_id, "documentationVersion": "v123"}
    s.call("create-version-response", "create_documentation_version", **named)
    s.call("update-version-response", "update_documentation_version", **named, patchOperations=[
        patch("replace", "/description", "doc version new")])  # fmt: skip
    s.call("get-version-response", "get_documentation_version", **named)


def proxy_of_another_service(s: ApiScenario) -> None:
    api_id, root = s.api()
    at = s.method(api_id, root)
    s.call("create-integration-error", "put_integration", **at, type="AWS_PROXY",
           integrationHttpMethod="POST",
           uri="arn:aws:apigateway:us-east-1:dynamodb:action/Scan")  # fmt: skip


def api_key_values(s: ApiScenario) -> None:
    s.call("create-api-key-empty-value", "create_api_key", value="")
    s.call("create-api-key-short-value", "create_api_key", value="short")
    s.call("create-api-key-invalid-value-too-long", "create_api_key", value="v" * 129)


HTTP = "http://petstore-demo-endpoint.execute-api.com/petstore/pets"


def _pets(path: str, **more: Any) -> dict[str, Any]:
    return {"get": {
        "responses": {"200": {"description": "200 response"}},
        "x-amazon-apigateway-integration": {
            "responses": {"default": {"statusCode": "200"}}, "uri": f"{HTTP}{path}",
            "passthroughBehavior": "when_no_match", "httpMethod": "GET", "type": "http", **more,
        },
    }}  # fmt: skip


PETS = {
    "swagger": "2.0",
    "info": {"version": "1.0.0", "title": "Simple PetStore (Swagger)"},
    "schemes": ["https"],
    "x-amazon-apigateway-binary-media-types": ["image/png", "image/jpg"],
    "paths": {
        "/pets": _pets(""),
        "/pets/{petId}": {
            "get": {
                **_pets("/{id}", requestParameters={
                    "integration.request.path.id": "method.request.path.petId"})["get"],
                "parameters": [
                    {"name": "petId", "in": "path", "required": True, "type": "string"}],
            }
        },
    },
}  # fmt: skip


def export(s: ApiScenario) -> None:
    api_id = s.call("import-api", "import_rest_api", body=json.dumps(PETS).encode())["id"]
    s.call(None, "create_deployment", restApiId=api_id, stageName="local")
    named = {"restApiId": api_id, "stageName": "local", "exportType": "swagger"}
    s.call("get-export", "get_export", **named)
    s.call("get-export-with-extensions", "get_export", **named,
           parameters={"extensions": "integrations"})  # fmt: skip


def binary_types(mode: str) -> Callable[[ApiScenario], None]:
    def scenario(s: ApiScenario) -> None:
        api_id, _ = s.api("create-rest-api", binaryMediaTypes=["image/heif"])
        s.call("get-rest-api", "get_rest_api", restApiId=api_id)
        s.call("put-api", "put_rest_api", restApiId=api_id, mode=mode,
               body=json.dumps(PETS).encode())  # fmt: skip

    return scenario


def integration_checks(s: ApiScenario) -> None:
    api_id, root = s.api()
    at = s.method(api_id, root)
    function = LAMBDA.format(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:MyLambda")
    bucket = "arn:aws:apigateway:us-east-1:s3:path/b/k"
    role = f"arn:aws:iam::{ACCOUNT}:role/service-role/testfunction-role-oe783psq"
    http_, post = "http://example.com", {"integrationHttpMethod": "POST"}

    def put(step: str, kind: str, **more: Any) -> None:
        s.call(step, "put_integration", **at, type=kind, **more)

    for kind in ("HTTP", "HTTP_PROXY"):
        put(f"required-integration-method-{kind}", kind, uri=http_)
        put(f"http-method-{kind}", kind, uri=http_, **post)
        put(f"invalid-uri-{kind}", kind, uri=function, **post)
    put("required-integration-method-AWS", "AWS", uri=function)
    put("not-required-integration-method-MOCK", "MOCK")
    put("aws-integration-AWS", "AWS", uri=bucket, credentials=role, **post)
    for kind in ("AWS", "AWS_PROXY"):
        put(f"aws-integration-type-{kind}", kind, uri=function, **post)
    put("no-s3-support-AWS_PROXY", "AWS_PROXY", uri=bucket, **post)
    put("invalid-uri-not-an-arn", "AWS", uri="non-arn", **post)
    plain = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:MyLambda"
    put("invalid-uri-invalid-arn", "AWS", uri=plain, **post)


def proxy_uris(s: ApiScenario) -> None:
    api_id, root = s.api()
    at = s.method(api_id, root)
    name = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:fn"
    for step, uri in (
        ("put-integration-lambda-uri", name),
        ("put-integration-wrong-arn", f"lambda:{name}"),
        ("put-integration-wrong-type", LAMBDA.format(name).replace(":path/", ":nothing/")),
        ("put-integration-wrong-firehose", "arn:aws:apigateway:us-east-1:firehose:path/PutRecord"),
        ("put-integration-bad-lambda-arn", LAMBDA.format("fn")),
    ):
        s.call(step, "put_integration", **at, type="AWS_PROXY", integrationHttpMethod="POST",
               uri=uri)  # fmt: skip


ANSWERS = {
    "no-body": {"statusCode": 200},
    "only-headers": {"headers": {"a": "b"}},
    "wrong-format": {"statusCode": 200, "wrongKey": 1},
    "empty-response": "",
    "just-string": "text",
    "invalid-status-code": {"statusCode": "test", "body": "x"},
    "status-code-str": {"statusCode": "200", "body": ""},
    "b64-encoded-true": {"body": "dGVzdC1kYXRh", "isBase64Encoded": True},
    "b64-encoded-false": {"body": "dGVzdC1kYXRh", "isBase64Encoded": False},
    "multi-headers-invalid": {"multiValueHeaders": {"a": "b"}},
}


def proxy_answers(s: ApiScenario) -> None:
    arn = s.function("def handler(event, context):\n    import json\n"
                     "    return json.loads(event['body'])\n")  # fmt: skip
    api_id, root = s.api()
    at = s.method(api_id, root, "POST")
    s.call(None, "put_integration", **at, type="AWS_PROXY", integrationHttpMethod="POST",
           uri=LAMBDA.format(arn))  # fmt: skip
    s.call(None, "create_deployment", restApiId=api_id, stageName="test")
    for step, answer in ANSWERS.items():
        _, _, body = s.http(api_id, "/test/", "POST", json.dumps(answer))
        try:
            s.note(f"invoke-api-{step}", {"content": json.loads(body)})
        except ValueError:
            s.note(f"invoke-api-{step}", {"content": body})


def custom_lambda(s: ApiScenario) -> None:
    arn = s.function("def handler(event, context):\n    return {'message': 'hello world'}\n")
    api_id, root = s.api()
    at = {"restApiId": api_id, "resourceId": root, "httpMethod": "POST"}
    s.call("put-method", "put_method", **at, authorizationType="NONE")
    s.call("put-method-response", "put_method_response", **at, statusCode="200")
    s.call("put-integration", "put_integration", **at, type="AWS", integrationHttpMethod="POST",
           uri=LAMBDA.format(arn), credentials=ROLE)  # fmt: skip
    s.call("put-integration-response", "put_integration_response", **at, statusCode="200")
    s.call(None, "create_deployment", restApiId=api_id, stageName="test")
    s.note("lambda-aws-integration", json.loads(s.http(api_id, "/test/", "POST", "{}")[2]))


def _import_checks(s: ApiScenario, api_id: str) -> None:
    """Compare every method of an imported API, as the recordings name them."""
    for resource in s.client.get_resources(restApiId=api_id)["items"]:
        for method in resource.get("resourceMethods") or {}:
            at = {"restApiId": api_id, "resourceId": resource["id"], "httpMethod": method}
            name = f"{resource['path'].strip('/')}-{method.lower()}"
            s.call(f"method-{name}", "get_method", **at)
            s.call(f"method-response-{name}", "get_method_response", **at, statusCode="200")
            s.call(f"integration-{name}", "get_integration", **at)
            s.call(f"integration-response-{name}", "get_integration_response", **at,
                   statusCode="200")  # fmt: skip


def _mock_cors(headers: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "responses": {"200": {
            "description": "ok", "headers": {name: {"type": "string"} for name in headers}}},
        "x-amazon-apigateway-integration": {
            "type": "mock",
            "requestTemplates": {"application/json": '{"statusCode": 200}'},
            "responses": {"default": {
                "statusCode": "200",
                "responseParameters": {
                    f"method.response.header.{name}": f"'{value}'"
                    for name, value in headers.items()
                },
                **more,
            }},
        },
    }  # fmt: skip


def mock_cors(s: ApiScenario) -> None:
    functions = ("aws-serverless-shopping-cart-produ-GetProductsFunction-c1359550",
                 "aws-serverless-shopping-cart-produc-GetProductFunction-28378339")  # fmt: skip
    cors = {
        "Access-Control-Allow-Origin": "http://localhost:8080",
        "Access-Control-Allow-Methods": "OPTIONS,POST,GET",
        "Access-Control-Allow-Headers": "Content-Type",
    }
    arn = "arn:aws:lambda:us-east-1:000000000000:function:{}:live"

    def item(function: str, **more: Any) -> dict[str, Any]:
        proxy = {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": LAMBDA.format(arn.format(function)),
        }
        options = _mock_cors(cors, responseTemplates={"application/json": "{}\n"})
        return {"get": {"x-amazon-apigateway-integration": proxy, "responses": {}, **more},
                "options": {**options, **more}}  # fmt: skip

    part = {"name": "product_id", "in": "path", "required": True, "type": "string"}
    definition = {
        "swagger": "2.0", "info": {"title": new_name("api"), "version": "1.0"},
        "paths": {"/product": item(functions[0]),
                  "/product/{product_id}": item(functions[1], parameters=[part])},
    }  # fmt: skip
    body = json.dumps(definition).encode()
    api_id = s.call("import_tf_rest_api", "import_rest_api", body=body)["id"]
    s.call("get-models", "get_models", restApiId=api_id)
    s.call("resources", "get_resources", restApiId=api_id)
    _import_checks(s, api_id)


def base_path_ignored(s: ApiScenario) -> None:
    name = new_name("api")
    api_id, _ = s.api(name=name)
    s.know("<name:1>", name)
    origin = {"Access-Control-Allow-Origin": "*"}
    options = {
        **origin, "Access-Control-Allow-Methods": "GET,OPTIONS",
        "Access-Control-Allow-Headers":
            "Content-Type,X-Amz-Date,Authorization,X-Api-Key,X-Amz-Security-Token",
    }  # fmt: skip
    security: dict[str, Any] = {"security": [{"guard": []}]}
    definition = {
        "swagger": "2.0", "info": {"title": name, "version": "2"}, "basePath": "/base",
        "paths": {"/test": {
            "get": {**_mock_cors(origin), **security},
            "options": {**_mock_cors(options), **security}}},
        "securityDefinitions": {"guard": {
            "type": "apiKey", "name": "Authorization", "in": "header",
            "x-amazon-apigateway-authtype": "custom",
            "x-amazon-apigateway-authorizer": {
                "type": "token", "authorizerUri": LAMBDA.format(
                    f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:guard")}}},
    }  # fmt: skip
    parameters = {"basepath": "ignore"}
    s.call("put-rest-api-swagger-json", "put_rest_api", restApiId=api_id, mode="overwrite",
           body=json.dumps(definition).encode(), parameters=parameters)  # fmt: skip
    s.call("get-resources-swagger-json", "get_resources", restApiId=api_id)
    _import_checks(s, api_id)
    api_id, _ = s.api()
    s.call(None, "put_rest_api", restApiId=api_id, mode="overwrite",
           body=json.dumps(PETS).encode(), parameters=parameters)  # fmt: skip
    s.call("get-resources-no-base-path-swagger", "get_resources", restApiId=api_id)
    _import_checks(s, api_id)


def cognito_identity_source(s: ApiScenario) -> None:
    def scheme() -> dict[str, Any]:
        pool = f"arn:aws:cognito-idp:us-east-1:{ACCOUNT}:userpool/us-east-1_ABC123"
        return {
            "type": "apiKey", "name": "TestHeaderAuth", "in": "header",
            "x-amazon-apigateway-authtype": "cognito_user_pools",
            "x-amazon-apigateway-authorizer": {
                "type": "cognito_user_pools", "providerARNs": [pool]},
        }  # fmt: skip

    first, other = "cognito-test-identity-source", "extra-test-identity-source"
    simple = _pets("")["get"]
    public = "http://external.amazonaws.com/petstore/pets"
    pets = {
        "operationId": "GET HTTP",
        "produces": ["application/json"],
        "parameters": [{"name": name, "in": "query", "required": False, "type": "string"}
                       for name in ("type", "page")],
        "responses": {"200": {
            "description": "ok", "schema": {"$ref": "#/definitions/Pets"},
            "headers": {"Access-Control-Allow-Origin": {"type": "string"}}}},
        "security": [{first: ["email"]}],
        "x-amazon-apigateway-integration": {
            "type": "http_proxy", "httpMethod": "GET", "uri": public},
    }  # fmt: skip
    definition = {
        "swagger": "2.0",
        "info": {"title": "Example Pet Store", "description": "A Pet Store API.", "version": "1.0"},
        "security": [{first: []}],
        "paths": {
            "/pets": {"get": pets},
            "/default-no-scope": {"get": simple},
            "/default-scope-override": {"get": {**simple, "security": [{first: ["openid"]}]}},
            "/non-default-authorizer": {
                "get": {**simple, "security": [{other: ["email", "openid"]}]}},
        },
        "securityDefinitions": {first: scheme(), other: scheme()},
        "definitions": {"Pets": {"type": "array", "items": {"type": "object"}}},
    }  # fmt: skip
    api_id = s.call("import-swagger", "import_rest_api", body=json.dumps(definition).encode())["id"]
    authorizers = s.client.get_authorizers(restApiId=api_id)["items"]
    s.note("get-authorizers", sorted(authorizers, key=lambda each: each["name"]))
    s.call("resources", "get_resources", restApiId=api_id)
    _import_checks(s, api_id)


SELECT = """
def handler(event, context):
    status = event["statusCode"]
    if status == "200":
        return "Pass"
    words = {"400": "four", "500": "five"}[status]
    raise Exception(f"Error: Raising {words} hundred from within the Lambda function")
"""


def selection_patterns(s: ApiScenario) -> None:
    arn = s.function(SELECT)
    api_id, root = s.api()
    part = s.call(None, "create_resource", restApiId=api_id, parentId=root, pathPart="{status}")[
        "id"
    ]
    at = s.method(api_id, part, requestParameters={"method.request.path.status": True})
    for status in ("400", "500"):
        s.call(None, "put_method_response", **at, statusCode=status)
    template = '{"statusCode": "$input.params(\'status\')"}'
    s.call(None, "put_integration", **at, type="AWS", integrationHttpMethod="POST",
           uri=LAMBDA.format(arn), requestTemplates={"application/json": template})  # fmt: skip
    s.call(None, "put_integration_response", **at, statusCode="200")
    for status, word in (("400", "four"), ("500", "five")):
        s.call(None, "put_integration_response", **at, statusCode=status,
               selectionPattern=f".*{word} hundred.*")  # fmt: skip
    s.call(None, "create_deployment", restApiId=api_id, stageName="dev")
    for status in ("200", "400", "500"):
        found, _, body = s.http(api_id, f"/dev/{status}")
        assert str(found) == status
        answer = json.loads(body)
        if isinstance(answer, dict):
            # Where the code lies and what is around the line differs by its text.
            recorded = s.recorded(f"lambda-selection-pattern-{status}")
            answer["stackTrace"] = recorded["stackTrace"] if answer["stackTrace"] else []
        s.note(f"lambda-selection-pattern-{status}", answer)


NODE = """
exports.handler = async (event) => ({
  statusCode: 200,
  body: JSON.stringify(`response from localstack lambda: ${JSON.stringify(event)}`),
  isBase64Encoded: false,
  headers: {},
});
"""


def tried(s: ApiScenario) -> None:
    client = s.clients("lambda")
    name = new_name("fn")
    client.create_function(
        FunctionName=name, Runtime="nodejs22.x", Handler="index.handler", Role=ROLE,
        Code={"ZipFile": zip_of(index__js=NODE)},
    )  # fmt: skip
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    api_id, root = s.api()
    part = s.call(None, "create_resource", restApiId=api_id, parentId=root, pathPart="foo")["id"]
    at = s.method(api_id, part)
    s.call(None, "put_integration", **at, type="AWS", integrationHttpMethod="POST",
           uri=LAMBDA.format(arn))  # fmt: skip
    s.call(None, "put_integration_response", **at, statusCode="200")
    for step, request in (
        ("test_invoke_method_response", {"pathWithQueryString": "/foo"}),
        ("test_invoke_method_response_with_body", {
            "pathWithQueryString": "/foo?queryTest=value", "body": '{"test": "val123"}',
            "headers": {"content-type": "application/json"}}),
    ):  # fmt: skip
        answer = s.client.test_invoke_method(**at, **request)
        answer["latency"] = "<latency>"
        moment = r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}"
        text = re.sub(moment, "DDD MMM dd hh:mm:ss UTC yyyy", answer["log"])
        text = re.sub(r"latency: \d+ ms", "latency: <latency> ms", text)
        text = re.sub(r"Date=\w{3}, [^,]+ GMT", "Date=Day, dd MMM yyyy hh:mm:ss GMT", text)
        # What is another one each time, by the clock or the function's own request.
        text = re.sub(r"x-amzn-RequestId=[0-9a-f-]+", "x-amzn-RequestId=lambda-request", text)
        text = re.sub(r"X-Amz-Date=\w+", "X-Amz-Date=moment", text)
        answer["log"] = {f"line{n:02}": line for n, line in enumerate(text.split("\n"))}
        s.note(step, answer)


def to_kinesis(s: ApiScenario) -> None:
    kinesis = s.clients("kinesis")
    stream = new_name("stream")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=stream)
    api_id, root = s.api()
    at = s.method(api_id, root, "POST")
    template = """{"StreamName": "STREAM", "Records": [#set($all = $input.path('$.records'))
#foreach($one in $all)
{"Data": "$util.base64Encode($one.data)", "PartitionKey": "$one.partitionKey"}
#if($foreach.hasNext),#end#end]}""".replace("STREAM", stream)
    s.call(None, "put_integration", **at, type="AWS", integrationHttpMethod="POST",
           uri="arn:aws:apigateway:us-east-1:kinesis:action/PutRecords", credentials=ROLE,
           requestTemplates={"application/json": template})  # fmt: skip
    s.call(None, "put_integration_response", **at, statusCode="200")
    s.call(None, "create_deployment", restApiId=api_id, stageName="dev")
    records = [{"data": json.dumps({"foo": f"bar{n}"}), "partitionKey": "20"} for n in (1, 2, 3)]
    body = json.dumps({"records": records})
    s.note("apigateway_response", json.loads(s.http(api_id, "/dev/", "POST", body)[2]))
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    s.note("kinesis_records", kinesis.get_records(ShardIterator=iterator))


SCENARIOS: dict[str, Callable[[ApiScenario], None]] = {
    "test_doc_parts_crud_no_api": no_such_api_for_parts,
    "test_invalid_delete_documentation_part": delete_part,
    "test_invalid_get_documentation_part": get_part,
    "test_put_method_model": put_method_model,
    "test_model_validation": model_validation,
    "test_update_model": update_model,
    "test_invalid_get_request_validators": validators_of_nothing,
    "test_request_validator_lifecycle": validator_lifecycle,
    "test_create_resource_parent_invalid": no_such_parent,
    "test_update_resource_on_root": root_stays,
    "test_create_rest_api_with_endpoint_configuration": endpoint_configurations,
    "test_update_rest_api_concatenation_of_errors": joined_errors,
    "test_create_vpc_link_invalid_parameters": vpc_link_parameters,
    "test_update_vpc_link_invalid_id": no_such_vpc_link,
    "test_integration_response_invalid_responsetemplates": response_templates,
    "test_update_method_response_negative_tests": method_responses_refused,
    "test_update_method_wrong_param_names": parameters_not_there,
    "test_api_gateway_mock_integration": mock_echo,
    "test_apigateway_with_custom_authorization_method": custom_authorization,
    "test_mock_integration_response[NEVER-UrlType.HOST_BASED-GET]": passthrough("NEVER"),
    "test_mock_integration_response[WHEN_NO_TEMPLATES-UrlType.HOST_BASED-GET]": passthrough(
        "WHEN_NO_TEMPLATES"
    ),
    "test_mock_integration_response[WHEN_NO_TEMPLATES-UrlType.PATH_BASED-GET]": passthrough(
        "WHEN_NO_TEMPLATES"
    ),
    "test_create_canary_deployment_by_stage_update": canary_by_update,
    "test_update_stage_with_copy_ops": canary_by_copy,
    "test_api_gateway_request_validator": request_validation,
    "test_create_delete_deployments[False]": deployments,
    "test_documentation_parts_and_versions": documentation,
    "test_error_aws_proxy_not_supported": proxy_of_another_service,
    "test_create_api_key_with_invalid_value": api_key_values,
    "test_export_swagger_openapi[TEST_IMPORT_PETS]": export,
    "test_put_rest_api_mode_binary_media_types[merge]": binary_types("merge"),
    "test_put_rest_api_mode_binary_media_types[overwrite]": binary_types("overwrite"),
    "test_put_integration_validation": integration_checks,
    "test_put_integration_aws_proxy_uri": proxy_uris,
    "test_aws_proxy_response_payload_format_validation": proxy_answers,
    "test_lambda_aws_integration": custom_lambda,
    "test_import_and_validate_rest_api[swagger-mock-cors.json]": mock_cors,
    "test_import_rest_apis_with_base_path_swagger[ignore]": base_path_ignored,
    "test_import_with_cognito_auth_identity_source": cognito_identity_source,
    "test_lambda_selection_patterns": selection_patterns,
    "test_apigw_test_invoke_method_api": tried,
    "test_apigateway_to_kinesis[PutRecords]": to_kinesis,
}

#: Recordings that are not replayed, and why.
_FUNCTION = "the function's code is not recorded"
LEFT_OUT: dict[str, str] = {
    "test_input_body_formatting": "the endpoint that was called is not recorded",
    "test_http_integration_invoke_status_code_passthrough[HTTP_PROXY]": "needs a public endpoint",
    "test_apigateway_header_remapping_aws[AWS]": _FUNCTION,
    "test_apigateway_header_remapping_http[HTTP_PROXY]": "needs a public endpoint",
    "test_lambda_aws_proxy_integration": "headers come by CloudFront; see tests/api",
    "test_apigw_s3_binary_support_request[CONVERT_TO_TEXT]": "see tests/api",
    "test_apigw_s3_binary_support_request[None]": "see tests/api",
    "test_sqs_amz_json_protocol": "the mapping template is not recorded",
}
