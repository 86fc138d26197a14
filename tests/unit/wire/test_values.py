"""Values that every protocol shares, where they are rare."""

from __future__ import annotations

import gzip
import math
from typing import Any

import pytest

from emulator.model.errors import AwsError
from tests.codecs import codec
from tests.unit.wire.codec_oracle import receive


@pytest.mark.parametrize("protocol", ["json", "query", "smithy-rpc-v2-cbor"])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e300, 5])
def test_numbers_that_json_does_not_have(protocol: str, value: float) -> None:

    our = codec("cloudwatch", protocol)
    operation = our.operations["GetMetricStatistics"]
    response = our.serialise(operation, {"Datapoints": [{"Sum": value}]}, "id")
    if protocol == "json":
        expected = {math.inf: b'"Infinity"', -math.inf: b'"-Infinity"', 1e300: b"1e+300", 5: b"5"}
        assert expected.get(value, b'"NaN"') in response[2]
    received = receive(our, "GetMetricStatistics", response)["Datapoints"][0]["Sum"]
    assert float(received) == value or math.isnan(value)


def test_numbers_that_are_none_are_read() -> None:
    our = codec("cloudwatch", "json")
    operation = our.operations["PutMetricData"]
    body = b'{"Namespace":"n","MetricData":[{"MetricName":"m","Values":["NaN","-Infinity",1]}]}'
    request = our.parse(operation, params={}, query="", headers={}, body=body)
    values = request["MetricData"][0]["Values"]
    assert math.isnan(values[0])
    assert values[1:] == [-math.inf, 1.0]
    with pytest.raises(AwsError, match="STRING_VALUE can not be converted to a Double"):
        our.parse(operation, params={}, query="", headers={}, body=body.replace(b"NaN", b"nan"))


def read_compressed(body: bytes, operation: str = "PutMetricData") -> dict[str, Any]:
    our = codec("cloudwatch", "json")
    return our.parse(
        our.operations[operation],
        params={},
        query="",
        headers={"content-encoding": "gzip"},
        body=body,
    )


def test_a_compressed_request_is_read_where_the_model_allows_it() -> None:
    content = b'{"Namespace":"n"}'
    assert read_compressed(gzip.compress(content)) == {"Namespace": "n"}
    assert read_compressed(content, "DeleteAlarms") == {}
    with pytest.raises(AwsError, match="SerializationException"):
        read_compressed(gzip.compress(content), "DeleteAlarms")


@pytest.mark.parametrize(
    "body",
    [b"{}", gzip.compress(b"{}")[:-4], gzip.compress(b" " * 200_000_000, 1)],
    ids=["not compressed", "cut off", "a bomb"],
)
def test_a_compressed_request_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        read_compressed(body)
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)
