"""Bad input for S3: S3's kind of answer, never a 5xx, never a hang."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from emulator.wire.model import Shape
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

MODEL = codec("s3").model
_CREDENTIAL = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/s3/aws4_request,"
    " SignedHeaders=host, Signature=0"
)
#: The one status of the server's that S3 itself has for a request.
_NOT_IMPLEMENTED = 501


def known() -> dict[str, list[Any]]:
    return {
        "Bucket": [
            *["plain", "versioned", "locked"] * 3,
            "missing",
            "new-1",
            "new-2",
            "UPPER",
            "a",
        ],
        "Key": [*["one", "two", "a/b"] * 3, "missing", "ü ", "x" * 1025],
        "VersionId": ["null", "none"],
        "UploadId": ["none"],
        "PartNumber": [1, 2, 0, 10_001],
        "CopySource": ["plain/one", "versioned/one?versionId=null", "plain", "%", "/plain/a%2Fb"],
        "Range": ["bytes=0-0", "bytes=-1", "bytes=9-", "bytes=x", "bytes=2-1"],
        "CopySourceRange": ["bytes=0-1", "bytes=5-", "x"],
        "Tagging": ["a=b", "a=b&a=c", "%zz", "&".join(f"k{n}=v" for n in range(11))],
        "ContentMD5": ["", "1B2M2Y8AsgTpgAmY7PhCfg=="],
        "ContentLength": [0, 5],
        "ChecksumCRC32": ["AAAAAA==", "x"],
        "ContinuationToken": ["", "b25l", "%", "!"],
        "Delimiter": ["/", "", "a"],
        "Prefix": ["", "a/", "\ufffd"],
        "MaxKeys": [0, 1, 2, 1000, -1],
        "Days": [1, 0, -1],
        "Policy": ['{"Statement": []}', '{"Statement": [{"Effect": "Allow"}]}', "{", "[]"],
        "CacheControl": ["no-cache", "a\tb"],
        "IfMatch": ["*", '"x"'],
        "IfNoneMatch": ["*", '"x"'],
        "Expires": ["Wed, 21 Oct 2026 07:28:00 GMT", "never"],
    }


def as_rest(request: FuzzedRequest, choice: random.Random) -> FuzzedRequest:
    """Return a request with its body in XML, where it is not content."""
    operation = MODEL.operations[request.operation]
    headers = {**request.headers, "content-type": "application/xml"}
    if choice.random() < 0.8:
        headers["authorization"] = _CREDENTIAL
    content = request.body
    shape: Shape = MODEL.shapes[operation.input] if operation.input else {"members": {}}
    payload = shape.get("payload")
    if payload:
        member = shape["members"][payload]
        inner = MODEL.shapes[member["shape"]]
        # What is no JSON goes as it is.
        with suppress(ValueError, RecursionError):
            body = json.loads(content)
            if inner["type"] == "structure" and isinstance(body, dict):
                body = body.get(member.get("locationName", payload), body)
                content = xml_of(body, inner, member.get("locationName", payload)).encode(
                    "utf-8", "replace"
                )
    if headers.get("content-length") == str(len(request.body)):
        headers["content-length"] = str(len(content))
    return replace(request, headers=headers, body=content)


def xml_of(value: Any, shape: Shape | None, name: str) -> str:
    """Return an element that says ``value``, be it of its shape or not."""
    kind = shape["type"] if shape is not None else ""
    if isinstance(value, dict):
        members = shape.get("members", {}) if shape is not None else {}
        by_wire = {each.get("locationName", key): each for key, each in members.items()}
        parts = []
        for key, each in value.items():
            member = by_wire.get(key)
            inner = MODEL.shapes[member["shape"]] if member is not None else None
            if isinstance(each, list) and inner is not None and inner.get("flattened"):
                flat = MODEL.shapes[inner["member"]["shape"]]
                parts += [xml_of(one, flat, key) for one in each]
            else:
                parts.append(xml_of(each, inner, key))
        return f"<{name}>{''.join(parts)}</{name}>"
    if isinstance(value, list):
        item_name, item = "member", None
        if kind == "list" and shape is not None:
            item_name = shape["member"].get("locationName", "member")
            item = MODEL.shapes[shape["member"]["shape"]]
        return f"<{name}>{''.join(xml_of(one, item, item_name) for one in value)}</{name}>"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"<{name}>{escape(text)}</{name}>"


def complaint(method: str, status: int, body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if (status >= 500 and status != _NOT_IMPLEMENTED) or status < 200:
        return f"status {status}: {body[:300]!r}"
    # Nobody has signed it, and there is no such bucket: it is nobody's.
    is_nobodys = status == 404 and b"No operation answers" in body
    if status >= 400 and method != "HEAD" and b"<Code>" not in body and not is_nobodys:
        return f"{status} without a code: {body[:300]!r}"
    if body.startswith(b"<?xml"):
        ElementTree.fromstring(body)
    return ""


async def furnish(emulator: Emulator) -> str:
    """Make the buckets and objects that the fuzzer knows by name; return the id of an upload."""
    call = emulator.table.call
    for bucket in ("plain", "versioned", "locked"):
        with suppress(Exception):
            await call("s3", "CreateBucket", {"Bucket": bucket})
    versioning = {"Status": "Enabled"}
    await call(
        "s3", "PutBucketVersioning", {"Bucket": "versioned", "VersioningConfiguration": versioning}
    )
    for bucket in ("plain", "versioned"):
        for key in ("one", "two", "a/b"):
            await call("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": b"content"})
    made = await call("s3", "CreateMultipartUpload", {"Bucket": "plain", "Key": "one"})
    return str(made["UploadId"])


@pytest.mark.parametrize(
    ("count", "seed"),
    [(1_500, 1), pytest.param(15_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int) -> None:
    emulator = Emulator(Settings(port=0, drain_seconds=0), driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    given = known()
    fuzzer, choice = Fuzzer(MODEL, given, seed), random.Random(seed)
    complaints: list[str] = []
    statuses: Counter[int] = Counter()
    succeeded: set[str] = set()
    try:
        for number in range(count):
            if number % 100 == 0:
                given["UploadId"] = [await furnish(emulator), *given["UploadId"][-3:]]
            request = as_rest(fuzzer.request(), choice)
            try:
                async with asyncio.timeout(60):
                    status, _, body = await send_to(emulator.router, request)
                wrong = complaint(request.method, status, body)
            except Exception as error:  # noqa: BLE001 (each is a finding)
                complaints.append(f"{request}: {type(error).__name__}: {error}"[:900])
                continue
            statuses[status // 100] += 1
            if wrong:
                complaints.append(f"{request}: {wrong}"[:900])
            elif status < 300:
                succeeded.add(request.operation)
        assert complaints == [], "\n".join(complaints)
        # It reaches behind the validation.
        assert len(succeeded) > 40, succeeded
        assert statuses[2] > count / 10, statuses
    finally:
        emulator.stop()
        emulator.stop()
        await running
