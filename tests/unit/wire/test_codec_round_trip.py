"""Every operation, there and back, against botocore's own serialisers and parsers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.wire import values
from tests.codecs import codec
from tests.unit.wire.codec_oracle import Generator, ask, operation_model, receive, with_moments

SERVICES = [
    ("apigateway", "rest-json"),
    ("apigatewayv2", "rest-json"),
    ("cloudformation", "query"),
    ("cloudwatch", "json"),
    ("cloudwatch", "query"),
    ("cloudwatch", "smithy-rpc-v2-cbor"),
    ("dynamodb", "json"),
    ("dynamodbstreams", "json"),
    ("events", "json"),
    ("iam", "query"),
    ("kinesis", "json"),
    ("kms", "json"),
    ("lambda", "rest-json"),
    ("logs", "json"),
    ("pipes", "rest-json"),
    ("route53", "rest-xml"),
    ("s3", "rest-xml"),
    ("scheduler", "rest-json"),
    ("secretsmanager", "json"),
    ("sns", "query"),
    ("sqs", "json"),
    ("sqs", "query"),
    ("ssm", "json"),
    ("stepfunctions", "json"),
    ("sts", "query"),
    ("xray", "rest-json"),
]

#: Operations whose requests say nothing that tells them from another, which is taken for meant.
_SHARED_ROUTES = {
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "ListDirectoryBuckets"): "ListBuckets",
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",
}
#: What botocore reads otherwise than it stands in the model that it ships:
#: two members share an element; the location is unwrapped by a handler of its client.
_NOT_AS_MODELLED = {("s3", "GetBucketNotification"), ("s3", "GetBucketLocation")}


def test_the_number_of_operations_is_the_models() -> None:
    assert len(codec("lambda").operations) == 91
    assert len(codec("sqs").operations) == 23


#: Seeds of generated values. Half of them make structures with every member.
any_seed = given(seed=st.integers(0, 2**32 - 1))
few = settings(max_examples=2, deadline=None)
many = settings(max_examples=40, deadline=None)
every_service = pytest.mark.parametrize(("service", "protocol"), SERVICES)


@every_service
@few
@any_seed
def test_every_request_of_botocore_is_read_back(service: str, protocol: str, seed: int) -> None:
    check_requests(service, protocol, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@every_service
@many
@any_seed
def test_many_requests_of_botocore_are_read_back(service: str, protocol: str, seed: int) -> None:
    check_requests(service, protocol, seed)


@every_service
@few
@any_seed
def test_every_result_reaches_botocore(service: str, protocol: str, seed: int) -> None:
    check_results(service, protocol, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@every_service
@many
@any_seed
def test_many_results_reach_botocore(service: str, protocol: str, seed: int) -> None:
    check_results(service, protocol, seed)


def check_requests(service: str, protocol: str, seed: int) -> None:
    """Have one request of each operation written by botocore and read by the codec."""
    our = codec(service, protocol)
    generator = Generator(seed, full=seed % 2 == 0)
    for operation in our.operations:
        shape = operation_model(service, protocol, operation).input_shape
        request = generator.structure(shape) if shape else {}
        found, read = ask(our, operation, request)
        if (service, operation) in _SHARED_ROUTES:
            assert found.name == _SHARED_ROUTES[service, operation]
            continue
        assert found.name == operation
        assert read == as_read(service, request), operation


def check_results(service: str, protocol: str, seed: int) -> None:
    """Have one result of each operation written by the codec and read by botocore."""
    our, cbor = codec(service, protocol), "cbor" in protocol
    generator = Generator(seed, full=seed % 2 == 0)
    for operation in our.operations.values():
        if operation.event_stream or (service, operation.name) in _NOT_AS_MODELLED:
            continue
        shape = operation_model(service, protocol, operation.name).output_shape
        result = generator.structure(shape) if shape else {}
        received = receive(our, operation.name, our.serialise(operation, result, "the-id"))
        metadata = received.pop("ResponseMetadata")
        # Of CBOR answers without a body botocore does not read the id.
        assert metadata.get("RequestId", "") == ("the-id" if shape or not cbor else "")
        assert without_defaults(received, result, shape) == result, operation.name


def as_read(service: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return a request as a service sees it."""
    seen: dict[str, Any] = with_moments(request)
    if service == "s3" and isinstance(request.get("Expires"), datetime):
        # botocore makes a moment of the header, S3 keeps its text.
        seen["Expires"] = values.http_date(request["Expires"])
    return seen


def without_defaults(
    received: dict[str, Any], result: dict[str, Any], shape: Any
) -> dict[str, Any]:
    """Return what botocore received without what every response has, and payloads as bytes."""
    payload = shape.serialization.get("payload") if shape else None
    if payload and hasattr(received.get(payload), "read"):
        received[payload] = received[payload].read()
    members = shape.members if shape else {}
    for name, member in members.items():
        location, wire = (member.serialization.get(key) for key in ("location", "name"))
        always = location in ("statusCode", "headers") or str(wire).lower() == "content-type"
        if name not in result and (always or name == payload):
            received.pop(name, None)
    return received


def test_none_is_left_out_at_every_depth() -> None:
    our = codec("lambda")
    operation = our.operations["GetFunction"]
    result = {"Configuration": {"FunctionName": "f", "Role": None}, "Tags": None}
    assert our.serialise(operation, result, "r")[2] == b'{"Configuration":{"FunctionName":"f"}}'


@pytest.mark.parametrize(
    ("operation", "result", "status", "body"),
    [
        ("Invoke", {"StatusCode": 202}, 202, b""),
        ("Invoke", {"StatusCode": 204, "Payload": b"dropped"}, 204, b""),
        ("Invoke", {"Payload": '{"ü":1}'}, 200, '{"ü":1}'.encode()),
        ("CreateFunction", {"FunctionName": "f"}, 201, b'{"FunctionName":"f"}'),
        ("DeleteFunction", {"StatusCode": 204}, 204, b""),
        ("TagResource", {}, 204, b""),
        ("ListTags", {}, 200, b"{}"),
        ("GetEventSourceMapping", {"LastModified": 1.0}, 200, b'{"LastModified":1}'),
        ("GetEventSourceMapping", {"LastModified": 1.23456}, 200, b'{"LastModified":1.235}'),
        ("GetFunction", {"Tags": {"k": "\ud800"}}, 200, b'{"Tags":{"k":"\\ud800"}}'),
    ],
)
def test_status_and_body(operation: str, result: dict[str, Any], status: int, body: bytes) -> None:
    our = codec("lambda")
    found = our.serialise(our.operations[operation], result, "r")
    assert (found[0], found[2]) == (status, body)


def test_a_line_break_starts_no_header() -> None:
    our = codec("lambda")
    result = {"FunctionError": "a\r\nx-evil: 1"}
    _, headers, _ = our.serialise(our.operations["Invoke"], result, "r")
    assert (b"x-amz-function-error", b"a  x-evil: 1") in headers
