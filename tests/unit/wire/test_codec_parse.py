"""Requests that cannot be read answer AWS's error, whatever the bytes."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator import wire
from emulator.model.errors import AwsError
from tests.codecs import codec

LAMBDA = codec("lambda")
CODECS = [
    LAMBDA,
    *(codec(*key) for key in [("sqs",), ("sqs", "query"), ("logs",), ("sts",)]),
]


def read(operation: str, body: bytes = b"", query: str = "", **headers: str) -> dict[str, Any]:
    return LAMBDA.parse(
        LAMBDA.operations[operation],
        params={"FunctionName": "f", "Resource": "r"},
        query=query,
        headers={key.replace("_", "-"): value for key, value in headers.items()},
        body=body,
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Could not parse request body into json: "),
        (b'{"Description": "\xff"}', "Could not parse request body into json: "),
        (b'{"Description": "\\ud800"}', "Could not parse request body into json: "),
        (b"[" * 100_000, "Could not parse request body into json: "),
        (b"{}{}", "Could not parse request body into json: "),
        (b'{"Timeout": NaN}', "Could not parse request body into json: "),
        (b"[]", "Start of list found where not expected"),
        (b'"text"', "Expected map or null"),
        (b"null", "Expected map or null"),
        (b'{"Timeout": "3"}', "STRING_VALUE can not be converted to an Integer"),
        (b'{"Description": 3}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"Description": true}', "TRUE_VALUE can not be converted to a String"),
        (b'{"Timeout": 1e30}', "NUMBER_VALUE can not be converted to a Long"),
        (b'{"Timeout": 1e999}', "Could not parse request body into json: "),
        (b'{"Publish": 1}', "NUMBER_VALUE can not be converted to a Boolean"),
        (b'{"Layers": {}}', "Start of structure or map found where not expected."),
        (b'{"Layers": "x"}', "Expected list or null"),
        (b'{"Environment": {"Variables": []}}', "Start of list found where not expected"),
        (b'{"Code": {"ZipFile": "%%%"}}', "Unable to decode a Base64 blob"),
        (b'{"Code": {"ZipFile": 1}}', "NUMBER_VALUE can not be converted to a Blob"),
    ],
)
def test_bodies_that_cannot_be_read(body: bytes, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        read("CreateFunction", body)
    assert caught.value.code == "SerializationException"
    assert caught.value.status == 400
    assert caught.value.message.startswith(message)


def test_unknown_members_and_nulls_are_left_out() -> None:
    assert read("CreateFunction", b'{"Nonsense": 1, "Role": null, "Timeout": 3}') == {"Timeout": 3}


def test_the_payload_is_untouched() -> None:
    body = b'{"a":1}\xff\x00'
    found = read("Invoke", body, "Qualifier=live", x_amz_invocation_type="Event")
    assert found == {
        "FunctionName": "f",
        "Qualifier": "live",
        "InvocationType": "Event",
        "Payload": body,
    }
    assert found["Payload"] is body
    assert read("Invoke") == {"FunctionName": "f"}


@pytest.mark.parametrize(
    ("operation", "query", "expected"),
    [
        ("ListFunctions", "MaxItems=5&Marker=a%2Bb+c", {"MaxItems": 5, "Marker": "a+b c"}),
        ("UntagResource", "tagKeys=a&tagKeys=b", {"TagKeys": ["a", "b"]}),
        ("UntagResource", "", {}),
        (
            "ListDurableExecutionsByFunction",
            "ReverseOrder=true&StartedAfter=2026-01-01T00%3A00%3A00Z",
            {"ReverseOrder": True, "StartedAfter": 1767225600.0},
        ),
        ("ListFunctions", "=&&x&Marker", {"Marker": ""}),
    ],
)
def test_query_parameters(operation: str, query: str, expected: dict[str, Any]) -> None:
    found = read(operation, query=query)
    assert {key: found[key] for key in found if key not in ("FunctionName", "Resource")} == expected


@pytest.mark.parametrize(
    ("operation", "query"),
    [
        ("ListFunctions", "MaxItems=many"),
        ("ListFunctions", "MaxItems=99999999999999999999"),
        ("ListFunctions", "Marker=%ff"),
        ("ListDurableExecutionsByFunction", "ReverseOrder=perhaps"),
        ("ListDurableExecutionsByFunction", "StartedAfter=yesterday"),
        ("ListDurableExecutionsByFunction", "StartedAfter=1e300"),
    ],
)
def test_query_parameters_that_cannot_be_read(operation: str, query: str) -> None:
    with pytest.raises(AwsError) as caught:
        read(operation, query=query)
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


_NAMES = sorted(
    {name for our in CODECS for s in our.model.shapes.values() for name in s.get("members", {})}
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=12,
)
_FORM = st.lists(
    st.tuples(
        st.lists(
            st.sampled_from([*_NAMES, "1", "2", "entry", "member", "Name", "Value", ""]), max_size=5
        ),
        st.text(max_size=5),
    ),
    max_size=6,
).map(lambda pairs: "&".join(f"{'.'.join(path)}={value}" for path, value in pairs))


@pytest.mark.thorough
@given(
    st.sampled_from([(our, name) for our in CODECS for name in our.operations]),
    st.binary(max_size=60)
    | _JSON.map(lambda value: json.dumps(value).encode())
    | _FORM.map(str.encode),
    st.text(max_size=30) | _FORM,
    st.dictionaries(
        st.sampled_from(["x-amz-log-type", "x-amz-invocation-type"]), st.text(max_size=5)
    ),
)
@settings(max_examples=300, deadline=None)
def test_only_aws_errors_come_out(
    chosen: tuple[wire.ServiceCodec, str], body: bytes, query: str, headers: dict[str, str]
) -> None:
    our, name = chosen
    operation = our.operations[name]
    members = our.model.shapes[operation.input]["members"] if operation.input else {}
    labels = {
        m.get("locationName", n): "v" for n, m in members.items() if m.get("location") == "uri"
    }
    with suppress(AwsError):
        request = our.parse(operation, params=labels, query=query, headers=headers, body=body)
        our.validate(operation, request)


@pytest.mark.thorough
@given(st.sampled_from(["GET", "POST", "DELETE"]), st.text(max_size=40), st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_only_aws_errors_come_out_of_routing(method: str, path: str, query: str) -> None:
    with suppress(AwsError):
        operation, _ = LAMBDA.match(method, path, query)
        assert operation.name in LAMBDA.operations
