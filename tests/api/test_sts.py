"""STS, and what services that are not served answer."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import Running


def test_caller_identity_is_the_account_of_the_access_key(scripted: Running) -> None:
    identity = scripted.client("sts", account="111122223333").get_caller_identity()
    assert identity["Account"] == "111122223333"
    assert identity["Arn"] == "arn:aws:iam::111122223333:root"


def test_credentials_are_not_issued(scripted: Running) -> None:
    with pytest.raises(ClientError, match="issues none") as raised:
        scripted.client("sts").get_session_token()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("service", "call", "name"),
    [
        ("dynamodb", lambda client: client.list_tables(), "DynamoDB"),
        ("s3", lambda client: client.list_buckets(), "S3"),
        ("sns", lambda client: client.list_topics(), "SNS"),
        ("iam", lambda client: client.list_users(), "IAM"),
        ("events", lambda client: client.list_rules(), "EventBridge"),
        ("apigateway", lambda client: client.get_rest_apis(), "API Gateway"),
    ],
)
def test_other_services_are_named_in_their_protocol(
    scripted: Running, service: str, call: Callable[..., Any], name: str
) -> None:
    with pytest.raises(ClientError, match=f"does not serve {name};") as raised:
        call(scripted.client(service))
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert raised.value.response["Error"]["Code"].startswith("NotImplemented")


def test_a_request_for_nothing(scripted: Running) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{scripted.url}/")
    assert raised.value.code == 404
    raised.value.close()
