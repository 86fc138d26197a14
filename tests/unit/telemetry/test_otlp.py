"""OTLP: protobuf beside the official one, spans and segments, the exporter with a fake clock."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as official

from emulator.model.errors import LocalfaasError
from emulator.telemetry.otlp import protobuf, spans
from emulator.telemetry.otlp.exporter import MOST_WAITING, Exporter, traces_url
from emulator.telemetry.traces import documents
from emulator.testing import FakeClock, RecordingConsole

_REQUEST = "ExportTraceServiceRequest"
_TRACE = "1-65a1b2c3-00000000000000000000abcd"


def segment(**fields: Any) -> dict[str, Any]:
    made = {
        "id": "00000000000000aa",
        "trace_id": _TRACE,
        "name": "orders",
        "start_time": 1700000000.25,
        "end_time": 1700000000.75,
    }
    return {**made, **fields}


_RICH = segment(
    origin="AWS::Lambda::Function",
    parent_id="00000000000000bb",
    resource_arn="arn:aws:lambda:us-east-1:000000000000:function:orders",
    aws={"account_id": "000000000000", "request_id": "r-1"},
    annotations={"tier": "gold", "size": 3, "ratio": 0.5, "new": True},
    fault=True,
    cause={"exceptions": [{"id": "1", "type": "Bad", "message": "no"}]},
    links=[{"trace_id": _TRACE, "id": "00000000000000cc"}],
    subsegments=[
        {
            "id": "00000000000000ab",
            "name": "DynamoDB",
            "namespace": "aws",
            "start_time": 1700000000.3,
            "end_time": 1700000000.4,
            "aws": {"operation": "PutItem"},
        },
        {"id": "00000000000000ac", "name": "open", "start_time": 1.0, "in_progress": True},
    ],
)


def _official(request: dict[str, Any]) -> official.ExportTraceServiceRequest:
    message = official.ExportTraceServiceRequest()
    message.ParseFromString(protobuf.encode(_REQUEST, request))
    return message


def test_the_official_library_reads_what_we_write() -> None:
    message = _official({"resourceSpans": spans.to_spans([_RICH])})
    (resource,) = message.resource_spans
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named["service.name"] == "orders"
    assert named["cloud.account.id"] == "000000000000"
    function, table = resource.scope_spans[0].spans
    assert function.trace_id.hex() == "65a1b2c300000000000000000000abcd"
    assert (function.span_id.hex(), function.parent_span_id.hex()) == (
        "00000000000000aa",
        "00000000000000bb",
    )
    assert function.end_time_unix_nano - function.start_time_unix_nano == 500_000_000
    assert function.status.code == 2
    assert function.events[0].name == "exception"
    assert function.links[0].span_id.hex() == "00000000000000cc"
    told = {each.key: each.value for each in function.attributes}
    assert told["size"].int_value == 3
    assert told["ratio"].double_value == 0.5
    assert told["new"].bool_value is True
    assert told["faas.invocation_id"].string_value == "r-1"
    assert (table.name, table.kind) == ("DynamoDB", 3)
    assert table.parent_span_id == function.span_id


def test_we_read_what_the_official_library_writes() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    draw = random.Random(seed)
    for _ in range(50):
        message = official.ExportTraceServiceRequest()
        resource = message.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = "ünï"
        span = resource.scope_spans.add().spans.add()
        span.trace_id, span.span_id = draw.randbytes(16), draw.randbytes(8)
        span.name, span.kind = "work", draw.choice([1, 2, 3])
        span.start_time_unix_nano = draw.getrandbits(62)
        span.end_time_unix_nano = draw.getrandbits(62)
        value = span.attributes.add(key="a").value
        match draw.randrange(5):
            case 0:
                value.int_value = draw.randint(-(1 << 63), (1 << 63) - 1)
            case 1:
                value.double_value = draw.random()
            case 2:
                value.array_value.values.add().bool_value = True
            case 3:
                value.kvlist_value.values.add(key="k").value.string_value = "v"
            case _:
                value.bytes_value = draw.randbytes(5)
        data = message.SerializeToString()
        read = protobuf.decode(_REQUEST, data)
        again = official.ExportTraceServiceRequest()
        again.ParseFromString(protobuf.encode(_REQUEST, read))
        assert again == message
        # Beside the official form in JSON, where ids are base64.
        shown = json_format.MessageToDict(message)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        ours = read["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        assert ours["startTimeUnixNano"] == shown["startTimeUnixNano"]


def test_damaged_messages_are_refused_or_read_but_nothing_else() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    draw = random.Random(seed)
    whole = protobuf.encode(_REQUEST, {"resourceSpans": spans.to_spans([_RICH])})
    for _ in range(2000):
        broken = bytearray(whole)
        for _ in range(draw.randint(1, 8)):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        try:
            read = protobuf.decode(_REQUEST, bytes(broken[: draw.randrange(len(broken) + 1)]))
        except ValueError:
            continue
        for each in spans.to_documents(read)[0]:
            try:
                documents.check(each)
            except documents.Refused:
                continue
    nested = b""
    for _ in range(200):  # a value in a value in a value …
        nested = b"\x2a" + bytes([len(nested) & 0x7F]) + nested[:127]
    with pytest.raises(ValueError, match=r"."):
        protobuf.decode("AnyValue", _deep(100))


def _deep(levels: int) -> bytes:
    value = b""
    for _ in range(levels):
        inner = b"\x0a" + protobuf._varint(len(value)) + value
        value = b"\x2a" + protobuf._varint(len(inner)) + inner
    return value


def test_spans_become_segments_and_parts_of_functions() -> None:
    request = {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]
                },
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "65a1b2c300000000000000000000abcd",
                                "spanId": "00000000000000d1",
                                "name": "GET /",
                                "kind": 2,
                                "startTimeUnixNano": "1700000000000000000",
                                "endTimeUnixNano": "1700000001000000000",
                                "attributes": [
                                    {
                                        "key": "http.response.status_code",
                                        "value": {"intValue": "503"},
                                    }
                                ],
                                "status": {"code": 2, "message": "down"},
                            },
                            {
                                "traceId": "65a1b2c300000000000000000000abcd",
                                "spanId": "00000000000000d2",
                                "parentSpanId": "00000000000000d1",
                                "name": "inside <it>",
                                "kind": 1,
                                "startTimeUnixNano": 1700000000200000000,
                                "endTimeUnixNano": 1700000000300000000,
                            },
                            {"traceId": "0" * 32, "spanId": "1" * 16, "name": "no trace"},
                        ]
                    }
                ],
            }
        ]
    }
    found, refused = spans.to_documents(request)
    assert refused == 1
    server, inside = found
    for each in found:
        documents.check(each)
    assert (server["name"], server["trace_id"], server["fault"]) == ("shop", _TRACE, True)
    assert server["http"] == {"response": {"status": 503}}
    assert (inside["type"], inside["parent_id"], inside["name"]) == (
        "subsegment",
        server["id"],
        "inside _it_",
    )
    # And out again, under their own service.
    again = spans.to_spans(found)
    assert len(again) == 1
    assert again[0]["resource"]["attributes"][0]["value"] or True
    names = {
        each["key"]: each["value"].get("stringValue") for each in again[0]["resource"]["attributes"]
    }
    assert names["service.name"] == "shop"


# --- the exporter --------------------------------------------------------------------------------


class Collector:
    """Answers as told; keeps what came."""

    def __init__(self, *answers: int | str) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []

    async def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str]]:
        self.bodies.append(body)
        self.headers, self.url = dict(headers), url
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, str):
            raise LocalfaasError(answer)
        return answer, {"retry-after": "7"}


def make(collector: Collector, **options: Any) -> tuple[Exporter, FakeClock, RecordingConsole]:
    clock, console = FakeClock(), RecordingConsole()
    exporter = Exporter(
        "http://collector:4318",
        clock=clock,
        console=console,
        send=collector,
        headers={"x-key": "1"},
        **options,
    )
    return exporter, clock, console


async def _settle(exporter: Exporter) -> None:
    if exporter._sending is not None:
        await asyncio.wait((exporter._sending,), timeout=60)


def test_batches_go_a_second_later() -> None:
    async def main() -> None:
        collector = Collector()
        exporter, clock, _ = make(collector, encoding="http/json")
        for number in range(3):
            exporter.documents([("0", "r", segment(id=f"{number:016x}1"[-16:]))])
        assert collector.bodies == []
        await clock.advance(1.0)
        await _settle(exporter)
        (body,) = collector.bodies
        (resource,) = json.loads(body)["resourceSpans"]
        assert len(resource["scopeSpans"][0]["spans"]) == 3
        assert collector.url == "http://collector:4318/v1/traces"
        assert collector.headers["x-key"] == "1"
        assert collector.headers["content-type"] == "application/json"
        assert exporter.sent == (3, 0)

    asyncio.run(main())


def test_what_may_pass_is_tried_again_and_what_does_not_is_dropped() -> None:
    async def main() -> None:
        collector = Collector(503, "no route", 200, 400)
        exporter, clock, console = make(collector)
        exporter.documents([("0", "r", segment())])
        await clock.advance(1.0)
        async with asyncio.timeout(60):
            while len(collector.bodies) < 3:
                await asyncio.sleep(0.005)  # a thread makes the bodies
                await clock.advance(1.0)
        await _settle(exporter)
        assert len(collector.bodies) == 3
        assert exporter.sent == (1, 0)
        assert len(console.warnings) == 1
        exporter.documents([("0", "r", segment())])
        await clock.advance(1.0)
        await _settle(exporter)
        assert exporter.sent == (1, 1)
        assert "answered 400" in console.warnings[-1]

    asyncio.run(main())


def test_the_line_is_bounded_and_the_end_does_not_wait_long() -> None:
    async def main() -> None:
        class Silent(Collector):
            async def __call__(
                self, url: str, body: bytes, headers: Mapping[str, str]
            ) -> tuple[int, Mapping[str, str]]:
                await asyncio.Event().wait()
                raise AssertionError

        exporter, _, _ = make(Silent())
        for _ in range(MOST_WAITING + 700):
            exporter.documents([("0", "r", segment())])
        assert exporter.sent.dropped >= 188  # a batch may have been taken
        await asyncio.wait_for(exporter.close(), 60)
        assert exporter.sent.exported == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("http://a:4318", "http://a:4318/v1/traces"),
        ("http://a:4318/", "http://a:4318/v1/traces"),
        ("http://a/otlp", "http://a/otlp/v1/traces"),
        ("http://a/v1/traces", "http://a/v1/traces"),
    ],
)
def test_where_traces_go(given: str, wanted: str) -> None:
    assert traces_url(given) == wanted
