"""What the sweep changes of resource types: API Gateway (REST)."""

from __future__ import annotations

from typing import Any

from tests.api.kind_cases.case import TAGS, Also, Ask, Case, Clients, Read, resource
from tests.api.stacks import ROLE


def _read(operation: str, member: str) -> Read:
    def read(clients: Clients, identity: str) -> Any:
        return getattr(clients("apigateway"), operation)(**{member: identity})

    return read


def _read_stage(clients: Clients, name: str) -> Any:
    client = clients("apigateway")
    (api,) = (each for each in client.get_rest_apis()["items"] if each["name"] == "of-stage")
    return client.get_stage(restApiId=api["id"], stageName=name)


_METHOD = {
    "M": resource(
        "AWS::ApiGateway::Method",
        RestApiId={"Ref": "A"},
        ResourceId={"Fn::GetAtt": "A.RootResourceId"},
        HttpMethod="GET",
        AuthorizationType="NONE",
        Integration={"Type": "MOCK"},
    )
}


_BALANCER = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net"


def _of_a(operation: str, **request: Any) -> Ask:
    return Ask("apigateway", operation, {"restApiId": "{A}", **request})


_A = {"A": resource("AWS::ApiGateway::RestApi", Name="of-part")}
_B = {"B": resource("AWS::ApiGateway::RestApi", Name="other")}
_OF_A = {"RestApiId": {"Ref": "A"}}
_OF_B = {"RestApiId": {"Ref": "B"}}
_ROOT = {"Fn::GetAtt": "A.RootResourceId"}
_ROOT_OF_B = {"Fn::GetAtt": "B.RootResourceId"}
_PATH = {"P": resource("AWS::ApiGateway::Resource", **_OF_A, ParentId=_ROOT, PathPart="p")}
_INVOKES = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:"
)
_POOL = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abcdefghi"
_CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/"
_AUTHORIZER = {
    "Name": "swept",
    "Type": "TOKEN",
    "IdentitySource": "method.request.header.Auth",
    "AuthorizerUri": f"{_INVOKES}f/invocations",
}
_STAGED = {
    **_A,
    **_METHOD,
    "D": {**resource("AWS::ApiGateway::Deployment", **_OF_A), "DependsOn": "M"},
    "S": resource("AWS::ApiGateway::Stage", **_OF_A, DeploymentId={"Ref": "D"}, StageName="s"),
}


CASES: dict[str, Case] = {
    "AWS::ApiGateway::Account": Case(
        {},
        {"CloudWatchRoleArn": ROLE},
        (Ask("apigateway", "get_account", {}),),
        left=frozenset({"cloudwatchRoleArn"}),
        stays=True,
    ),
    "AWS::ApiGateway::Authorizer": Case(
        {**_OF_A, **_AUTHORIZER, "AuthorizerResultTtlInSeconds": 300},
        {
            "AuthType": "oauth2",
            "AuthorizerCredentials": ROLE,
            "AuthorizerResultTtlInSeconds": 9,
            "AuthorizerUri": f"{_INVOKES}g/invocations",
            "IdentitySource": "method.request.header.Other",
            "IdentityValidationExpression": "a+",
            "Name": "other",
            "ProviderARNs": Also(Type="COGNITO_USER_POOLS", ProviderARNs=[_POOL]),
            "Type": "REQUEST",
        },
        (_of_a("get_authorizer", authorizerId="{R}"),),
        {**_A, **_B},
        replaces=_OF_B,
    ),
    "AWS::ApiGateway::BasePathMapping": Case(
        {"DomainName": {"Ref": "N"}, **_OF_A},
        {**_OF_B, "Stage": {"Ref": "S"}},
        (
            Ask(
                "apigateway",
                "get_base_path_mapping",
                {"domainName": "mapped.example.com", "basePath": "(none)"},
            ),
        ),
        {
            **_STAGED,
            **_B,
            "N": resource("AWS::ApiGateway::DomainName", DomainName="mapped.example.com"),
            "O": resource("AWS::ApiGateway::DomainName", DomainName="other.example.com"),
        },
        replaces={"BasePath": "p", "DomainName": {"Ref": "O"}},
    ),
    "AWS::ApiGateway::ClientCertificate": Case(
        {},
        {"Description": "d", "Tags": TAGS},
        (Ask("apigateway", "get_client_certificate", {"clientCertificateId": "{R}"}),),
    ),
    "AWS::ApiGateway::Deployment": Case(
        _OF_A,
        {"Description": "d"},
        (_of_a("get_deployment", deploymentId="{R}"), _of_a("get_stages")),
        {
            **_A,
            **_B,
            **_METHOD,
            "X": resource(
                "AWS::ApiGateway::Method",
                **_OF_B,
                ResourceId=_ROOT_OF_B,
                HttpMethod="GET",
                AuthorizationType="NONE",
                Integration={"Type": "MOCK"},
            ),
        },
        replaces={**_OF_B},
        unseen={"DeploymentCanarySettings": "it needs a stage that another one has made"},
    ),
    "AWS::ApiGateway::DocumentationPart": Case(
        {**_OF_A, "Location": {"Type": "API"}, "Properties": '{"description": "a"}'},
        {"Properties": '{"description": "b"}'},
        (_of_a("get_documentation_part", documentationPartId="{R}"),),
        {**_A, **_B},
        replaces={**_OF_B, "Location": {"Type": "MODEL", "Name": "m"}},
    ),
    "AWS::ApiGateway::DocumentationVersion": Case(
        {**_OF_A, "DocumentationVersion": "1"},
        {"Description": "d"},
        (_of_a("get_documentation_version", documentationVersion="1"),),
        {
            **_A,
            **_B,
            **{
                f"P{number}": resource(
                    "AWS::ApiGateway::DocumentationPart",
                    **api,
                    Location={"Type": "API"},
                    Properties='{"description": "a"}',
                )
                for number, api in enumerate((_OF_A, _OF_B))
            },
        },
        replaces={"DocumentationVersion": "2"},
        unseen={"RestApiId": "what Ref means stays: the version"},
    ),
    "AWS::ApiGateway::DomainName": Case(
        {
            "DomainName": "swept.example.com",
            "RegionalCertificateArn": f"{_CERTIFICATE}a",
            "EndpointConfiguration": {"Types": ["REGIONAL"]},
        },
        {
            "CertificateArn": Also(
                EndpointConfiguration={"Types": ["EDGE"]}, CertificateArn=f"{_CERTIFICATE}b"
            ),
            "EndpointAccessMode": Also(
                EndpointAccessMode="STRICT", SecurityPolicy="SecurityPolicy_TLS13_1_3_2025_09"
            ),
            "EndpointConfiguration": {"Types": ["REGIONAL"], "IpAddressType": "dualstack"},
            "MutualTlsAuthentication": {"TruststoreUri": "s3://b/k"},
            "OwnershipVerificationCertificateArn": Also(
                OwnershipVerificationCertificateArn=f"{_CERTIFICATE}c",
                MutualTlsAuthentication={"TruststoreUri": "s3://b/k"},
            ),
            "RegionalCertificateArn": f"{_CERTIFICATE}d",
            "RoutingMode": "ROUTING_RULE_ONLY",
            "SecurityPolicy": "TLS_1_0",
            "Tags": TAGS,
        },
        (Ask("apigateway", "get_domain_name", {"domainName": "{R}"}),),
        # Another kind of endpoint has another name.
        left=frozenset({"certificateUploadDate", "distributionDomainName", "regionalDomainName"}),
        replaces={"DomainName": "other-swept.example.com"},
    ),
    "AWS::ApiGateway::GatewayResponse": Case(
        {**_OF_A, "ResponseType": "DEFAULT_4XX"},
        {
            "ResponseParameters": {"gatewayresponse.header.x": "'y'"},
            "ResponseTemplates": {"application/json": "{}"},
            "StatusCode": "404",
        },
        (_of_a("get_gateway_response", responseType="DEFAULT_4XX"),),
        {**_A, **_B},
        replaces={**_OF_B, "ResponseType": "DEFAULT_5XX"},
    ),
    "AWS::ApiGateway::Method": Case(
        {
            **_OF_A,
            "ResourceId": {"Ref": "P"},
            "HttpMethod": "GET",
            "AuthorizationType": "NONE",
        },
        {
            "ApiKeyRequired": True,
            "AuthorizationScopes": Also(
                AuthorizationType="COGNITO_USER_POOLS",
                AuthorizerId={"Ref": "Y"},
                AuthorizationScopes=["s"],
            ),
            "AuthorizationType": "AWS_IAM",
            "AuthorizerId": Also(AuthorizationType="CUSTOM", AuthorizerId={"Ref": "Z"}),
            "Integration": Also(
                Integration={"Type": "MOCK", "IntegrationResponses": [{"StatusCode": "200"}]},
                MethodResponses=[{"StatusCode": "200"}],
            ),
            "MethodResponses": [
                {"StatusCode": "201", "ResponseModels": {"application/json": "Empty"}}
            ],
            "OperationName": "o",
            "RequestModels": {"application/json": "Empty"},
            "RequestParameters": {"method.request.header.x": True},
            "RequestValidatorId": {"Ref": "V"},
        },
        (_of_a("get_method", resourceId="{P}", httpMethod="GET"),),
        {
            **_A,
            **_B,
            **_PATH,
            "V": resource("AWS::ApiGateway::RequestValidator", **_OF_A, ValidateRequestBody=True),
            "Z": resource("AWS::ApiGateway::Authorizer", **_OF_A, **_AUTHORIZER),
            "Y": resource(
                "AWS::ApiGateway::Authorizer",
                **_OF_A,
                Name="pool",
                Type="COGNITO_USER_POOLS",
                ProviderARNs=[_POOL],
                IdentitySource="method.request.header.Auth",
            ),
        },
        replaces={
            "HttpMethod": "POST",
            "ResourceId": _ROOT,
            "RestApiId": Also(RestApiId={"Ref": "B"}, ResourceId=_ROOT_OF_B),
        },
    ),
    "AWS::ApiGateway::Model": Case(
        {**_OF_A, "ContentType": "application/json", "Schema": {"type": "object"}},
        {"Description": "d", "Schema": {"type": "string"}},
        (_of_a("get_model", modelName="{R}"),),
        {**_A, **_B},
        replaces={**_OF_B, "ContentType": "text/json", "Name": "other"},
    ),
    "AWS::ApiGateway::RequestValidator": Case(
        {**_OF_A},
        {"ValidateRequestBody": True, "ValidateRequestParameters": True},
        (_of_a("get_request_validator", requestValidatorId="{R}"),),
        {**_A, **_B},
        replaces={**_OF_B, "Name": "other"},
    ),
    "AWS::ApiGateway::Resource": Case(
        {**_OF_A, "ParentId": _ROOT, "PathPart": "r"},
        {},
        (_of_a("get_resource", resourceId="{R}"),),
        {**_A, **_B, **_PATH},
        replaces={
            "ParentId": {"Ref": "P"},
            "PathPart": "s",
            "RestApiId": Also(RestApiId={"Ref": "B"}, ParentId=_ROOT_OF_B),
        },
    ),
    "AWS::ApiGateway::UsagePlanKey": Case(
        {"KeyId": {"Ref": "K"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "U"}},
        {},
        (Ask("apigateway", "get_usage_plan_keys", {"usagePlanId": "{U}"}, ("items",)),),
        {
            **{name: resource("AWS::ApiGateway::ApiKey", Enabled=True) for name in "KL"},
            **{name: resource("AWS::ApiGateway::UsagePlan") for name in "UV"},
        },
        replaces={"KeyId": {"Ref": "L"}},
        unseen={
            "KeyType": "there is one type only",
            "UsagePlanId": "what Ref means stays: the key",
        },
    ),
    "AWS::ApiGateway::VpcLink": Case(
        {"Name": "swept", "TargetArns": [f"{_BALANCER}/a/50dc6c495c0c9188"]},
        {"Description": "d", "Name": "other", "Tags": TAGS},
        (Ask("apigateway", "get_vpc_link", {"vpcLinkId": "{R}"}),),
        replaces={"TargetArns": [f"{_BALANCER}/b/50dc6c495c0c9188"]},
    ),
    "AWS::ApiGateway::RestApi": Case(
        {"Name": "swept"},
        {
            "ApiKeySourceType": "AUTHORIZER",
            "BinaryMediaTypes": ["image/png"],
            "Description": "d",
            "DisableExecuteApiEndpoint": True,
            "EndpointConfiguration": {"Types": ["REGIONAL"]},
            "MinimumCompressionSize": 100,
            "Name": "other",
            "Tags": TAGS,
        },
        _read("get_rest_api", "restApiId"),
    ),
    "AWS::ApiGateway::ApiKey": Case(
        {"Name": "swept", "Enabled": True},
        {
            "CustomerId": "c",
            "Description": "d",
            "Enabled": False,
            "StageKeys": [{"RestApiId": {"Ref": "A"}, "StageName": {"Ref": "S"}}],
            "Tags": TAGS,
        },
        _read("get_api_key", "apiKey"),
        {
            "A": resource("AWS::ApiGateway::RestApi", Name="of-key"),
            **_METHOD,
            "D": {
                **resource("AWS::ApiGateway::Deployment", RestApiId={"Ref": "A"}),
                "DependsOn": "M",
            },
            "S": resource(
                "AWS::ApiGateway::Stage",
                RestApiId={"Ref": "A"},
                DeploymentId={"Ref": "D"},
                StageName="s",
            ),
        },
    ),
    "AWS::ApiGateway::UsagePlan": Case(
        {"UsagePlanName": "swept"},
        {
            "ApiStages": [{"ApiId": {"Ref": "A"}, "Stage": {"Ref": "S"}}],
            "Description": "d",
            "Quota": {"Limit": 5, "Period": "DAY"},
            "Tags": TAGS,
            "Throttle": {"BurstLimit": 4, "RateLimit": 3},
            "UsagePlanName": "other",
        },
        _read("get_usage_plan", "usagePlanId"),
        _STAGED,
    ),
    "AWS::ApiGateway::Stage": Case(
        {"RestApiId": {"Ref": "A"}, "DeploymentId": {"Ref": "D"}, "StageName": "s"},
        {
            "AccessLogSetting": {
                "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:l",
                "Format": "$context.requestId",
            },
            "CacheClusterEnabled": True,
            "CacheClusterSize": Also(CacheClusterEnabled=True, CacheClusterSize="1.6"),
            "ClientCertificateId": {"Ref": "Certificate"},
            "DeploymentId": {"Ref": "E"},
            "CanarySetting": {"PercentTraffic": 10},
            "Description": "d",
            "MethodSettings": [
                {"HttpMethod": "*", "ResourcePath": "/*", "ThrottlingBurstLimit": 3}
            ],
            "Tags": TAGS,
            "TracingEnabled": True,
            "Variables": {"a": "b"},
        },
        _read_stage,
        {
            "Certificate": {"Type": "AWS::ApiGateway::ClientCertificate"},
            "E": {
                **resource("AWS::ApiGateway::Deployment", RestApiId={"Ref": "A"}),
                "DependsOn": "M",
            },
            "A": resource("AWS::ApiGateway::RestApi", Name="of-stage"),
            **_METHOD,
            "D": {
                **resource("AWS::ApiGateway::Deployment", RestApiId={"Ref": "A"}),
                "DependsOn": "M",
            },
        },
    ),
}
