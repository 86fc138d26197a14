"""The parts of a REST API, made and changed: models, validators, methods, endpoints, links."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.replay import ACCOUNT, new_name
from tests.conformance.rest_api_scenario import LAMBDA, ApiScenario, patch


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


def api_key_values(s: ApiScenario) -> None:
    s.call("create-api-key-empty-value", "create_api_key", value="")
    s.call("create-api-key-short-value", "create_api_key", value="short")
    s.call("create-api-key-invalid-value-too-long", "create_api_key", value="v" * 129)


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
