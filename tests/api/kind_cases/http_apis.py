"""What the sweep changes of resource types: API Gateway (HTTP and WebSocket)."""

from __future__ import annotations

from typing import Any

from tests.api.kind_cases.case import Also, Ask, Case, Clients, resource
from tests.api.stacks import ROLE


def _read_http_api(clients: Clients, identity: str) -> Any:
    return clients("apigatewayv2").get_api(ApiId=identity)


def _read_http_stage(clients: Clients, name: str) -> Any:
    client = clients("apigatewayv2")
    (api,) = (each for each in client.get_apis()["Items"] if each["Name"] == "of-http-stage")
    return client.get_stage(ApiId=api["ApiId"], StageName=name)


def _of_a(operation: str, **request: Any) -> Ask:
    return Ask("apigatewayv2", operation, {"ApiId": "{A}", **request})


_HTTP = {"A": resource("AWS::ApiGatewayV2::Api", Name="of-part", ProtocolType="HTTP")}
_B = {"B": resource("AWS::ApiGatewayV2::Api", Name="other", ProtocolType="HTTP")}
_SOCKETS = {
    name: resource(
        "AWS::ApiGatewayV2::Api",
        Name=name,
        ProtocolType="WEBSOCKET",
        RouteSelectionExpression="$request.body.action",
    )
    for name in "AB"
}
_OF_A = {"ApiId": {"Ref": "A"}}
_OF_B = {"ApiId": {"Ref": "B"}}
_MOCK = {"I": resource("AWS::ApiGatewayV2::Integration", **_OF_A, IntegrationType="MOCK")}
_MOCKS = {**_MOCK, "J": resource("AWS::ApiGatewayV2::Integration", **_OF_B, IntegrationType="MOCK")}
_INVOKES = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:"
)
_CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/"
_JWT = Also(
    AuthorizerType="JWT",
    IdentitySource=["$request.header.Authorization"],
    JwtConfiguration={"Audience": ["a"], "Issuer": "https://issuer.example"},
    AuthorizerUri=None,
    AuthorizerPayloadFormatVersion=None,
)
_ROUTES = {
    name: resource(
        "AWS::ApiGatewayV2::Route",
        **api,
        RouteKey="$default",
        RouteResponseSelectionExpression="$default",
        Target={"Fn::Sub": f"integrations/${{{integration}}}"},
    )
    for name, api, integration in (("D", _OF_A, "I"), ("E", _OF_B, "J"))
}


CASES: dict[str, Case] = {
    "AWS::ApiGatewayV2::ApiGatewayManagedOverrides": Case(
        {**_OF_A, "Stage": {"Description": "first"}},
        {
            "Integration": {"Description": "d"},
            "Route": {"OperationName": "o"},
            "Stage": {"Description": "d"},
        },
        (_of_a("get_integrations"), _of_a("get_routes"), _of_a("get_stages")),
        {
            "A": resource(
                "AWS::ApiGatewayV2::Api",
                Name="quick",
                ProtocolType="HTTP",
                Target="https://a.example",
            ),
        },
        left=frozenset({"Description", "OperationName"}),
        stays=True,
        unseen={"ApiId": "an API has one of them"},
    ),
    "AWS::ApiGatewayV2::ApiMapping": Case(
        {**_OF_A, "DomainName": {"Ref": "N"}, "Stage": {"Ref": "S"}},
        {
            "ApiId": Also(ApiId={"Ref": "B"}, Stage={"Ref": "U"}),
            "ApiMappingKey": "k",
            "Stage": {"Ref": "T"},
        },
        (Ask("apigatewayv2", "get_api_mapping", {"DomainName": "{N}", "ApiMappingId": "{R}"}),),
        {
            **_HTTP,
            **_B,
            **{
                name: resource(
                    "AWS::ApiGatewayV2::DomainName",
                    DomainName=f"{name.lower()}.mapped.example.com",
                    DomainNameConfigurations=[{"CertificateArn": f"{_CERTIFICATE}a"}],
                )
                for name in "NO"
            },
            **{
                name: resource("AWS::ApiGatewayV2::Stage", **api, StageName=name)
                for name, api in (("S", _OF_A), ("T", _OF_A), ("U", _OF_B))
            },
        },
        replaces={"DomainName": {"Ref": "O"}},
    ),
    "AWS::ApiGatewayV2::Authorizer": Case(
        {
            **_OF_A,
            "Name": "swept",
            "AuthorizerType": "REQUEST",
            "AuthorizerUri": f"{_INVOKES}f/invocations",
            "AuthorizerPayloadFormatVersion": "2.0",
            "IdentitySource": ["$request.header.Auth"],
        },
        {
            "AuthorizerCredentialsArn": ROLE,
            "AuthorizerPayloadFormatVersion": "1.0",
            "AuthorizerResultTtlInSeconds": 9,
            "AuthorizerUri": f"{_INVOKES}g/invocations",
            "EnableSimpleResponses": True,
            "IdentitySource": ["$request.header.Other"],
            "Name": "other",
        },
        (_of_a("get_authorizer", AuthorizerId="{R}"),),
        {**_HTTP, **_B},
        replaces=_OF_B,
        unseen={"IdentityValidationExpression": "AWS says: reserved"},
    ),
    "AWS::ApiGatewayV2::Authorizer of tokens": Case(
        {
            **_OF_A,
            "Name": "swept",
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Audience": ["a"], "Issuer": "https://issuer.example"},
        },
        {
            "AuthorizerType": Also(
                AuthorizerType="REQUEST",
                JwtConfiguration=None,
                AuthorizerUri=f"{_INVOKES}f/invocations",
                AuthorizerPayloadFormatVersion="2.0",
            ),
            "JwtConfiguration": {"Audience": ["b"], "Issuer": "https://other.example"},
        },
        (_of_a("get_authorizer", AuthorizerId="{R}"),),
        {**_HTTP, **_B},
        replaces=_OF_B,
    ),
    "AWS::ApiGatewayV2::Deployment": Case(
        _OF_A,
        {"Description": "d"},
        (_of_a("get_deployment", DeploymentId="{R}"),),
        {**_SOCKETS, **_MOCKS, **_ROUTES},
        replaces=_OF_B,
        unseen={"StageName": "it is told by the stage"},
    ),
    "AWS::ApiGatewayV2::DomainName": Case(
        {
            "DomainName": "swept-http.example.com",
            "DomainNameConfigurations": [{"CertificateArn": f"{_CERTIFICATE}a"}],
        },
        {
            "DomainNameConfigurations": [
                {"CertificateArn": f"{_CERTIFICATE}b", "SecurityPolicy": "TLS_1_2"}
            ],
            "MutualTlsAuthentication": {"TruststoreUri": "s3://b/k"},
            "RoutingMode": "ROUTING_RULE_ONLY",
            "Tags": {"a": "b"},
        },
        (Ask("apigatewayv2", "get_domain_name", {"DomainName": "{R}"}),),
        replaces={"DomainName": "other-http.example.com"},
    ),
    "AWS::ApiGatewayV2::Integration": Case(
        {
            **_OF_A,
            "IntegrationType": "HTTP_PROXY",
            "IntegrationMethod": "GET",
            "IntegrationUri": "https://a.example",
            "PayloadFormatVersion": "1.0",
        },
        {
            "ConnectionId": Also(
                ConnectionType="VPC_LINK",
                ConnectionId={"Ref": "V"},
                IntegrationUri="arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/a/50dc6c495c0c9188/50dc6c495c0c9188",
            ),
            "CredentialsArn": Also(
                CredentialsArn=ROLE,
                IntegrationType="AWS_PROXY",
                IntegrationSubtype="SQS-SendMessage",
                IntegrationUri=None,
                IntegrationMethod=None,
                RequestParameters={"QueueUrl": "u", "MessageBody": "b"},
            ),
            "Description": "d",
            "IntegrationMethod": "POST",
            "IntegrationUri": "https://b.example",
            "RequestParameters": {"append:header.x": "y"},
            "ResponseParameters": {
                "200": {"ResponseParameters": [{"Destination": "append:header.x", "Source": "y"}]}
            },
            "TimeoutInMillis": "900",
        },
        (_of_a("get_integration", IntegrationId="{R}"),),
        {
            **_HTTP,
            **_B,
            "V": resource("AWS::ApiGatewayV2::VpcLink", Name="of-part", SubnetIds=["subnet-1"]),
        },
        replaces=_OF_B,
        unseen={
            "ConnectionType": "with ConnectionId",
            "IntegrationSubtype": "with CredentialsArn",
            "IntegrationType": "with CredentialsArn",
            "PayloadFormatVersion": "HTTP_PROXY has one only",
            "TlsConfig": "with ConnectionId only",
        },
    ),
    "AWS::ApiGatewayV2::Integration of WebSockets": Case(
        {
            **_OF_A,
            "IntegrationType": "HTTP",
            "IntegrationMethod": "GET",
            "IntegrationUri": "https://a.example",
        },
        {
            "ContentHandlingStrategy": "CONVERT_TO_TEXT",
            "PassthroughBehavior": "NEVER",
            "RequestTemplates": {"a": "{}"},
            "TemplateSelectionExpression": "a",
            "TimeoutInMillis": "900",
        },
        (_of_a("get_integration", IntegrationId="{R}"),),
        _SOCKETS,
        left=frozenset({"ContentHandlingStrategy"}),
        replaces=_OF_B,
    ),
    "AWS::ApiGatewayV2::IntegrationResponse": Case(
        {**_OF_A, "IntegrationId": {"Ref": "I"}, "IntegrationResponseKey": "/200/"},
        {
            "ContentHandlingStrategy": "CONVERT_TO_TEXT",
            "IntegrationResponseKey": "$default",
            "ResponseParameters": {"route.response.header.x": "'y'"},
            "ResponseTemplates": {"a": "{}"},
            "TemplateSelectionExpression": "a",
        },
        (_of_a("get_integration_response", IntegrationId="{I}", IntegrationResponseId="{R}"),),
        {**_SOCKETS, **_MOCKS},
        left=frozenset({"ContentHandlingStrategy"}),
        replaces={
            "ApiId": Also(ApiId={"Ref": "B"}, IntegrationId={"Ref": "J"}),
        },
        unseen={"IntegrationId": "with ApiId"},
    ),
    "AWS::ApiGatewayV2::Model": Case(
        {**_OF_A, "Name": "swept", "Schema": {"type": "object"}},
        {
            "ContentType": "text/json",
            "Description": "d",
            "Name": "other",
            "Schema": {"type": "string"},
        },
        (_of_a("get_model", ModelId="{R}"),),
        _SOCKETS,
        replaces=_OF_B,
    ),
    "AWS::ApiGatewayV2::Route": Case(
        {**_OF_A, "RouteKey": "GET /"},
        {
            "AuthorizationScopes": Also(
                AuthorizationType="JWT", AuthorizerId={"Ref": "Z"}, AuthorizationScopes=["s"]
            ),
            "AuthorizationType": "AWS_IAM",
            "OperationName": "o",
            "RouteKey": "POST /",
            "Target": {"Fn::Sub": "integrations/${I}"},
        },
        (_of_a("get_route", RouteId="{R}"),),
        {
            **_HTTP,
            **_B,
            "I": resource(
                "AWS::ApiGatewayV2::Integration",
                **_OF_A,
                IntegrationType="HTTP_PROXY",
                IntegrationMethod="GET",
                IntegrationUri="https://a.example",
                PayloadFormatVersion="1.0",
            ),
            "Z": resource(
                "AWS::ApiGatewayV2::Authorizer",
                **_OF_A,
                Name="jwt",
                AuthorizerType="JWT",
                IdentitySource=["$request.header.Authorization"],
                JwtConfiguration={"Audience": ["a"], "Issuer": "https://issuer.example"},
            ),
        },
        replaces=_OF_B,
        unseen={"AuthorizerId": "with AuthorizationScopes"},
    ),
    "AWS::ApiGatewayV2::Route of WebSockets": Case(
        {**_OF_A, "RouteKey": "$connect"},
        {
            "ApiKeyRequired": True,
            "ModelSelectionExpression": Also(
                ModelSelectionExpression="$request.body.a", RequestModels={"a": "m"}
            ),
            "RequestParameters": {"route.request.querystring.x": {"Required": True}},
            "RouteResponseSelectionExpression": "$default",
        },
        (_of_a("get_route", RouteId="{R}"),),
        {
            **_SOCKETS,
            "M": resource("AWS::ApiGatewayV2::Model", **_OF_A, Name="m", Schema={"type": "object"}),
        },
        replaces=_OF_B,
        unseen={"RequestModels": "with ModelSelectionExpression"},
    ),
    "AWS::ApiGatewayV2::RouteResponse": Case(
        {**_OF_A, "RouteId": {"Ref": "D"}, "RouteResponseKey": "$default"},
        {
            "ModelSelectionExpression": "a",
            "ResponseModels": {"a": "m"},
            "ResponseParameters": {"route.response.header.x": {"Required": True}},
        },
        (_of_a("get_route_response", RouteId="{D}", RouteResponseId="{R}"),),
        {
            **_SOCKETS,
            **_MOCKS,
            **_ROUTES,
            "M": resource("AWS::ApiGatewayV2::Model", **_OF_A, Name="m", Schema={"type": "object"}),
        },
        replaces={"ApiId": Also(ApiId={"Ref": "B"}, RouteId={"Ref": "E"})},
        unseen={"RouteId": "with ApiId", "RouteResponseKey": "there is one only"},
    ),
    "AWS::ApiGatewayV2::VpcLink": Case(
        {"Name": "swept", "SubnetIds": ["subnet-1"]},
        {"Name": "other", "Tags": {"a": "b"}},
        (Ask("apigatewayv2", "get_vpc_link", {"VpcLinkId": "{R}"}),),
        replaces={"SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-2"]},
    ),
    "AWS::ApiGatewayV2::Api": Case(
        {"Name": "swept", "ProtocolType": "HTTP"},
        {
            "CorsConfiguration": {"AllowOrigins": ["https://a.example"]},
            "Description": "d",
            "DisableExecuteApiEndpoint": True,
            "Name": "other",
            "Tags": {"a": "b"},
            "Version": "2",
        },
        _read_http_api,
    ),
    "AWS::ApiGatewayV2::Stage": Case(
        {"ApiId": {"Ref": "A"}, "StageName": "s"},
        {
            "AccessLogSettings": {
                "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:l",
                "Format": "$context.requestId",
            },
            "DefaultRouteSettings": {"ThrottlingBurstLimit": 3, "ThrottlingRateLimit": 4},
            "RouteSettings": {"GET /": {"ThrottlingBurstLimit": 3}},
            "StageVariables": {"a": "b"},
            "AutoDeploy": True,
            "Description": "d",
            "Tags": {"a": "b"},
        },
        _read_http_stage,
        {
            "A": resource("AWS::ApiGatewayV2::Api", Name="of-http-stage", ProtocolType="HTTP"),
            "Route": resource("AWS::ApiGatewayV2::Route", **_OF_A, RouteKey="GET /"),
        },
    ),
}
