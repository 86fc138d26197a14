"""Public policies of buckets: what is public, who refuses it, and to whom it is restricted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from emulator.services.s3.public_access import is_public
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.api.test_s3 import refused

OPEN = {"BlockPublicPolicy": False, "RestrictPublicBuckets": False,
        "BlockPublicAcls": True, "IgnorePublicAcls": True}  # fmt: skip


def policy(bucket: str = "closed", **statement: Any) -> str:
    made = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*", **statement}  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [made]})


@pytest.fixture
def s3(emptied: Running) -> Any:
    client = emptied.client("s3")
    client.create_bucket(Bucket="closed")
    return client


def test_a_new_bucket_takes_no_public_policy(s3: Any) -> None:
    said = refused(s3.put_bucket_policy, "AccessDenied", 403, Bucket="closed", Policy=policy())
    assert said["Error"]["Message"] == (
        "User: arn:aws:iam::000000000000:root is not authorized to perform: s3:PutBucketPolicy on"
        ' resource: "arn:aws:s3:::closed" because public policies are blocked by the'
        " BlockPublicPolicy block public access setting."
    )
    refused(s3.get_bucket_policy, "NoSuchBucketPolicy", 404, Bucket="closed")
    refused(s3.get_bucket_policy_status, "NoSuchBucketPolicy", 404, Bucket="closed")


@pytest.mark.parametrize("how", ["put", "delete"])
def test_it_does_once_its_block_says_so(s3: Any, how: str) -> None:
    if how == "put":
        s3.put_public_access_block(Bucket="closed", PublicAccessBlockConfiguration=OPEN)
    else:
        s3.delete_public_access_block(Bucket="closed")
    s3.put_bucket_policy(Bucket="closed", Policy=policy())
    assert s3.get_bucket_policy_status(Bucket="closed")["PolicyStatus"] == {"IsPublic": True}
    # A block that comes later does not touch the policy that is there.
    block = {**OPEN, "BlockPublicPolicy": True}
    s3.put_public_access_block(Bucket="closed", PublicAccessBlockConfiguration=block)
    assert s3.get_bucket_policy_status(Bucket="closed")["PolicyStatus"] == {"IsPublic": True}
    refused(s3.put_bucket_policy, "AccessDenied", 403, Bucket="closed", Policy=policy())


def test_policies_for_some_are_taken_by_every_bucket(s3: Any) -> None:
    given = policy(Principal={"AWS": "arn:aws:iam::111111111111:root"})
    s3.put_bucket_policy(Bucket="closed", Policy=given)
    assert s3.get_bucket_policy_status(Bucket="closed")["PolicyStatus"] == {"IsPublic": False}


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["arn:aws:iam::111111111111:root", "*"]}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::111111111111:root"}},
        {"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}},
        {"Condition": {"StringEquals": {"aws:SourceVpc": ["vpc-1", "vpc-${x}"]}}},
        {"Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}},
        {"Condition": {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}},
        {"Condition": {"ForAllValues:StringEquals": {"aws:SourceVpc": "vpc-1"}}},
        {"Condition": {"StringEquals": {"aws:UserAgent": "x"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": ["192.0.2.1", "::/16"]}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Condition": {"StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:us-east-1:*:ap/x"}}},
    ],
)
def test_what_is_public(statement: dict[str, Any]) -> None:
    assert is_public(json.loads(policy(**statement)))


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Deny"},
        {"Principal": {"AWS": "arn:aws:iam::111111111111:role/r"}},
        {"Principal": {"Service": "cloudfront.amazonaws.com"}},
        {"Principal": {"CanonicalUser": "79a5"}},
        {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}},
        {"Condition": {"StringLike": {"aws:SourceVpc": "vpc-1"}}},
        {"Condition": {"StringEquals": {"AWS:PrincipalOrgID": ["o-1", "o-2"]}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:111111111111:t"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "10.0.0.0/8"]}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}},
        {"Condition": {
            "StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:us-east-1:111111111111:x/*"}
        }},
    ],
)  # fmt: skip
def test_what_is_not(statement: dict[str, Any]) -> None:
    assert not is_public(json.loads(policy(**statement)))


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    running = Running(Settings(port=0, strict_auth=True), driver=ScriptedDriver())
    yield running
    running.stop()


def test_a_restricted_bucket_is_closed_to_the_public(strict: Running) -> None:
    s3 = strict.client("s3")
    s3.create_bucket(Bucket="shown")
    s3.put_object(Bucket="shown", Key="k", Body=b"x")
    s3.put_public_access_block(Bucket="shown", PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket="shown", Policy=policy("shown"))
    assert requests.get(f"{strict.url}/shown/k", timeout=60).content == b"x"
    block = {**OPEN, "RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket="shown", PublicAccessBlockConfiguration=block)
    assert requests.get(f"{strict.url}/shown/k", timeout=60).status_code == 403
    assert s3.get_object(Bucket="shown", Key="k")["Body"].read() == b"x"
