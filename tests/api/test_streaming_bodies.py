"""Requests and answers that stream through the server, in a service that keeps objects."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running

_SPEC = """
from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="s3", title="S3", protocols=("rest-xml",), signing_names=("s3", "s3express"),
    modules=("wire",),
)
"""
_WIRE = "from emulator.wire.s3 import DEVIATIONS"
_OPERATIONS = """
from emulator.model.errors import AwsError

objects, chunks = {}, []

async def put_object(ctx, request):
    content = []
    async for chunk in request["Body"]:
        content.append(chunk)
    chunks.append(len(content))
    objects[request["Key"]] = b"".join(content), request.get("Metadata", {})
    return {"ETag": f'"{len(content)}"'}

async def get_object(ctx, request):
    if request["Key"] not in objects:
        raise AwsError("NoSuchKey", "The specified key does not exist.", Key=request["Key"])
    content, metadata = objects[request["Key"]]
    async def body():
        for start in range(0, len(content), 65536):
            yield content[start:start + 65536]
    return {"Body": body(), "ContentLength": len(content), "Metadata": metadata}

async def head_object(ctx, request):
    return {"ContentLength": len(objects[request["Key"]][0])}

OPERATIONS = {"PutObject": put_object, "GetObject": get_object, "HeadObject": head_object}
UNSUPPORTED = {}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("services")
    package = folder / "objects_for_a_test"
    package.mkdir()
    for name, text in (
        ("__init__", ""),
        ("spec", _SPEC),
        ("wire", _WIRE),
        ("operations", _OPERATIONS),
    ):
        (package / f"{name}.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        running = Running(Settings(port=0, extra_services=(package.name,)), driver=ScriptedDriver())
        yield running
        running.stop()


@pytest.fixture
def s3(running: Running) -> Any:
    return running.client("s3")


def test_a_large_object_goes_through_in_pieces(s3: Any) -> None:
    content = bytes(range(256)) * 40_000
    put = s3.put_object(Bucket="b", Key="large", Body=BytesIO(content), Metadata={"a": "b"})
    assert int(put["ETag"].strip('"')) > 10
    got = s3.get_object(Bucket="b", Key="large")
    assert (got["ContentLength"], got["Metadata"]) == (len(content), {"a": "b"})
    assert got["Body"].read() == content


@pytest.mark.parametrize("content", [b"", b"small"])
def test_a_small_object(s3: Any, content: bytes) -> None:
    s3.put_object(Bucket="b", Key="small", Body=content)
    assert s3.get_object(Bucket="b", Key="small")["Body"].read() == content
    assert s3.head_object(Bucket="b", Key="small")["ContentLength"] == len(content)


def test_an_error_in_s3s_words(s3: Any) -> None:
    with pytest.raises(ClientError) as raised:
        s3.get_object(Bucket="b", Key="not there")
    error = raised.value.response["Error"]
    assert (error["Code"], error["Key"]) == ("NoSuchKey", "not there")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_an_operation_that_does_not_stream_gets_its_whole_body(running: Running) -> None:
    """Its error comes after the body, and the connection goes on."""
    connection = http.client.HTTPConnection(running.url.partition("//")[2], timeout=20)
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/s3/aws4_request",
        "Content-Length": "3000000",
    }
    for _ in range(2):
        connection.request("PUT", "/b?tagging", body=b" " * 3_000_000, headers=headers)
        response = connection.getresponse()
        assert response.status == 400
        assert b"<Error>" in response.read()
    connection.close()
