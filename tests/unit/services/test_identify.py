"""Which service, protocol and operation a request means."""

from __future__ import annotations

import pytest

from emulator.model.errors import AwsError
from emulator.services.not_served import NotServed
from tests.codecs import TABLE

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
CBOR = {"content-type": "application/x-amz-cbor-1.1"}
QUEUE = "/000000000000/queue"


def identify(
    headers: dict[str, str],
    query: str = "",
    body: bytes = b"",
    signed_for: str = "",
    path: str = "/",
) -> tuple[str, str, str | None]:
    found = TABLE.identify("POST", path, query, headers, body, signed_for)
    return found.service.spec.model, found.codec.protocol, found.operation


@pytest.mark.parametrize(
    ("headers", "query", "body", "signed_for", "path", "expected"),
    [
        ({"x-amz-target": "AmazonSQS.A"}, "", b"{}", "", "/", ("sqs", "json", "A")),
        ({"x-amz-target": "Logs_20140328.X"}, "", b"", "logs", "/", ("logs", "json", "X")),
        ({}, "Action=A&Version=2011-06-15", b"", "", "/", ("sts", "query", "A")),
        (FORM, "", b"Action=A&Version=2012-11-05", "", "/", ("sqs", "query", "A")),
        (FORM, "", b"Action=A&Version=2012-11-05&B=%ff", "", "/", ("sqs", "query", "A")),
        ({}, "Action=ListQueues", b"", "sqs", "/", ("sqs", "query", "ListQueues")),
        ({}, "Action=ListQueues", b"", "", QUEUE, ("sqs", "query", "ListQueues")),
        ({}, "", b"", "lambda", "/anything", ("lambda", "rest-json", None)),
        ({}, "", b"", "", "/2015-03-31/functions", ("lambda", "rest-json", None)),
        # A service that is told by the path alone is told by nothing else.
        ({"x-amz-target": "AmazonSQS.A"}, "", b"", "lambda", "/x", ("lambda", "rest-json", None)),
        # An operation that is not named is for the service to complain of.
        ({"x-amz-target": "AmazonSQS."}, "", b"", "", "/", ("sqs", "json", "")),
        # The SDK for Java may ask any service of the json protocol so; it does ask Kinesis.
        (CBOR | {"x-amz-target": "Logs_20140328.X"}, "", b"", "", "/", ("logs", "x-amz-cbor", "X")),
        ({"x-amz-target": "AmazonSQS"}, "", b"", "", "/", ("sqs", "json", "")),
        ({}, "Action=&Version=2012-11-05", b"", "", "/", ("sqs", "query", "")),
    ],
)  # fmt: skip
def test_what_a_request_means(
    headers: dict[str, str],
    query: str,
    body: bytes,
    signed_for: str,
    path: str,
    expected: tuple[str, str, str | None],
) -> None:
    # Twice: what was found once is remembered.
    for _ in range(2):
        assert identify(headers, query, body, signed_for, path) == expected


@pytest.mark.parametrize(
    ("headers", "query", "signed_for", "protocol", "words"),
    [
        (
            {"x-amz-target": "Comprehend_20171127.DetectText"},
            "",
            "comprehend",
            "json",
            "serve Comprehend;",
        ),
        ({"x-amz-target": "Comprehend_20171127.DetectText"}, "", "", "json", "serve Comprehend;"),
        ({}, "Action=ListThings&Version=1999-03-31", "redshift", "query", "serve Redshift;"),
        ({}, "Action=ListThings&Version=1999-03-31", "", "query", "serve this service;"),
        ({}, "Action=ListThings", "", "query", "serve this service;"),
        ({}, "", "cloudfront", "rest-xml", "serve CloudFront;"),
        ({}, "", "appmesh", "rest-json", "serve App Mesh;"),
    ],
)
def test_a_service_that_is_not_served(
    headers: dict[str, str], query: str, signed_for: str, protocol: str, words: str
) -> None:
    with pytest.raises(NotServed, match=words) as raised:
        identify(headers, query, signed_for=signed_for)
    assert raised.value.codec.protocol == protocol
    # What SDKs take for lasting, so that they do not try again.
    assert raised.value.error.status == 400
    assert all(each.spec.title in str(raised.value) for each in TABLE.services)


@pytest.mark.parametrize(
    ("headers", "query"),
    [({}, ""), ({"x-amz-target": "Nonsense.A"}, ""), ({}, "Action=A&Version=1999-01-01")],
)
def test_a_served_service_says_that_it_has_no_such_operation(
    headers: dict[str, str], query: str
) -> None:
    with pytest.raises(NotServed) as raised:
        identify(headers, query, signed_for="sqs", path=QUEUE)
    error = raised.value.error
    assert (raised.value.codec.name, error.code, error.status) == (
        "sqs",
        "UnknownOperationException",
        404,
    )


@pytest.mark.parametrize("body", [b"", b"Action=SendMessage&Version=2012-11-05"])
def test_a_request_for_nothing(body: bytes) -> None:
    with pytest.raises(AwsError) as raised:
        identify({}, body=body)
    assert (raised.value.code, raised.value.status) == ("UnknownOperationException", 404)
