"""Scenarios of API Gateway, as they were recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.conformance.replay import ACCOUNT, new_name
from tests.conformance.rest_api_scenario import (
    LAMBDA,
    PETS,
    ApiScenario,
    _pets,
    import_checks,
)
from tests.conformance.scenarios_rest_api_calls import (
    _deployable,
    _mock_cors,
    binary_types,
    canary_by_copy,
    canary_by_update,
    custom_lambda,
    mock_cors,
    mock_echo,
    passthrough,
    proxy_answers,
    proxy_of_another_service,
    request_validation,
    response_templates,
    selection_patterns,
    to_kinesis,
    tried,
)
from tests.conformance.scenarios_rest_api_parts import (
    api_key_values,
    custom_authorization,
    delete_part,
    documentation,
    endpoint_configurations,
    get_part,
    integration_checks,
    joined_errors,
    method_responses_refused,
    model_validation,
    no_such_api_for_parts,
    no_such_parent,
    no_such_vpc_link,
    parameters_not_there,
    proxy_uris,
    put_method_model,
    root_stays,
    update_model,
    validator_lifecycle,
    validators_of_nothing,
    vpc_link_parameters,
)


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


def export(s: ApiScenario) -> None:
    api_id = s.call("import-api", "import_rest_api", body=json.dumps(PETS).encode())["id"]
    s.call(None, "create_deployment", restApiId=api_id, stageName="local")
    named = {"restApiId": api_id, "stageName": "local", "exportType": "swagger"}
    s.call("get-export", "get_export", **named)
    s.call("get-export-with-extensions", "get_export", **named,
           parameters={"extensions": "integrations"})  # fmt: skip


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
    import_checks(s, api_id)
    api_id, _ = s.api()
    s.call(None, "put_rest_api", restApiId=api_id, mode="overwrite",
           body=json.dumps(PETS).encode(), parameters=parameters)  # fmt: skip
    s.call("get-resources-no-base-path-swagger", "get_resources", restApiId=api_id)
    import_checks(s, api_id)


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
    import_checks(s, api_id)


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
