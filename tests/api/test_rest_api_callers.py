"""Who may call a REST API: keys, authorizers, signatures, tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.api.rest_site import ACCOUNT, INVOKED, Site, mock, proxy, shared, site

__all__ = ["shared", "site"]


def test_keys_and_plans_act(site: Site) -> None:
    api_id = site.build(
        {"/": {"get": {**mock(), "security": [{"key": []}]}}},
        securityDefinitions={"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
    )
    assert site.call(api_id, "/dev/").json == {"message": "Forbidden"}
    key = site.api.create_api_key(name="k", enabled=True)
    plan = site.api.create_usage_plan(
        name="p",
        apiStages=[{"apiId": api_id, "stage": "dev"}],
        quota={"limit": 2, "period": "DAY"},
    )["id"]
    assert site.call(api_id, "/dev/", x_api_key=key["value"]).status == 403
    site.api.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    statuses = [site.call(api_id, "/dev/", x_api_key=key["value"]).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = site.call(api_id, "/dev/", x_api_key=key["value"])
    assert answer.json == {"message": "Limit Exceeded"}
    assert site.call(api_id, "/dev/", x_api_key="other").status == 403


def policy(effect: str, **more: Any) -> Callable[[Any], Any]:
    def answer(event: Any) -> Any:
        if event.get("type") not in ("TOKEN", "REQUEST"):
            return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
        statement = {
            "Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]
        }  # fmt: skip
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return {"principalId": "me", "policyDocument": document, **more}

    return answer


def guarded(site: Site, **authorizer: Any) -> str:
    given = {"type": "token", "authorizerUri": INVOKED, **authorizer}
    scheme = {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": given,
    }  # fmt: skip
    return site.build(
        {"/x": {"get": {**proxy(), "security": [{"mine": []}]}}},
        securityDefinitions={"mine": scheme},
    )


def test_an_authorizer_lets_callers_pass(site: Site) -> None:
    api_id = guarded(site)
    answer = site.call(api_id, "/dev/x")
    assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})
    site.reply = policy("Allow", context={"n": 1, "b": True})
    answer = site.call(api_id, "/dev/x", authorization="t1")
    assert answer.json == {"principalId": "me", "integrationLatency": 0, "n": "1", "b": "true"}
    before = site.invokes
    assert site.call(api_id, "/dev/x", authorization="t1").status == 200
    assert site.invokes == before + 1
    site.api.flush_stage_authorizers_cache(restApiId=api_id, stageName="dev")
    assert site.call(api_id, "/dev/x", authorization="t1").status == 200
    assert site.invokes == before + 3
    site.reply = policy("Deny")
    answer = site.call(api_id, "/dev/x", authorization="t2")
    assert answer.status == 403
    assert answer.json["Message"].startswith("User is not authorized to access this resource")
    site.reply, site.error = {"errorMessage": "Unauthorized"}, True
    assert site.call(api_id, "/dev/x", authorization="t3").status == 401
    site.reply, site.error = {"no": "policy"}, False
    answer = site.call(api_id, "/dev/x", authorization="t4")
    assert (answer.status, answer.json) == (500, {"message": None})


def test_a_request_authorizer_sees_the_request(site: Site) -> None:
    from aws_lambda_powertools.utilities.parser.models import (
        ApiGatewayAuthorizerRequest,
        APIGatewayProxyEventModel,
    )

    api_id = guarded(
        site, type="request", identitySource="method.request.querystring.who",
        authorizerResultTtlInSeconds=0,
    )  # fmt: skip
    seen = []
    allow = policy("Allow")

    def answer(event: Any) -> Any:
        seen.append(event)
        return allow(event)

    site.reply = answer
    assert site.call(api_id, "/dev/x").status == 401
    assert site.call(api_id, "/dev/x?who=me").status == 200
    assert seen[0]["type"] == "REQUEST"
    assert seen[0]["queryStringParameters"] == {"who": "me"}
    assert seen[0]["methodArn"].endswith(f":{api_id}/dev/GET/x")
    ApiGatewayAuthorizerRequest.model_validate(seen[0])
    APIGatewayProxyEventModel.model_validate(seen[1])


def test_a_token_authorizer_is_handed_the_token(site: Site) -> None:
    from aws_lambda_powertools.utilities.parser.models import ApiGatewayAuthorizerToken

    api_id = guarded(site, authorizerResultTtlInSeconds=0)
    seen = []
    allow = policy("Allow")

    def answer(event: Any) -> Any:
        seen.append(event)
        return allow(event)

    site.reply = answer
    assert site.call(api_id, "/dev/x", authorization="let me in").status == 200
    assert seen[0] == {
        "type": "TOKEN",
        "methodArn": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api_id}/dev/GET/x",
        "authorizationToken": "let me in",
    }
    ApiGatewayAuthorizerToken.model_validate(seen[0])


def test_a_signed_caller_is_known(site: Site) -> None:
    scheme = {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    }  # fmt: skip
    api_id = site.build(
        {"/": {"get": {**proxy(), "security": [{"sigv4": []}]}}},
        securityDefinitions={"sigv4": scheme},
    )
    assert site.call(api_id, "/dev/").json == {"message": "Missing Authentication Token"}
    signed = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/execute-api/aws4_request"
    assert site.call(api_id, "/dev/", authorization=signed).status == 200
    assert site.event["requestContext"]["identity"]["accountId"] == "123456789012"


def test_an_authorizer_is_tried(site: Site) -> None:
    api_id = guarded(site)
    (authorizer,) = site.api.get_authorizers(restApiId=api_id)["items"]
    site.reply = policy("Allow")
    named = {"restApiId": api_id, "authorizerId": authorizer["id"]}
    tried = site.api.test_invoke_authorizer(**named, headers={"Authorization": "t"})
    assert (tried["clientStatus"], tried["principalId"]) == (0, "me")
    assert site.event["authorizationToken"] == "t"


def test_a_token_of_a_user_pool_lets_callers_pass(site: Site) -> None:
    scheme = {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "cognito_user_pools",
        "x-amazon-apigateway-authorizer": {
            "type": "cognito_user_pools",
            "providerARNs": ["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_p"],
        },
    }  # fmt: skip
    api_id = site.build(
        {
            "/id": {"get": {**proxy(), "security": [{"pool": []}]}},
            "/scoped": {"get": {**proxy(), "security": [{"pool": ["read"]}]}},
        },
        securityDefinitions={"pool": scheme},
    )
    issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_p"

    def token(**claims: Any) -> str:
        from emulator.edge.http_fronts.authorizers.token_issuer import TokenIssuer

        signer = TokenIssuer(site.running.emulator.parts.folder)
        now = time.time()
        given = {"iss": issuer, "sub": "me", "iat": now - 5, "exp": now + 60, **claims}
        return str(site.running.call(lambda: signer.sign(given)))

    assert site.call(api_id, "/dev/id").json == {"message": "Unauthorized"}
    assert site.call(api_id, "/dev/id", authorization="garbage").status == 401
    assert site.call(api_id, "/dev/id", authorization=token()).status == 200
    assert site.event["requestContext"]["authorizer"]["claims"]["sub"] == "me"
    late = site.call(api_id, "/dev/id", authorization=token(exp=time.time() - 1))
    assert late.json == {"message": "The incoming token has expired"}
    assert site.call(api_id, "/dev/scoped", authorization=token()).status == 401
    scoped = token(scope="read write")
    assert site.call(api_id, "/dev/scoped", authorization=f"Bearer {scoped}").status == 200
