"""STS, and what services that are not served answer."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.services import neighbours
from tests.api.conftest import Running


def test_caller_identity_is_the_account_of_the_access_key(scripted: Running) -> None:
    identity = scripted.client("sts", account="111122223333").get_caller_identity()
    assert identity["Account"] == "111122223333"
    assert identity["Arn"] == "arn:aws:iam::111122223333:root"


ROLE = "arn:aws:iam::111122223333:role/service-role/reader"
ASSUMED = "arn:aws:sts::111122223333:assumed-role/reader/session"


def client_with(running: Running, service: str, given: dict[str, Any]) -> Any:
    """Return a client with the ``Credentials`` of an answer."""
    return boto3.client(
        service,
        endpoint_url=running.url,
        region_name="us-east-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def test_a_role_assumed_reaches_its_account_and_says_who_it_is(scripted: Running) -> None:
    sts = scripted.client("sts")
    answer = sts.assume_role(
        RoleArn=ROLE, RoleSessionName="session", Policy="{}", SourceIdentity="alice"
    )
    given = answer["Credentials"]
    assert re.fullmatch("ASIA[A-Z2-7]{16}", given["AccessKeyId"])
    assert len(given["SecretAccessKey"]) == 40
    assert answer["AssumedRoleUser"]["Arn"] == ASSUMED
    assert re.fullmatch("AROA[A-Z2-7]{17}:session", answer["AssumedRoleUser"]["AssumedRoleId"])
    assert (answer["SourceIdentity"], answer["PackedPolicySize"]) == ("alice", 1)
    identity = client_with(scripted, "sts", given).get_caller_identity()
    assert identity["Arn"] == ASSUMED
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert sts.get_access_key_info(AccessKeyId=given["AccessKeyId"])["Account"] == "111122223333"
    queue = client_with(scripted, "sqs", given).create_queue(QueueName="of-the-role")
    assert "/111122223333/of-the-role" in queue["QueueUrl"]


def test_every_set_of_credentials_is_another(scripted: Running) -> None:
    sts = scripted.client("sts")
    sets = [
        sts.assume_role(RoleArn=ROLE, RoleSessionName="session")["Credentials"] for _ in range(5)
    ]
    for member in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
        assert len({given[member] for given in sets}) == 5


def test_session_and_federation_tokens(scripted: Running) -> None:
    sts = scripted.client("sts", account="444455556666")
    given = sts.get_session_token()["Credentials"]
    session = client_with(scripted, "sts", given)
    assert session.get_caller_identity()["Arn"] == "arn:aws:iam::444455556666:root"
    answer = sts.get_federation_token(Name="bob", Policy='{"Version": "2012-10-17"}')
    arn = "arn:aws:sts::444455556666:federated-user/bob"
    assert answer["FederatedUser"] == {"FederatedUserId": "444455556666:bob", "Arn": arn}
    federated = client_with(scripted, "sts", answer["Credentials"])
    assert federated.get_caller_identity()["Arn"] == arn
    for call in (federated.get_session_token, lambda: session.get_federation_token(Name="eve")):
        with pytest.raises(ClientError, match="with session credentials") as raised:
            call()
        assert code_of(raised) == "AccessDenied"


def test_a_role_assumed_from_a_role_lasts_an_hour(scripted: Running) -> None:
    given = scripted.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="session")
    role = client_with(scripted, "sts", given["Credentials"])
    role.assume_role(RoleArn=ROLE, RoleSessionName="next", DurationSeconds=3600)
    with pytest.raises(ClientError, match="role chaining"):
        role.assume_role(RoleArn=ROLE, RoleSessionName="next", DurationSeconds=3601)


def token_of(**claims: Any) -> str:
    parts = ({"alg": "none"}, {"iss": "https://idp", "aud": "app", "sub": "me", **claims})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return b".".join((*encoded, b"x")).decode()


def test_a_role_assumed_with_a_web_identity(scripted: Running) -> None:
    sts = scripted.client("sts")
    answer = sts.assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="session", WebIdentityToken=token_of()
    )
    assert answer["AssumedRoleUser"]["Arn"] == ASSUMED
    told = [answer[name] for name in ("SubjectFromWebIdentityToken", "Audience", "Provider")]
    assert told == ["me", "app", "https://idp"]
    for token, code in (
        ("no.token.atall", "InvalidIdentityToken"),
        (token_of(sub=""), "InvalidIdentityToken"),
        (token_of(exp=1), "ExpiredTokenException"),
    ):
        with pytest.raises(ClientError) as raised:
            sts.assume_role_with_web_identity(
                RoleArn=ROLE, RoleSessionName="session", WebIdentityToken=token
            )
        assert code_of(raised) == code


ASSERTION = """<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol">
<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><Issuer>https://idp</Issuer>
<Subject><NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">me</NameID></Subject>
<AttributeStatement>
<Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName">
<AttributeValue>session</AttributeValue></Attribute></AttributeStatement></Assertion></Response>"""


def test_a_role_assumed_with_saml(scripted: Running) -> None:
    sts = scripted.client("sts")
    asked = {"RoleArn": ROLE, "PrincipalArn": "arn:aws:iam::111122223333:saml-provider/idp"}
    encoded = base64.b64encode(ASSERTION.encode()).decode()
    answer = sts.assume_role_with_saml(**asked, SAMLAssertion=encoded)
    assert answer["AssumedRoleUser"]["Arn"] == ASSUMED
    told = [answer[name] for name in ("Subject", "SubjectType", "Issuer")]
    assert told == ["me", "persistent", "https://idp"]
    for text in ("", "<a/>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', ASSERTION[:90]):
        wrong = base64.b64encode(text.encode()).decode() or "eHh4eA=="
        with pytest.raises(ClientError) as raised:
            sts.assume_role_with_saml(**asked, SAMLAssertion=wrong)
        assert code_of(raised) == "InvalidIdentityToken"


def test_the_root_of_a_member_account(scripted: Running) -> None:
    answer = scripted.client("sts").assume_root(
        TargetPrincipal="777788889999",
        TaskPolicyArn={"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
    )
    identity = client_with(scripted, "sts", answer["Credentials"]).get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::777788889999:root"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"RoleArn": "arn:aws:iam::111122223333:user/reader"}, "ValidationError"),
        ({"RoleArn": "reader"}, "ValidationError"),
        ({"DurationSeconds": 1}, "ValidationError"),
        ({"RoleSessionName": "x"}, "ValidationError"),
        ({"Policy": "no json"}, "MalformedPolicyDocument"),
        ({"Policy": "[]"}, "MalformedPolicyDocument"),
        ({"Policy": '{"a": "' + "x" * 2038 + '"}', "Tags": [{"Key": "k", "Value": "v" * 20}]},
         "PackedPolicyTooLarge"),
    ],
)  # fmt: skip
def test_what_assume_role_refuses(scripted: Running, changes: dict[str, Any], code: str) -> None:
    sts = boto3.client(
        "sts",
        endpoint_url=scripted.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False),
    )
    with pytest.raises(ClientError) as raised:
        sts.assume_role(**{"RoleArn": ROLE, "RoleSessionName": "session", **changes})
    assert code_of(raised) == code


def test_a_message_that_nothing_here_encoded(scripted: Running) -> None:
    with pytest.raises(ClientError) as raised:
        scripted.client("sts").decode_authorization_message(EncodedMessage="x")
    assert code_of(raised) == "InvalidAuthorizationMessageException"


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_a_key_of_another_maker_is_the_emulators_own_account(scripted: Running, key: str) -> None:
    sts = scripted.client("sts", account=key)
    assert sts.get_caller_identity()["Account"] == "000000000000"
    assert sts.get_access_key_info(AccessKeyId=key)["Account"] == "000000000000"


@pytest.mark.parametrize(
    ("service", "call", "title"),
    [
        ("comprehend", lambda client: client.list_entity_recognizers(), "Comprehend"),
        ("cloudfront", lambda client: client.list_distributions(), "CloudFront"),
        ("redshift", lambda client: client.describe_clusters(), "Redshift"),
        ("appmesh", lambda client: client.list_meshes(), "App Mesh"),
    ],
)
def test_other_services_are_named_in_their_protocol(
    scripted: Running,
    service: str,
    call: Callable[..., Any],
    title: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without the library that serves what nothing else does.
    monkeypatch.setattr(neighbours, "is_installed", lambda: False)
    with pytest.raises(ClientError, match=f"does not serve {title};") as raised:
        call(scripted.client(service))
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert raised.value.response["Error"]["Code"].startswith("NotImplemented")
    assert "pip install 'localfaas[aws]'" in raised.value.response["Error"]["Message"]


def test_a_request_for_nothing(scripted: Running) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{scripted.url}/")
    assert raised.value.code == 404
    raised.value.close()


def test_scoped_credentials_are_the_same_identitys(scripted: Running) -> None:
    sts = scripted.client("sts")
    with pytest.raises(ClientError) as caught:
        sts.get_scoped_credentials(Policy="{}")
    assert code_of(caught) == "InvalidSubjectCredentials"
    given = sts.assume_role(RoleArn=ROLE, RoleSessionName="session")["Credentials"]
    answer = client_with(scripted, "sts", given).get_scoped_credentials(Policy="{}")
    assert answer["SessionInfo"]["Arn"] == ASSUMED
    assert answer["ScopedPoliciesCount"] == 1
    assert answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"])
    scoped = client_with(scripted, "sts", answer["Credentials"])
    assert scoped.get_caller_identity()["Arn"] == ASSUMED


def test_tokens_that_can_not_be_are_refused_as_on_aws(scripted: Running) -> None:
    sts = scripted.client("sts")
    with pytest.raises(ClientError) as caught:
        sts.get_web_identity_token(Audience=["a"], SigningAlgorithm="RS256")
    assert code_of(caught).startswith("OutboundWebIdentityFederationDisabled")
    with pytest.raises(ClientError) as caught:
        sts.get_delegated_access_token(TradeInToken="x")
    assert code_of(caught).startswith("ExpiredTradeInToken")
