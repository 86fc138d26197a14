"""Requests and answers that stream through the server, in a service that keeps objects."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing
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
    model="mediastore-data", title="MediaStore Data", protocols=("rest-json",),
    signing_names=("mediastore",),
)
"""
_OPERATIONS = """
from emulator.model.errors import AwsError

objects = {}

async def put_object(ctx, request):
    content = [chunk async for chunk in request["Body"]]
    objects[request["Path"]] = b"".join(content)
    return {"ETag": str(len(content))}

async def get_object(ctx, request):
    if request["Path"] not in objects:
        raise AwsError("ObjectNotFoundException", "There is no such object.")
    content = objects[request["Path"]]
    async def body():
        for start in range(0, len(content), 65536):
            yield content[start:start + 65536]
    return {"Body": body(), "ContentLength": len(content), "ContentType": "text/plain"}

async def describe_object(ctx, request):
    return {"ContentLength": len(objects[request["Path"]])}

OPERATIONS = {
    "PutObject": put_object, "GetObject": get_object, "DescribeObject": describe_object,
}
UNSUPPORTED = {}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("services")
    package = folder / "objects_for_a_test"
    package.mkdir()
    for name, text in (("__init__", ""), ("spec", _SPEC), ("operations", _OPERATIONS)):
        (package / f"{name}.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        running = Running(Settings(port=0, extra_services=(package.name,)), driver=ScriptedDriver())
        yield running
        running.stop()


@pytest.fixture
def objects(running: Running) -> Any:
    return running.client("mediastore-data")


def test_a_large_object_goes_through_in_pieces(objects: Any) -> None:
    content = bytes(range(256)) * 40_000
    put = objects.put_object(Path="a/large", Body=BytesIO(content))
    assert int(put["ETag"]) > 10
    got = objects.get_object(Path="a/large")
    assert (got["ContentLength"], got["ContentType"]) == (len(content), "text/plain")
    assert got["Body"].read() == content


@pytest.mark.parametrize("content", [b"", b"small"])
def test_a_small_object(objects: Any, content: bytes) -> None:
    objects.put_object(Path="small", Body=content)
    assert objects.get_object(Path="small")["Body"].read() == content
    assert objects.describe_object(Path="small")["ContentLength"] == len(content)


def test_an_error_instead_of_a_stream(objects: Any) -> None:
    with pytest.raises(ClientError, match="ObjectNotFoundException") as raised:
        objects.get_object(Path="missing")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_an_operation_that_does_not_stream_gets_its_whole_body(running: Running) -> None:
    """Its error comes after the body, and the connection goes on."""
    headers = {"Content-Length": "3000000", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(running.url.partition("//")[2], timeout=60)) as client:
        for _ in range(2):
            client.request("POST", "/2015-03-31/functions", b" " * 3_000_000, headers)
            response = client.getresponse()
            assert response.status == 400
            assert b"Could not parse request body into json" in response.read()


def test_a_stream_that_nobody_reads_is_passed_over(running: Running) -> None:
    """Its error may come before the body has, and the connection goes on."""
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/mediastore/aws4_request",
    }
    with closing(http.client.HTTPConnection(running.url.partition("//")[2], timeout=60)) as client:
        for _ in range(2):
            client.request("PUT", "/not%20a%20path", b" " * 20_000_000, headers)
            response = client.getresponse()
            assert response.status == 400
            assert b"failed to satisfy constraint" in response.read()
