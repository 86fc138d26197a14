"""Errors, as botocore and the recordings see them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.model.errors import AwsError
from emulator.wire import model
from tests.codecs import codec
from tests.unit.wire.codec_oracle import receive_error

LAMBDA = codec("lambda")
ERRORS = sorted(name for name, s in model.load("lambda").shapes.items() if s.get("exception"))


def header(response: Any, name: str) -> str | None:
    return next((v.decode() for key, v in response[1] if key == name.encode()), None)


@pytest.mark.parametrize("name", ERRORS)
def test_every_lambda_error_reaches_botocore(name: str) -> None:
    error = model.load("lambda").shapes[name]["error"]
    response = LAMBDA.error(AwsError(name, "the text"), "the-id")
    parsed = receive_error(LAMBDA, "Invoke", response)
    assert parsed["Error"] == {"Code": name, "Message": "the text"}
    assert parsed["Type"] == ("User" if error["httpStatusCode"] < 500 else "Service")
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == error["httpStatusCode"]
    assert parsed["ResponseMetadata"]["RequestId"] == "the-id"
    assert header(response, "x-amzn-errortype") == name


@pytest.mark.parametrize(
    ("code", "member"),
    [
        ("ResourceNotFoundException", "Message"),
        ("ResourceConflictException", "message"),
        ("InvalidParameterValueException", "message"),
        ("PreconditionFailedException", "message"),
        ("ProvisionedConcurrencyConfigNotFoundException", "message"),
    ],
)
def test_the_message_has_the_recorded_capital(code: str, member: str) -> None:
    _, _, body = LAMBDA.error(AwsError(code, "text"), "id")
    assert json.loads(body) == {"Type": "User", member: "text"}


def test_too_many_requests_has_reason_and_retry_after() -> None:
    error = AwsError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
        retryAfterSeconds=3,
    )
    response = LAMBDA.error(error, "id")
    assert response[0] == 429
    assert header(response, "retry-after") == "3"
    assert json.loads(response[2]) == {
        "Type": "User",
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "message": "Rate Exceeded.",
    }


def test_an_error_without_a_shape_has_only_its_message() -> None:
    status, _, body = LAMBDA.error(AwsError("ValidationException", "1 validation error"), "id")
    assert (status, json.loads(body)) == (400, {"message": "1 validation error"})


def test_type_can_be_left_out() -> None:
    error = AwsError("InvalidParameterValueException", "text", Type=None)
    assert json.loads(LAMBDA.error(error, "id")[2]) == {"message": "text"}


def test_a_status_of_its_own_wins() -> None:
    assert LAMBDA.error(AwsError("ServiceException", "x", status=503), "id")[0] == 503
    assert LAMBDA.error(AwsError("RequestEntityTooLargeException", "x"), "id")[0] == 413


@pytest.mark.parametrize("protocol", ["json", "query"])
@pytest.mark.parametrize(
    ("given", "code", "shape", "status"),
    [
        ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400),
        (
            "AWS.SimpleQueueService.NonExistentQueue",
            "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDoesNotExist",
            400,
        ),
        ("QueueNameExists", "QueueAlreadyExists", "QueueNameExists", 400),
        (
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "TooManyEntriesInBatchRequest",
            400,
        ),
        ("InvalidParameterValue", "InvalidParameterValue", "InvalidParameterValueException", 400),
        ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404),
        (
            "ResourceNotFoundException",
            "ResourceNotFoundException",
            "ResourceNotFoundException",
            404,
        ),
    ],
)
def test_sqs_errors(protocol: str, given: str, code: str, shape: str, status: int) -> None:
    sqs = codec("sqs", protocol)
    parsed = receive_error(
        sqs, "SendMessage", sqs.error(AwsError(given, "a <b> & \r\n c"), "the-id")
    )
    assert parsed["Error"]["Code"] == code
    own = sqs.model.deviations.query_message.get(shape) if protocol == "query" else None
    assert parsed["Error"]["Message"] == (own or "a <b> & \r\n c")
    assert parsed["Error"]["Type"] == "Sender"
    assert parsed["Error"].get("QueryErrorCode") == (shape if protocol == "json" else None)
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == status
    assert parsed["ResponseMetadata"]["RequestId"] == "the-id"


def test_the_json_error_of_sqs_on_the_wire() -> None:
    response = codec("sqs").error(AwsError("QueueDoesNotExist", "No."), "id")
    assert json.loads(response[2]) == {
        "__type": "com.amazonaws.sqs#QueueDoesNotExist",
        "message": "No.",
    }
    assert header(response, "content-type") == "application/x-amz-json-1.0"
    expected = "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert header(response, "x-amzn-query-error") == expected


def test_logs_errors() -> None:
    logs = codec("logs")
    response = logs.error(AwsError("ResourceNotFoundException", "No group."), "id")
    parsed = receive_error(logs, "GetLogEvents", response)
    assert parsed["Error"] == {"Code": "ResourceNotFoundException", "Message": "No group."}
    assert header(response, "x-amzn-query-error") is None


def test_sts_errors() -> None:
    sts = codec("sts")
    response = sts.error(AwsError("MalformedPolicyDocumentException", "No."), "id")
    parsed = receive_error(sts, "AssumeRole", response)
    assert parsed["Error"] == {
        "Code": "MalformedPolicyDocument",
        "Message": "No.",
        "Type": "Sender",
    }


@pytest.mark.parametrize(
    ("service", "protocol", "code"),
    [
        ("sqs", "json", "UnknownOperationException"),
        ("sqs", "query", "InvalidAction"),
        ("sts", "query", "InvalidAction"),
    ],
)
def test_an_unknown_operation(service: str, protocol: str, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        codec(service, protocol).operation("Nonsense")
    assert (caught.value.code, caught.value.status) == (code, 400)
