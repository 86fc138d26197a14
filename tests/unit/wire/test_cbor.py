"""CBOR bodies that no client sends."""

from __future__ import annotations

import cbor2
import pytest

from emulator.model.errors import AwsError
from emulator.wire.cbor_body import load_cbor
from tests.codecs import codec

CLOUDWATCH = codec("cloudwatch", "smithy-rpc-v2-cbor")


def read(body: bytes) -> dict[str, object]:
    operation = CLOUDWATCH.operations["PutMetricData"]
    return CLOUDWATCH.parse(operation, params={}, query="", headers={}, body=body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff", id="a break that ends nothing"),
        pytest.param(b"\xbf\x61a", id="an end that is missing"),
        pytest.param(b"\x9b" + b"\x7f" + b"\xff" * 7, id="a list longer than memory"),
        pytest.param(b"\xbb" + b"\x7f" + b"\xff" * 7, id="a map longer than memory"),
        pytest.param(b"\x5b" + b"\x7f" + b"\xff" * 7, id="bytes longer than memory"),
        pytest.param(b"\x81" * 100_000, id="lists in lists"),
        pytest.param(b"\xc1" * 100_000, id="tags in tags"),
        pytest.param(b"\xd8\x23\x61\x28", id="a regular expression"),
        pytest.param(b"\xd8\x1c\x81\xd8\x1d\x00", id="a list that holds itself"),
        pytest.param(b"\xc0\x74" + b"2013-03-21T20:04:00Z", id="a moment as text"),
        pytest.param(b"\xa1\x81\x01\x01", id="a key that is a list"),
        pytest.param(b"\x61\xff", id="text that is not UTF-8"),
    ],
)
def test_hostile_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        load_cbor(body)
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"Namespace": 1},
        {"MetricData": {}},
        {"MetricData": [{"Timestamp": "x"}]},
        {"MetricData": [{"MetricName": b"x"}]},
        {"MetricData": [{"Value": "1"}]},
        {"MetricData": [{"Values": [cbor2.CBORTag(65000, 1)]}]},
        {"MetricData": [{"StorageResolution": 2**70}]},
    ],
)
def test_values_of_other_types_are_refused(value: object) -> None:
    with pytest.raises(AwsError) as caught:
        read(cbor2.dumps(value))
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


def test_moments_and_numbers() -> None:
    datum = {"Timestamp": cbor2.CBORTag(1, 1700000000.25), "Value": 3, "StorageResolution": 60.0}
    read_datum = {"Timestamp": 1700000000.25, "Value": 3.0, "StorageResolution": 60}
    assert read(cbor2.dumps({"MetricData": [datum]})) == {"MetricData": [read_datum]}


def test_an_answer_on_the_wire() -> None:
    operation = CLOUDWATCH.operations["GetMetricStatistics"]
    result = {"Label": "l", "Datapoints": [{"Timestamp": 1700000000, "Sum": 1, "Unit": None}]}
    status, headers, body = CLOUDWATCH.serialise(operation, result, "the-id")
    assert status == 200
    assert headers == [
        (b"x-amzn-requestid", b"the-id"),
        (b"content-type", b"application/cbor"),
        (b"smithy-protocol", b"rpc-v2-cbor"),
    ]
    point = b"\xa2\x69Timestamp\xc1\x1a\x65\x53\xf1\x00\x63Sum\xfb\x3f\xf0" + b"\x00" * 6
    assert body == b"\xa2\x65Label\x61l\x6aDatapoints\x81" + point
    assert CLOUDWATCH.serialise(CLOUDWATCH.operations["PutMetricData"], {}, "r")[2] == b""


def test_kinesis_in_the_cbor_of_javas_sdk() -> None:
    """A moment is a whole number of milliseconds, both ways (a captured request)."""
    our = codec("kinesis", "x-amz-cbor")
    operation = our.operations["GetShardIterator"]
    body = b"\xa1\x69Timestamp\xc1\x1b" + bytes.fromhex("000001a013accc38")
    request = our.parse(operation, params={}, query="", headers={}, body=body)
    assert request == {"Timestamp": 1787036486.712}
    record = {"Data": b"\x00\xff", "ApproximateArrivalTimestamp": 1787036486.712}
    result = {"Records": [record], "MillisBehindLatest": 0}
    _, headers, answer = our.serialise(our.operations["GetRecords"], result, "the-id")
    assert (b"content-type", b"application/x-amz-cbor-1.1") in headers
    assert b"\xc1\x1b" + bytes.fromhex("000001a013accc38") in answer
    assert b"\x64Data\x42\x00\xff" in answer
    _, headers, answer = our.error(AwsError("ResourceNotFoundException", "No."), "the-id")
    assert (b"content-type", b"application/x-amz-cbor-1.1") in headers
    assert cbor2.loads(answer) == {"__type": "ResourceNotFoundException", "message": "No."}
