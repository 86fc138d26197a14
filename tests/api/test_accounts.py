"""Functions of two accounts or regions never meet, but where a policy lets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import ECHO, Running, create

_OWN, _OTHER = "111111111111", "222222222222"


@pytest.fixture
def owner(scripted: Running) -> Any:
    client = scripted.client("lambda", account=_OWN)
    create(client, "shared", Publish=True)
    client.create_alias(FunctionName="shared", Name="live", FunctionVersion="1")
    return client


@pytest.fixture
def stranger(scripted: Running) -> Any:
    return scripted.client("lambda", account=_OTHER)


def _arn(qualifier: str = "") -> str:
    arn = f"arn:aws:lambda:us-east-1:{_OWN}:function:shared"
    return f"{arn}:{qualifier}" if qualifier else arn


def _denied(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert response["Error"]["Code"] == "AccessDeniedException"
    return response["Error"]["Message"]


def test_a_name_means_a_function_of_ones_own(owner: Any, stranger: Any) -> None:
    with pytest.raises(ClientError, match=f"Function not found: .*{_OTHER}:function:shared"):
        stranger.get_function(FunctionName="shared")
    assert stranger.list_functions()["Functions"] == []
    create(stranger, "shared", Description="another")
    assert owner.get_function(FunctionName="shared")["Configuration"]["Description"] == ""


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("get_function", {}),
        ("delete_function", {}),
        ("update_function_code", {"ZipFile": ECHO}),
        ("update_function_configuration", {"Timeout": 5}),
        ("publish_version", {}),
        ("put_function_concurrency", {"ReservedConcurrentExecutions": 0}),
        ("list_aliases", {}),
        ("get_policy", {}),
    ],
)
def test_an_arn_of_another_account_is_no_way_in(
    owner: Any, stranger: Any, operation: str, request_: dict[str, Any]
) -> None:
    action = "".join(word.title() for word in operation.split("_"))
    assert _denied(getattr(stranger, operation), FunctionName=_arn(), **request_) == (
        f"User: arn:aws:iam::{_OTHER}:root is not authorized to perform: lambda:{action} on "
        f"resource: {_arn()} because no resource-based policy allows the lambda:{action} action"
    )
    assert owner.get_function(FunctionName="shared")["Configuration"]["Timeout"] == 30


def test_calls_and_tags(owner: Any, stranger: Any) -> None:
    assert "lambda:InvokeFunction" in _denied(stranger.invoke, FunctionName=_arn())
    assert "lambda:TagResource" in _denied(stranger.tag_resource, Resource=_arn(), Tags={"a": "b"})
    assert "lambda:CreateFunction" in _denied(
        stranger.create_function,
        FunctionName=f"{_arn()}2",
        Role=f"arn:aws:iam::{_OTHER}:role/role",
        Runtime="python3.12",
        Handler="app.handler",
        Code={"ZipFile": ECHO},
    )
    # One's own account may be named.
    assert owner.invoke(FunctionName=_arn(), Payload=b"1")["Payload"].read() == b"1"


def test_a_policy_lets_another_account_in(owner: Any, stranger: Any) -> None:
    grant = {"FunctionName": "shared", "StatementId": "one", "Principal": _OTHER}
    owner.add_permission(**grant, Action="lambda:InvokeFunction", Qualifier="live")
    answer = stranger.invoke(FunctionName=_arn("live"), Payload=b'"in"')
    assert json.load(answer["Payload"]) == "in"
    _denied(stranger.invoke, FunctionName=_arn())
    _denied(stranger.get_function, FunctionName=_arn("live"))
    owner.add_permission(
        **{**grant, "Principal": "*"}, Action="lambda:*", SourceAccount="333333333333"
    )
    _denied(stranger.invoke, FunctionName=_arn())
    owner.remove_permission(FunctionName="shared", StatementId="one", Qualifier="live")
    _denied(stranger.invoke, FunctionName=_arn("live"))


def test_a_function_that_is_not_there_is_missing(owner: Any, stranger: Any) -> None:
    with pytest.raises(ClientError, match=f"Function not found: {_arn()}2"):
        stranger.get_function(FunctionName=f"{_arn()}2")


def test_a_policy_may_allow_tags(owner: Any, stranger: Any) -> None:
    assert "lambda:ListTags" in _denied(stranger.list_tags, Resource=_arn())
    for sid, action in (("l", "ListTags"), ("t", "TagResource"), ("u", "UntagResource")):
        owner.add_permission(
            FunctionName="shared", StatementId=sid, Action=f"lambda:{action}", Principal=_OTHER
        )
    stranger.tag_resource(Resource=_arn(), Tags={"a": "1", "b": "2"})
    stranger.untag_resource(Resource=_arn(), TagKeys=["a"])
    assert stranger.list_tags(Resource=_arn())["Tags"] == {"b": "2"}
    assert owner.list_tags(Resource=_arn())["Tags"] == {"b": "2"}
