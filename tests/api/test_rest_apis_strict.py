"""Under ``--strict-auth``, REST APIs check signatures, callers' policies and their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.api.rest_site import INVOKED, Answer, Site
from tests.api.test_strict_auth import ACCOUNT, Role, allow

PLACE = f"arn:aws:execute-api:us-east-1:{ACCOUNT}"
SHOWN = "arn:aws:execute-api:us-east-1:********0000"
ADDRESS = "127.0.0.0/8"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site(strict_auth=True)
    site.reply = {"statusCode": 200, "body": "in"}
    yield site
    site.running.stop()


def method(kind: str | None) -> dict[str, Any]:
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": INVOKED}
    found: dict[str, Any] = {"x-amazon-apigateway-integration": integration}
    return found if kind is None else {**found, "x-amazon-apigateway-auth": {"type": kind}}


def build(site: Site, kind: str | None, policy: Any = None) -> str:
    more: dict[str, Any] = {} if policy is None else {"x-amazon-apigateway-policy": policy}
    return site.build({"/{proxy+}": {"x-amazon-apigateway-any-method": method(kind)}}, **more)


def statement(effect: str, principal: Any, resource: str = "execute-api:/*", **more: Any) -> Any:
    return {
        "Effect": effect, "Principal": principal, "Action": "execute-api:Invoke",
        "Resource": resource, **more,
    }  # fmt: skip


def signed(
    site: Site, api_id: str, path: str, keys: Credentials, http_method: str = "GET", body: str = ""
) -> Answer:
    host = f"{api_id}.execute-api.us-east-1.localhost"
    request = AWSRequest(http_method, f"http://{host}/dev{path}", data=body or None)
    SigV4Auth(keys, "execute-api", "us-east-1").add_auth(request)
    sent = {name: value for name, value in request.headers.items() if name != "Host"}
    return site.call(api_id, f"/dev{path}", http_method, body or None, **sent)


def keys_of(role: Role) -> Credentials:
    client = role.client("sts")
    found = client._request_signer._credentials.get_frozen_credentials()
    client.close()
    return Credentials(found.access_key, found.secret_key, found.token)


def test_a_signed_call_needs_a_policy(site: Site) -> None:
    api_id = build(site, "AWS_IAM")
    role = Role(
        site.running, "rest-caller", allow("execute-api:Invoke", f"{PLACE}:{api_id}/dev/*/open/*")
    )
    keys = keys_of(role)
    assert signed(site, api_id, "/open/a", keys).status == 200
    assert signed(site, api_id, "/open/a", keys, "POST", '{"a": 1}').status == 200
    assert json.loads(site.event["body"]) == {"a": 1}
    refused = signed(site, api_id, "/closed", keys)
    assert refused.status == 403
    assert refused.headers["x-amzn-errortype"] == "AccessDeniedException"
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/rest-caller/it"
    assert refused.json == {
        "Message": f"User: {who} is not authorized to perform: execute-api:Invoke on resource: "
        f"{SHOWN}:{api_id}/dev/GET/closed because no identity-based policy allows the "
        "execute-api:Invoke action"
    }
    # The account's own key may call everything.
    assert signed(site, api_id, "/closed", Credentials(ACCOUNT, "any")).status == 200


def test_signatures_are_checked(site: Site) -> None:
    api_id = build(site, "AWS_IAM")
    keys = keys_of(Role(site.running, "rest-liar", allow("execute-api:Invoke")))
    wrong = Credentials(keys.access_key, "wrong", keys.token)
    refused = signed(site, api_id, "/a", wrong)
    assert refused.status == 403
    assert refused.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert refused.json["message"].startswith("The request signature we calculated does not match")
    unknown = Credentials(keys.access_key, keys.secret_key, "no token")
    refused = signed(site, api_id, "/a", unknown)
    assert refused.status == 403
    assert refused.headers["x-amzn-errortype"] == "UnrecognizedClientException"
    assert refused.json == {"message": "The security token included in the request is invalid."}
    unsigned = site.call(api_id, "/dev/a")
    assert (unsigned.status, unsigned.json) == (403, {"message": "Missing Authentication Token"})


def test_the_api_s_policy_may_allow_or_deny_who_signs(site: Site) -> None:
    role = Role(site.running, "rest-named")
    api_id = build(
        site,
        "AWS_IAM",
        {
            "Statement": [
                statement("Allow", {"AWS": role.arn}),
                statement("Deny", "*", "execute-api:/*/DELETE/*"),
            ]
        },
    )
    keys = keys_of(role)
    assert signed(site, api_id, "/a", keys).status == 200
    denied = signed(site, api_id, "/a", keys, "DELETE")
    assert denied.status == 403
    assert denied.json["Message"].endswith("with an explicit deny in a resource-based policy")
    other = keys_of(Role(site.running, "rest-other"))
    assert signed(site, api_id, "/a", other).status == 403


def test_another_account_needs_the_api_s_policy(site: Site) -> None:
    stranger = Credentials("222222222222", "any")
    assert signed(site, build(site, "AWS_IAM"), "/a", stranger).status == 403
    api_id = build(site, "AWS_IAM", {"Statement": [statement("Allow", {"AWS": "222222222222"})]})
    assert signed(site, api_id, "/a", stranger).status == 200
    assert signed(site, api_id, "/a", Credentials("333333333333", "any")).status == 403


@pytest.mark.parametrize(
    ("statements", "status", "ends"),
    [
        ([statement("Allow", "*")], 200, ""),
        ([statement("Allow", {"AWS": "222222222222"})], 403, "/dev/GET/a"),
        (
            [
                statement("Allow", "*"),
                statement("Deny", "*", Condition={"IpAddress": {"aws:SourceIp": ADDRESS}}),
            ],
            403,
            "/dev/GET/a with an explicit deny",
        ),
    ],
)
def test_who_does_not_sign_needs_the_api_s_policy(
    site: Site, statements: list[Any], status: int, ends: str
) -> None:
    api_id = build(site, None, {"Statement": statements})
    answer = site.call(api_id, "/dev/a")
    assert answer.status == status
    if status == 403:
        said = answer.json["Message"]
        assert said.startswith("User: anonymous is not authorized to perform: execute-api:Invoke")
        assert said.endswith(f"{SHOWN}:{api_id}{ends}")
