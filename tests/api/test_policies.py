"""Resource policies: by statement and as a whole, byte for byte as AWS writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import ECHO, Running, create

ARN = "arn:aws:lambda:us-east-1:000000000000:function:hello"


@pytest.fixture
def client(scripted: Running) -> Any:
    client = scripted.client("lambda")
    create(client, Publish=True)
    return client


def _grant(client: Any, sid: str = "s3", **fields: Any) -> dict[str, Any]:
    request = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **fields}
    return client.add_permission(FunctionName="hello", StatementId=sid, **request)


def test_statements_byte_for_byte(client: Any) -> None:
    plain = (
        '{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},'
        f'"Action":"lambda:InvokeFunction","Resource":"{ARN}"}}'
    )
    assert _grant(client)["Statement"] == plain
    conditional = (
        '{"Sid":"account","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},'
        f'"Action":"lambda:InvokeFunctionUrl","Resource":"{ARN}","Condition":{{"StringEquals":'
        '{"AWS:SourceAccount":"123456789012","lambda:FunctionUrlAuthType":"NONE"},"ArnLike":'
        '{"AWS:SourceArn":"arn:aws:s3:::bucket"}}}'
    )
    answer = _grant(
        client,
        "account",
        Action="lambda:InvokeFunctionUrl",
        Principal="123456789012",
        SourceAccount="123456789012",
        SourceArn="arn:aws:s3:::bucket",
        FunctionUrlAuthType="NONE",
    )
    assert answer["Statement"] == conditional
    policy = client.get_policy(FunctionName="hello")["Policy"]
    assert policy == (
        f'{{"Version":"2012-10-17","Id":"default","Statement":[{plain},{conditional}]}}'
    )


def test_revisions_and_qualifiers(client: Any) -> None:
    _grant(client)
    first = client.get_policy(FunctionName="hello")
    _grant(client, "two", RevisionId=first["RevisionId"])
    with pytest.raises(client.exceptions.PreconditionFailedException, match="GetPolicy API"):
        _grant(client, "three", RevisionId=first["RevisionId"])
    with pytest.raises(client.exceptions.PreconditionFailedException):
        client.remove_permission(
            FunctionName="hello", StatementId="two", RevisionId=first["RevisionId"]
        )
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_policy(FunctionName="hello", Qualifier="1")
    statement = json.loads(_grant(client, Qualifier="1")["Statement"])
    assert statement["Resource"] == f"{ARN}:1"
    client.remove_permission(FunctionName="hello", StatementId="s3", Qualifier="1")
    assert len(json.loads(client.get_policy(FunctionName="hello")["Policy"])["Statement"]) == 2


def test_a_policy_over_20_kb(client: Any) -> None:
    def fill() -> None:
        for number in range(200):
            _grant(client, f"{number}-" + "x" * 90)

    with pytest.raises(ClientError, match="is bigger than the limit") as raised:
        fill()
    assert raised.value.response["Error"]["Code"] == "PolicyLengthExceededException"


def test_a_whole_policy_comes_back_as_it_was_put(client: Any) -> None:
    policy = (
        '{ "Version": "2012-10-17",\n  "Statement": [{"Sid": "mine", "Effect": "Deny",'
        f' "Principal": "*", "Action": "lambda:*", "Resource": "{ARN}"}}]}}'
    )
    put = client.put_resource_policy(ResourceArn=ARN, Policy=policy)
    assert put["Policy"] == policy
    found = client.get_resource_policy(ResourceArn=ARN)
    assert (found["Policy"], found["RevisionId"]) == (policy, put["RevisionId"])
    # It is the policy that statements are added to.
    _grant(client)
    text = client.get_resource_policy(ResourceArn=ARN)["Policy"]
    assert [each["Sid"] for each in json.loads(text)["Statement"]] == ["mine", "s3"]
    with pytest.raises(client.exceptions.PreconditionFailedException):
        client.delete_resource_policy(ResourceArn=ARN, RevisionId=put["RevisionId"])
    client.delete_resource_policy(ResourceArn=ARN)
    for call in (client.get_resource_policy, client.delete_resource_policy):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            call(ResourceArn=ARN)


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        "[]",
        '{"Statement": []}',
        '{"Statement": [{"Effect": "Maybe"}]}',
        f'{{"Statement": {{"Effect": "Allow", "Action": "*", "Resource": "{ARN}"}}}}',
        f'{{"Statement": {{"Effect": "Allow", "Principal": "*", "Resource": "{ARN}"}}}}',
        f'{{"Statement": {{"Effect":"Allow","Principal":"*","Action":"*","Resource":"{ARN}:1"}}}}',
    ],
)
def test_what_is_no_policy(client: Any, policy: str) -> None:
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.put_resource_policy(ResourceArn=ARN, Policy=policy)


def test_layer_permissions(client: Any) -> None:
    client.publish_layer_version(LayerName="layer", Content={"ZipFile": ECHO})
    layer = {"LayerName": "layer", "VersionNumber": 1}
    added = client.add_layer_version_permission(
        **layer,
        StatementId="org",
        Action="lambda:GetLayerVersion",
        Principal="*",
        OrganizationId="o-0123456789",
    )
    arn = "arn:aws:lambda:us-east-1:000000000000:layer:layer:1"
    assert added["Statement"] == (
        '{"Sid":"org","Effect":"Allow","Principal":"*","Action":"lambda:GetLayerVersion",'
        f'"Resource":"{arn}","Condition":{{"StringEquals":{{"aws:PrincipalOrgID":"o-0123456789"}}}}}}'
    )
    assert client.get_layer_version_policy(**layer)["RevisionId"] == added["RevisionId"]
    client.remove_layer_version_permission(**layer, StatementId="org")
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="No policy"):
        client.get_layer_version_policy(**layer)


@pytest.mark.parametrize("qualifier", [None, "1", "live"])
def test_a_policy_begins_with_the_revision_of_what_it_is_on(
    client: Any, qualifier: str | None
) -> None:
    client.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
    named: dict[str, Any] = {"Qualifier": qualifier} if qualifier else {}
    if qualifier == "live":
        present = client.get_alias(FunctionName="hello", Name="live")["RevisionId"]
    else:
        found = client.get_function_configuration(FunctionName="hello", **named)
        present = found["RevisionId"]
    with pytest.raises(ClientError, match="Call the GetPolicy API"):
        _grant(client, RevisionId="another", **named)
    _grant(client, RevisionId=present, **named)
    # From now on the policy has revisions of its own.
    with pytest.raises(ClientError, match="Call the GetPolicy API"):
        _grant(client, "two", RevisionId=present, **named)
    revision = client.get_policy(FunctionName="hello", **named)["RevisionId"]
    _grant(client, "two", RevisionId=revision, **named)
    revision = client.get_policy(FunctionName="hello", **named)["RevisionId"]
    request = {"FunctionName": "hello", "StatementId": "two", **named}
    with pytest.raises(ClientError, match="Call the GetPolicy API"):
        client.remove_permission(RevisionId=present, **request)
    client.remove_permission(RevisionId=revision, **request)
