"""REST APIs that are called: what a caller gets, and what stands behind a method is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.conformance.replay import ACCOUNT, new_name, zip_of
from tests.conformance.rest_api_scenario import (
    LAMBDA,
    PETS,
    ROLE,
    ApiScenario,
    import_checks,
    patch,
)


def response_templates(s: ApiScenario) -> None:
    api_id, root = s.api()
    at = s.method(api_id, root)
    s.call(None, "put_integration", **at, type="MOCK")
    step = "put-integration-response-invalid-responseTemplates"
    s.call(f"{step}-1", "put_integration_response", **at, statusCode="200",
           responseTemplates={"application/json": 123})  # fmt: skip
    s.call(f"{step}-2", "put_integration_response", **at, statusCode="200",
           responseTemplates={"123": "x"})  # fmt: skip


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


def proxy_of_another_service(s: ApiScenario) -> None:
    api_id, root = s.api()
    at = s.method(api_id, root)
    s.call("create-integration-error", "put_integration", **at, type="AWS_PROXY",
           integrationHttpMethod="POST",
           uri="arn:aws:apigateway:us-east-1:dynamodb:action/Scan")  # fmt: skip


def binary_types(mode: str) -> Callable[[ApiScenario], None]:
    def scenario(s: ApiScenario) -> None:
        api_id, _ = s.api("create-rest-api", binaryMediaTypes=["image/heif"])
        s.call("get-rest-api", "get_rest_api", restApiId=api_id)
        s.call("put-api", "put_rest_api", restApiId=api_id, mode=mode,
               body=json.dumps(PETS).encode())  # fmt: skip

    return scenario


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
    import_checks(s, api_id)


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
