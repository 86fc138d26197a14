"""Every operation, there and back, against botocore's own serialisers and parsers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.codecs import codec
from tests.unit.wire.codec_oracle import Generator, ask, operation_model, receive, with_moments

#: They answer event streams: the first has tests of its own, the others are not served here.
STREAMS = {"InvokeWithResponseStream", "GetLogObject", "StartLiveTail"}

SERVICES = [
    ("lambda", "rest-json"),
    ("sqs", "json"),
    ("sqs", "query"),
    ("logs", "json"),
    ("sts", "query"),
]
OPERATIONS = [
    pytest.param(service, protocol, operation, id=f"{service}-{protocol}-{operation}")
    for service, protocol in SERVICES
    for operation in codec(service, protocol).operations
]
_SEEDS = range(4)


def test_the_number_of_operations_is_the_models() -> None:
    assert len(codec("lambda").operations) == 91
    assert len(codec("sqs").operations) == 23


@pytest.mark.parametrize(("service", "protocol", "operation"), OPERATIONS)
def test_a_request_of_botocore_is_read_back(service: str, protocol: str, operation: str) -> None:
    our = codec(service, protocol)
    shape = operation_model(service, protocol, operation).input_shape
    for seed in _SEEDS:
        request = Generator(seed, full=seed < 2).structure(shape) if shape else {}
        found, read = ask(our, operation, request)
        assert found.name == operation
        assert read == with_moments(request)


@pytest.mark.parametrize(
    ("service", "protocol", "operation"),
    [parameter for parameter in OPERATIONS if parameter.values[2] not in STREAMS],
)
def test_a_result_reaches_botocore(service: str, protocol: str, operation: str) -> None:
    our = codec(service, protocol)
    shape = operation_model(service, protocol, operation).output_shape
    for seed in _SEEDS:
        result: dict[str, Any] = Generator(seed, full=seed < 2).structure(shape) if shape else {}
        ours = our.operations[operation]
        received = receive(our, operation, our.serialise(ours, result, "the-request-id"))
        meta = received.pop("ResponseMetadata")
        assert meta["RequestId"] == "the-request-id"
        for name in ("StatusCode", "Status"):
            if shape and name in shape.members and name not in result:
                received.pop(name, None)
        payload = shape.serialization.get("payload") if shape else None
        if payload and hasattr(received.get(payload), "read"):
            received[payload] = received[payload].read()
        if payload and payload not in result:
            received.pop(payload, None)
        assert received == result


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
