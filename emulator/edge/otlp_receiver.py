"""The port to which functions send OpenTelemetry's spans: OTLP over HTTP, protobuf or JSON.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from emulator.edge.router import Receive, Scope, Send, answer, read_body
from emulator.model.function import FunctionVersion
from emulator.model.lazy import LazyModule
from emulator.telemetry.traces.tracing import Tracing

if TYPE_CHECKING:
    from emulator.telemetry.otlp import protobuf, spans
    from emulator.telemetry.traces import documents
else:
    documents = LazyModule("emulator.telemetry.traces.documents")
    protobuf = LazyModule("emulator.telemetry.otlp.protobuf")
    spans = LazyModule("emulator.telemetry.otlp.spans")

#: Bytes of a request, packed and unpacked.
_MOST = 4 * 1024 * 1024
_MOST_UNPACKED = 16 * 1024 * 1024
_PATH = "/v1/traces"
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"


class OtlpReceiver:
    """An ASGI application that takes spans.

    Args:
        tracing: Where they go.
        place: The account and region of spans whose trace nobody has heard of.
    """

    def __init__(self, tracing: Tracing, place: tuple[str, str]) -> None:
        self._tracing = tracing
        self._place = place
        #: Where functions reach it; "" while it is not open.
        self.url = ""

    def variables(self, version: FunctionVersion) -> Mapping[str, str]:
        """Return what tells an OpenTelemetry SDK in a function where to send its spans."""
        if not self.url:
            return {}
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_PROPAGATORS": "tracecontext,baggage,xray",
            "OTEL_SERVICE_NAME": version.name,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["path"] != _PATH:
            await _refuse(send, 404, f"localfaas takes traces, at {_PATH}")
        elif scope["method"] != "POST":
            await _refuse(send, 405, "spans are sent by POST")
        elif kind not in (_PROTOBUF, _JSON):
            await _refuse(send, 415, f"spans are {_PROTOBUF} or {_JSON}")
        else:
            body = await read_body(receive, _MOST)
            if body is None:
                await _refuse(send, 413, f"a request has at most {_MOST} bytes")
                return
            await self._export(send, body, headers.get("content-encoding", ""), kind)

    async def _export(self, send: Send, body: bytes, encoding: str, kind: str) -> None:
        try:
            found, refused = await asyncio.to_thread(_read, body, encoding, kind)
        except (ValueError, EOFError, OSError, zlib.error) as error:
            await _refuse(send, 400, f"the request can't be read: {error}")
            return
        tracer = self._tracing.tracer
        placed = [(*(tracer.place_of(each["trace_id"]) or self._place), each) for each in found]
        if placed:
            tracer.take(placed)
        told: dict[str, Any] = {}
        if refused:
            message = "spans without ids or times are not taken"
            told = {"partialSuccess": {"rejectedSpans": str(refused), "errorMessage": message}}
        content = orjson.dumps(told)
        if kind == _PROTOBUF:
            content = protobuf.encode("ExportTraceServiceResponse", told)
        await answer(send, 200, [(b"content-type", kind.encode())], content)


def _read(body: bytes, encoding: str, kind: str) -> tuple[list[dict[str, Any]], int]:
    """Return the documents of a request, and how many of its spans were refused.

    Raises:
        ValueError: It can't be read; OSError, EOFError or zlib.error: nor unpacked.
    """
    if encoding == "gzip":
        unpacking = zlib.decompressobj(31)
        body = unpacking.decompress(body, _MOST_UNPACKED)
        if unpacking.unconsumed_tail or not unpacking.eof:
            raise gzip.BadGzipFile("it is too large, or not whole")
    elif encoding not in ("", "identity"):
        raise ValueError(f"it is packed by {encoding}")
    if kind == _PROTOBUF:
        request = protobuf.decode("ExportTraceServiceRequest", body)
    else:
        request = orjson.loads(body)
        if not isinstance(request, dict):
            raise ValueError("it is no object")
    made, refused = spans.to_documents(request)
    found = []
    for document in made:
        try:
            documents.check(document)
        except documents.Refused:
            refused += 1
        else:
            found.append(document)
    return found, refused


async def _refuse(send: Send, status: int, message: str) -> None:
    body = orjson.dumps({"code": 3, "message": message})
    await answer(send, status, [(b"content-type", _JSON.encode())], body)
