"""Functions and invokes over HTTP, through boto3."""

from __future__ import annotations

import base64
import errno
import json
import os
import tempfile
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import ECHO, Running, create


@pytest.fixture
def client(scripted: Running) -> Any:
    return scripted.client("lambda")


def test_create_invoke_delete(client: Any) -> None:
    created = create(client, Environment={"Variables": {"AB": "1"}})
    assert created["State"] == "Pending"
    assert created["FunctionArn"] == "arn:aws:lambda:us-east-1:000000000000:function:hello"
    client.get_waiter("function_active_v2").wait(FunctionName="hello")
    answer = client.invoke(FunctionName="hello", Payload=b'{"a": [1]}', LogType="Tail")
    assert json.loads(answer["Payload"].read()) == {"a": [1]}
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    log = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert [line.split()[0] for line in log] == ["START", "END", "REPORT"]
    assert [f["FunctionName"] for f in client.list_functions()["Functions"]] == ["hello"]
    client.delete_function(FunctionName="hello")
    with pytest.raises(client.exceptions.ResourceNotFoundException) as raised:
        client.invoke(FunctionName="hello")
    assert raised.value.response["Message"].endswith("function:hello:$LATEST")


def test_invoke_by_every_form_of_name(client: Any) -> None:
    create(client)
    arn = "arn:aws:lambda:us-east-1:000000000000:function:hello"
    for name in ("hello", "hello:$LATEST", arn, f"{arn}:$LATEST", "000000000000:function:hello"):
        assert client.invoke(FunctionName=name)["StatusCode"] == 200, name


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("mkdtemp", "could not unpack the code: No space left on device"),
        ("mkstemp", "It was not kept: No space left on device"),
    ],
)
def test_a_full_disk_is_said_without_the_machines_paths(
    client: Any, monkeypatch: pytest.MonkeyPatch, step: str, says: str
) -> None:
    def full(*_: Any, **where: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{where['dir']}/new")

    monkeypatch.setattr(tempfile, step, full)
    with pytest.raises(ClientError) as raised:
        create(client)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ServiceException", says)


def test_dry_run_and_event(client: Any) -> None:
    create(client)
    assert client.invoke(FunctionName="hello", InvocationType="DryRun")["StatusCode"] == 204
    answer = client.invoke(FunctionName="hello", InvocationType="Event", Payload=b"{}")
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""


def test_accounts_and_regions_never_meet(scripted: Running) -> None:
    create(scripted.client("lambda", account="111111111111"))
    for account, region in (("222222222222", "us-east-1"), ("111111111111", "eu-west-1")):
        other = scripted.client("lambda", account=account, region=region)
        assert other.list_functions()["Functions"] == []


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "Unexpected end-of-input"),
        (b"nope", "Unrecognized token 'nope'"),
        (b'{"a" 1}', "Unexpected character ('1' (code 49))"),
        (b"\x87", "Invalid UTF-8 start byte 0x87"),
        (b"[" * 5000 + b"]" * 5000, "Document nesting depth exceeds the maximum allowed"),
        (b"[" * 50_000 + b"]" * 50_000, "Document nesting depth exceeds the maximum allowed"),
        (b"9" * 5000, "Number value length exceeds the maximum allowed"),
    ],
    ids=["end", "word", "digit", "byte", "deep", "very deep", "long number"],
)
def test_a_payload_that_is_no_json(client: Any, payload: bytes, reason: str) -> None:
    create(client)
    with pytest.raises(ClientError) as raised:
        client.invoke(FunctionName="hello", Payload=payload)
    assert raised.value.response["Error"]["Code"] == "InvalidRequestContentException"
    assert reason in raised.value.response["Error"]["Message"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    "context", ["x", "[]", '{"a":' + "[" * 300 + "]" * 300 + "}", '{"a":' + "[" * 1200]
)
def test_a_client_context_that_is_none(client: Any, context: str) -> None:
    create(client)
    with pytest.raises(ClientError, match="Client context must be") as raised:
        client.invoke(
            FunctionName="hello", ClientContext=base64.b64encode(context.encode()).decode()
        )
    assert raised.value.response["Error"]["Code"] == "InvalidRequestContentException"


def test_payload_limits(client: Any) -> None:
    create(client)
    for kind, limit in (("RequestResponse", 6 * 1024 * 1024), ("Event", 1024 * 1024)):
        with pytest.raises(ClientError) as raised:
            client.invoke(
                FunctionName="hello", InvocationType=kind, Payload=b'"' + b"x" * limit + b'"'
            )
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
        assert raised.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
        assert f"smaller than {limit} bytes" in raised.value.response["Error"]["Message"]


def test_environment_over_4_kb(client: Any) -> None:
    with pytest.raises(ClientError, match="exceeded the 4KB limit"):
        create(client, Environment={"Variables": {"AB": "x" * 4096}})


def test_reserved_concurrency_zero(client: Any) -> None:
    create(client)
    client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException) as raised:
        client.invoke(FunctionName="hello")
    error = raised.value.response
    assert error["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 429
    with pytest.raises(ClientError, match="below its minimum value of"):
        client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=901)
    client.delete_function_concurrency(FunctionName="hello")
    assert client.invoke(FunctionName="hello")["StatusCode"] == 200


def test_update_code_and_configuration(client: Any, scripted: Running) -> None:
    create(client)
    client.invoke(FunctionName="hello")
    updated = client.update_function_configuration(FunctionName="hello", Timeout=9)
    assert updated["LastUpdateStatus"] == "InProgress"
    client.get_waiter("function_updated_v2").wait(FunctionName="hello")
    client.invoke(FunctionName="hello")
    client.update_function_code(FunctionName="hello", ZipFile=ECHO)
    client.get_waiter("function_updated_v2").wait(FunctionName="hello")
    client.invoke(FunctionName="hello")
    assert len(scripted.scripted_driver.sandboxes) == 3
    with pytest.raises(client.exceptions.PreconditionFailedException):
        client.update_function_configuration(FunctionName="hello", RevisionId="0" * 8)


@pytest.mark.parametrize("code", [b"no zip", b""])
def test_code_that_is_no_archive(client: Any, code: bytes) -> None:
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        create(client, Code={"ZipFile": code})


def test_code_comes_from_one_place(client: Any) -> None:
    create(client)
    bucket = {"S3Bucket": "bucket", "S3Key": "key"}
    for operation in (
        lambda: create(client, FunctionName="two", Code={"ZipFile": ECHO, **bucket}),
        lambda: create(client, FunctionName="two", Code={"ZipFile": ECHO, "ImageUri": "a/b:1"}),
        lambda: client.update_function_code(FunctionName="hello", ZipFile=ECHO, **bucket),
    ):
        with pytest.raises(
            client.exceptions.InvalidParameterValueException,
            match="do not provide other FunctionCode parameters when providing a ZipFile",
        ):
            operation()


def test_an_operation_that_is_not_there_says_so(client: Any) -> None:
    with pytest.raises(ClientError) as raised:
        client.get_durable_execution(
            DurableExecutionArn="arn:aws:lambda:us-east-1:000000000000:function:f:1"
            "/durable-execution/n/12345678-1234-1234-1234-123456789012"
        )
    assert raised.value.response["Error"]["Code"] == "NotImplementedException"
    assert "GetDurableExecution" in raised.value.response["Error"]["Message"]


def test_another_service_says_so(scripted: Running) -> None:
    with pytest.raises(ClientError, match="does not serve Chime"):
        scripted.client("chime").list_accounts()


def test_curl_like_invoke_without_a_signature(client: Any, scripted: Running) -> None:
    create(client)
    url = f"{scripted.url}/2015-03-31/functions/hello/invocations"
    with urllib.request.urlopen(url, b'{"b": 2}') as answer:
        assert json.load(answer) == {"b": 2}
        assert answer.headers["X-Amz-Executed-Version"] == "$LATEST"
