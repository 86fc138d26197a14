"""``--strict-auth``: who may do what."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.model import credentials
from emulator.settings import Settings
from tests.api.conftest import Running, zip_of

ACCOUNT = "000000000000"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ],
    }
)


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    running = Running(Settings(port=0, strict_auth=True))
    yield running
    running.stop()


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def deny(actions: Any, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Deny", "Action": actions, "Resource": resource}


class Role:
    """A role, and clients with its credentials."""

    def __init__(self, running: Running, name: str, *statements: dict[str, Any]) -> None:
        self._running, self.name = running, name
        self.iam = running.client("iam")
        self.arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"][
            "Arn"
        ]
        if statements:
            self.iam.put_role_policy(
                RoleName=name, PolicyName="own", PolicyDocument=policy(*statements)
            )

    def client(self, service: str, **changed: Any) -> Any:
        given = self._running.client("sts").assume_role(RoleArn=self.arn, RoleSessionName="it")
        found = given["Credentials"]
        keys = {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }
        return boto3.client(
            service,
            region_name="us-east-1",
            **({"endpoint_url": self._running.url} | keys | changed),
        )


def refused(call: Any, code: str, says: str, *, status: int = 403, **request: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == code
    assert says in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_role_may_do_what_its_policies_allow_and_nothing_else(strict: Running) -> None:
    root = strict.client("sqs")
    mine = root.create_queue(QueueName="mine")["QueueUrl"]
    other = root.create_queue(QueueName="other")["QueueUrl"]
    role = Role(strict, "sender", allow("sqs:Send*", f"arn:aws:sqs:us-east-1:{ACCOUNT}:mine"))
    sqs = role.client("sqs")
    sqs.send_message(QueueUrl=mine, MessageBody="m")
    sqs.send_message_batch(QueueUrl=mine, Entries=[{"Id": "1", "MessageBody": "m"}])
    refused(
        sqs.send_message,
        "AccessDenied",
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/sender/it is not authorized to perform:"
        f" sqs:SendMessage on resource: arn:aws:sqs:us-east-1:{ACCOUNT}:other because no"
        " identity-based policy allows the sqs:SendMessage action",
        QueueUrl=other,
        MessageBody="m",
    )
    refused(sqs.receive_message, "AccessDenied", "sqs:ReceiveMessage", QueueUrl=mine)
    # The account's own key may do all.
    assert "Messages" in root.receive_message(QueueUrl=mine)


def test_a_denial_outweighs_and_a_boundary_bounds(strict: Running) -> None:
    s3 = strict.client("s3")
    s3.create_bucket(Bucket="bounded")
    s3.put_object(Bucket="bounded", Key="secret/k", Body=b"x")
    s3.put_object(Bucket="bounded", Key="k", Body=b"x")
    role = Role(
        strict, "reader", allow("s3:*"), deny("s3:GetObject", "arn:aws:s3:::bounded/secret/*")
    )
    client = role.client("s3")
    assert client.get_object(Bucket="bounded", Key="k")["Body"].read() == b"x"
    refused(
        client.get_object,
        "AccessDenied",
        "with an explicit deny in an identity-based policy",
        Bucket="bounded",
        Key="secret/k",
    )
    bound = role.iam.create_policy(
        PolicyName="bound", PolicyDocument=policy(allow("s3:ListBucket", "arn:aws:s3:::bounded"))
    )["Policy"]["Arn"]
    role.iam.put_role_permissions_boundary(RoleName="reader", PermissionsBoundary=bound)
    assert client.list_objects_v2(Bucket="bounded")["KeyCount"] == 2
    says = "because no permissions boundary allows the s3:GetObject action"
    refused(client.get_object, "AccessDenied", says, Bucket="bounded", Key="k")


def test_a_resource_allows_by_its_own_policy_and_conditions_hold(strict: Running) -> None:
    s3 = strict.client("s3")
    s3.create_bucket(Bucket="shared")
    s3.put_object(Bucket="shared", Key="a/k", Body=b"x")
    role = Role(strict, "guest")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": role.arn},
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::shared",
        "Condition": {"StringLike": {"s3:prefix": "a/*"}},
    }
    s3.put_bucket_policy(Bucket="shared", Policy=policy(statement))
    client = role.client("s3")
    assert client.list_objects_v2(Bucket="shared", Prefix="a/")["KeyCount"] == 1
    refused(client.list_objects_v2, "AccessDenied", "s3:ListBucket", Bucket="shared", Prefix="b")


def test_names_in_policies_stand_for_the_caller(strict: Running) -> None:
    s3 = strict.client("s3")
    s3.create_bucket(Bucket="homes")
    iam = strict.client("iam")
    iam.create_user(UserName="ann")
    home = "arn:aws:s3:::homes/${aws:username}/*"
    iam.put_user_policy(
        UserName="ann", PolicyName="home", PolicyDocument=policy(allow("s3:PutObject", home))
    )
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    client = boto3.client("s3", endpoint_url=strict.url, region_name="us-east-1", **keys)
    client.put_object(Bucket="homes", Key="ann/k", Body=b"x")
    refused(
        client.put_object, "AccessDenied", "s3:PutObject", Bucket="homes", Key="bob/k", Body=b""
    )
    keys["aws_secret_access_key"] = "wrong"
    forged = boto3.client("s3", endpoint_url=strict.url, region_name="us-east-1", **keys)
    says = "does not match the signature you provided"
    refused(forged.put_object, "SignatureDoesNotMatch", says, Bucket="homes", Key="ann/k", Body=b"")


def test_signatures_of_every_form_are_checked(strict: Running) -> None:
    role = Role(strict, "signer", allow("*"))
    refused(
        role.client("sqs", aws_secret_access_key="wrong").list_queues,
        "InvalidSignatureException",
        "does not match the signature you provided",
    )
    role.client("lambda").list_functions(MaxItems=1)
    role.client("iam").list_roles(PathPrefix="/a+b/")
    s3 = role.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="signed")
    s3.put_object(Bucket="signed", Key="a b+ü/k", Body=b"x", Metadata={"a": "b  c"})
    assert s3.get_object(Bucket="signed", Key="a b+ü/k")["Body"].read() == b"x"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "signed", "Key": "a b+ü/k"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"x"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url[:-4] + "0000")
    assert caught.value.code == 403
    assert b"SignatureDoesNotMatch" in caught.value.read()


CODE = """
import boto3, botocore.exceptions
def handler(event, context):
    sqs = boto3.client("sqs")
    try:
        return sqs.send_message(QueueUrl=event["url"], MessageBody="m")["MessageId"]
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
"""


def test_a_function_may_do_what_its_role_may(strict: Running) -> None:
    url = strict.client("sqs").create_queue(QueueName="of-a-function")["QueueUrl"]
    role = Role(strict, "execution")
    lambda_ = strict.client("lambda")
    lambda_.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Handler="index.handler",
        Role=role.arn,
        Timeout=30,
        Code={"ZipFile": zip_of(index__py=CODE)},
    )

    def call() -> Any:
        payload = json.dumps({"url": url})
        return json.loads(lambda_.invoke(FunctionName="f", Payload=payload)["Payload"].read())

    assert call() == "AccessDenied"
    arn = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    role.iam.attach_role_policy(RoleName="execution", PolicyArn=arn)
    assert call() != "AccessDenied"


def test_simulations_say_the_same(strict: Running) -> None:
    role = Role(strict, "simulated", allow("s3:Get*", "arn:aws:s3:::b/*"), deny("s3:GetObjectAcl"))
    answer = role.iam.simulate_principal_policy(
        PolicySourceArn=role.arn,
        ActionNames=["s3:GetObject", "s3:PutObject", "s3:GetObjectAcl"],
        ResourceArns=["arn:aws:s3:::b/k"],
    )
    assert [
        (each["EvalActionName"], each["EvalDecision"]) for each in answer["EvaluationResults"]
    ] == [
        ("s3:GetObject", "allowed"),
        ("s3:PutObject", "implicitDeny"),
        ("s3:GetObjectAcl", "explicitDeny"),
    ]
    document = policy(allow("s3:*", Condition={"StringEquals": {"aws:PrincipalTag/a": "b"}}))
    custom = role.iam.simulate_custom_policy(
        PolicyInputList=[document],
        ActionNames=["s3:GetObject"],
        ContextEntries=[
            {
                "ContextKeyName": "aws:PrincipalTag/a",
                "ContextKeyType": "string",
                "ContextKeyValues": ["b"],
            }
        ],
    )
    assert custom["EvaluationResults"][0]["EvalDecision"] == "allowed"
    keys = role.iam.get_context_keys_for_custom_policy(PolicyInputList=[document])
    assert keys["ContextKeyNames"] == ["aws:PrincipalTag/a"]
    keys = role.iam.get_context_keys_for_principal_policy(
        PolicySourceArn=role.arn, PolicyInputList=[document]
    )
    assert keys["ContextKeyNames"] == ["aws:PrincipalTag/a"]


def keys_of(given: dict[str, Any]) -> dict[str, str]:
    """Return the arguments of boto3 for credentials that STS has issued."""
    found = given["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


def client_of(running: Running, service: str, keys: dict[str, str]) -> Any:
    return boto3.client(service, region_name="us-east-1", endpoint_url=running.url, **keys)


def user_of(running: Running, name: str, *statements: dict[str, Any]) -> dict[str, str]:
    """Make a user with an access key; return the arguments of boto3 for it."""
    iam = running.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


def test_a_token_is_bound_to_its_key(strict: Running) -> None:
    strict.client("sqs").create_queue(QueueName="bound")
    may = Role(strict, "may-list", allow("sqs:ListQueues"))
    may_not = Role(strict, "may-not-list")
    sts = strict.client("sts")
    first, second = (
        keys_of(sts.assume_role(RoleArn=role.arn, RoleSessionName="it")) for role in (may, may_not)
    )
    client_of(strict, "sqs", first).list_queues()
    mixed = [
        second | {"aws_session_token": first["aws_session_token"]},
        user_of(strict, "mixer", allow("sqs:*"))
        | {"aws_session_token": first["aws_session_token"]},
        {name: value for name, value in first.items() if name != "aws_session_token"},
    ]
    for keys in mixed:
        client = client_of(strict, "sqs", keys)
        refused(client.list_queues, "InvalidClientTokenId", "security token")
        client.close()


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("sqs", "list_queues", "ExpiredToken", 403),
        ("iam", "list_roles", "ExpiredToken", 403),
        ("s3", "list_buckets", "ExpiredToken", 400),
        ("lambda", "list_functions", "ExpiredTokenException", 403),
        ("dynamodb", "list_tables", "ExpiredTokenException", 400),
    ],
)
def test_sessions_end(strict: Running, service: str, call: str, code: str, status: int) -> None:
    over = credentials.issue(credentials.assumed_role(ACCOUNT, "any", "it"), time.time() - 1)
    keys = {
        "aws_access_key_id": over.access_key,
        "aws_secret_access_key": over.secret_key,
        "aws_session_token": over.token,
    }
    client = client_of(strict, service, keys)
    refused(getattr(client, call), code, "expired", status=status)
    client.close()


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId", 403),
        ("lambda", "list_functions", "UnrecognizedClientException", 403),
        ("dynamodb", "list_tables", "UnrecognizedClientException", 400),
    ],
)
def test_nobodys_keys(strict: Running, service: str, call: str, code: str, status: int) -> None:
    keys = {"aws_access_key_id": "ASIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x"}
    client = client_of(strict, service, keys)
    refused(getattr(client, call), code, "", status=status)
    client.close()


def test_a_key_that_is_inactive_is_nobody_s(strict: Running) -> None:
    keys = user_of(strict, "idle", allow("sqs:*"))
    sqs = client_of(strict, "sqs", keys)
    sqs.list_queues()
    strict.client("iam").update_access_key(
        UserName="idle", AccessKeyId=keys["aws_access_key_id"], Status="Inactive"
    )
    refused(sqs.list_queues, "InvalidClientTokenId", "security token")
    sqs.close()


def test_sessions_are_bounded_by_their_policies(strict: Running) -> None:
    role = Role(strict, "wide", allow("sqs:*"))
    given = strict.client("sts").assume_role(
        RoleArn=role.arn, RoleSessionName="narrow", Policy=policy(allow("sqs:ListQueues"))
    )
    sqs = client_of(strict, "sqs", keys_of(given))
    sqs.list_queues()
    refused(sqs.create_queue, "AccessDenied", "no session policy allows", QueueName="n")
    sqs.close()


def test_a_user_s_session_may_do_what_the_user_may(strict: Running) -> None:
    user = user_of(strict, "small", allow(["sqs:ListQueues", "sts:*"]))
    sts = client_of(strict, "sts", user)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/small"
    sqs = client_of(strict, "sqs", keys_of(sts.get_session_token()))
    sqs.list_queues()
    refused(sqs.create_queue, "AccessDenied", "no identity-based policy", QueueName="n")
    for each in (sts, sqs):
        each.close()


def test_a_federated_user_may_do_what_both_allow(strict: Running) -> None:
    user = user_of(strict, "broker", allow(["sqs:ListQueues", "sqs:CreateQueue", "sts:*"]))
    sts = client_of(strict, "sts", user)
    given = policy(allow(["sqs:ListQueues", "sqs:DeleteQueue"]))
    some = sts.get_federation_token(Name="ann", Policy=given)
    sqs = client_of(strict, "sqs", keys_of(some))
    sqs.list_queues()
    refused(sqs.create_queue, "AccessDenied", "no session policy", QueueName="n")
    url = strict.client("sqs").create_queue(QueueName="federated")["QueueUrl"]
    refused(sqs.delete_queue, "AccessDenied", "no identity-based policy", QueueUrl=url)
    nothing = client_of(strict, "sqs", keys_of(sts.get_federation_token(Name="ben")))
    refused(nothing.list_queues, "AccessDenied", "federated-user/ben is not authorized")
    for each in (sts, sqs, nothing):
        each.close()


def _unsigned(running: Running, path: str, body: dict[str, Any]) -> int:
    request = urllib.request.Request(f"{running.url}{path}", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_who_may_send_segments(strict: Running) -> None:
    ids = {"id": "0000000000000001", "trace_id": "1-5759e988-bd862e3fe1be46a994272793"}
    segment = json.dumps({"name": "s", "start_time": 1.0, "end_time": 2.0, **ids})
    Role(strict, "sends", allow("xray:PutTraceSegments")).client("xray").put_trace_segments(
        TraceSegmentDocuments=[segment]
    )
    silent = Role(strict, "silent", allow("xray:Get*")).client("xray")
    refused(
        silent.put_trace_segments,
        "AccessDeniedException",
        "is not authorized to perform: xray:PutTraceSegments",
        TraceSegmentDocuments=[segment],
    )
    assert _unsigned(strict, "/TraceSegments", {"TraceSegmentDocuments": [segment]}) == 403
    # The X-Ray SDKs ask the daemon for these, and do not sign.
    assert _unsigned(strict, "/GetSamplingRules", {}) == 200
    document = {"RuleName": "Default", "ClientID": "0" * 24, "Timestamp": 1.0, "RequestCount": 0,
                "SampledCount": 0}  # fmt: skip
    targets = {"SamplingStatisticsDocuments": [document]}
    assert _unsigned(strict, "/SamplingTargets", targets) == 200
