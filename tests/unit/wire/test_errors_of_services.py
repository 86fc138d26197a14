"""Every modelled error of every model, in each protocol, against botocore."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.model.errors import AwsError
from emulator.wire import ServiceCodec, model
from tests.codecs import codec
from tests.unit.wire.codec_oracle import Generator, botocore_model, receive_error
from tests.unit.wire.test_codec_round_trip import SERVICES


def with_fields(our: ServiceCodec, name: str, seed: int) -> tuple[AwsError, dict[str, Any]]:
    """Return an error with every member of its shape, and these members."""
    shape = botocore_model(our.name, our.protocol).shape_for(name)
    fields = Generator(seed, full=True).structure(shape)
    fields = {key: value for key, value in fields.items() if key.lower() != "message"}
    error = AwsError(name, "a <b> & é")
    error.fields.update(fields)
    return error, fields


@pytest.mark.parametrize(("service", "protocol"), SERVICES)
def test_every_error_reaches_botocore_whole(service: str, protocol: str) -> None:
    our = codec(service, protocol)
    operation = next(iter(our.operations))
    shapes = our.model.shapes
    names = [name for name, shape in shapes.items() if shape.get("exception")]
    for name in names:
        error, fields = with_fields(our, name, seed=1)
        trait = shapes[name].get("error", {})
        parsed = receive_error(our, operation, our.error(error, "the-id"))
        code = our.model.deviations.query_code.get(name) or trait.get("code", name)
        compatible = "awsQueryCompatible" in our.model.metadata and protocol != "query"
        by_name = protocol in ("json", "rest-json") and not compatible
        assert parsed["Error"]["Code"] == (name if by_name else code), name
        assert parsed["Error"].get("QueryErrorCode") == (name if compatible else None), name
        own = our.model.deviations.query_message.get(name) if protocol == "query" else None
        assert parsed["Error"]["Message"] == (own or "a <b> & é"), name
        status = our.model.deviations.status.get(name) or trait.get("httpStatusCode")
        status = status or (500 if shapes[name].get("fault") else 400)
        assert parsed["ResponseMetadata"]["HTTPStatusCode"] == status, name
        assert parsed["ResponseMetadata"]["RequestId"] == "the-id", name
        assert {key: parsed.get(key) for key in fields} == fields, name


def test_the_reasons_of_a_cancelled_transaction() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"k": {"B": b"\x00"}}}]
    error = AwsError("TransactionCanceledException", "Cancelled.", CancellationReasons=reasons)
    status, _, body = codec("dynamodb").error(error, "id")
    assert status == 400
    assert body == (
        b'{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",'
        b'"Message":"Cancelled.","CancellationReasons":'
        b'[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":{"k":{"B":"AA=="}}}]}'
    )


def test_s3s_errors_hold_every_field_and_the_others_are_wrapped() -> None:
    error = AwsError("NoSuchKey", "No <key>.", Key="a&b", BucketName="b")
    status, headers, body = codec("s3").error(error, "the-id")
    assert status == 404
    assert dict(headers)[b"x-amz-request-id"] == b"the-id"
    assert body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<Error><Code>NoSuchKey</Code><Message>No &lt;key&gt;.</Message><Key>a&amp;b</Key>"
        b"<BucketName>b</BucketName><RequestId>the-id</RequestId><HostId>the-id</HostId></Error>"
    )
    status, headers, body = codec("route53").error(AwsError("NoSuchHostedZone", "No."), "the-id")
    assert status == 404
    assert dict(headers)[b"x-amzn-requestid"] == b"the-id"
    assert b"<ErrorResponse" in body
    assert b"<Error><Type>Sender</Type><Code>NoSuchHostedZone</Code>" in body
    assert body.endswith(b"</Error><RequestId>the-id</RequestId></ErrorResponse>")


@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor"])
def test_services_that_spoke_query_name_its_code_in_a_header(protocol: str) -> None:
    """CloudWatch's and SQS's clients of today look for the codes of yesterday."""
    response = codec("cloudwatch", protocol).error(AwsError("ResourceNotFound", "No."), "id")
    assert dict(response[1])[b"x-amzn-query-error"] == b"ResourceNotFound;Sender"
    response = codec("cloudwatch", protocol).error(AwsError("InternalServiceFault", "No."), "id")
    assert dict(response[1])[b"x-amzn-query-error"] == b"InternalServiceError;Receiver"
    assert b"x-amzn-query-error" not in dict(codec("kinesis").error(AwsError("A", "B"), "id")[1])


@pytest.mark.parametrize(
    "body", [b"<a", b"<a></b>", b"", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"]
)
def test_s3_names_a_body_that_cannot_be_read_malformed(body: bytes) -> None:
    our = codec("s3")
    operation = our.operations["PutBucketTagging"]
    with pytest.raises(AwsError) as caught:
        our.parse(operation, params={"Bucket": "b"}, query="tagging", headers={}, body=body or b" ")
    assert caught.value.code == "MalformedXML"
    assert caught.value.message.startswith("The XML you provided was not well-formed")


def test_no_entity_of_a_request_is_expanded() -> None:
    our = codec("route53")
    bomb = b"<!DOCTYPE a [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><a>&b;</a>"
    with pytest.raises(AwsError, match="no document type"):
        our.parse(our.operations["CreateHostedZone"], params={}, query="", headers={}, body=bomb)


def test_models_are_known_by_their_error_names_and_codes() -> None:
    names = model.load("cloudwatch").error_names
    assert names["InvalidParameterInput"] == "DashboardInvalidInputError"
    assert names["ResourceNotFound"] == "ResourceNotFound"
