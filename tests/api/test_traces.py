"""Traces where people and machines look at them: admin API, pages, Prometheus, OTLP."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as official

from emulator.settings import Settings
from emulator.telemetry.otlp import protobuf, spans
from emulator.telemetry.traces.header import read
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create
from tests.api.test_xray import _tells, invoke, segment

_MARKUP = "<b>&\"x'"


class Collector(ThreadingHTTPServer):
    """Takes what is exported; ``answers`` says what it answers."""

    def __init__(self) -> None:
        self.got: Queue[tuple[str, dict[str, str], bytes]] = Queue()
        super().__init__(("127.0.0.1", 0), _Handler)
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        named = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.put((self.path, named, body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Be silent."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.shutdown()
    collector.server_close()


@pytest.fixture(scope="module")
def running(collector: Collector) -> Iterator[Running]:
    settings = Settings(
        port=0,
        transition_seconds=0,
        otlp=collector.url,
        otlp_headers={"x-key": "k"},
        otlp_receiver=0,
    )
    running = Running(settings, driver=ScriptedDriver(_tells))
    client = running.client("lambda")
    create(client, "plain")
    client.close()
    yield running
    running.stop()


def get(running: Running, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    request = urllib.request.Request(f"{running.url}/_emulator/{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


def sent(collector: Collector, trace_id: str) -> list[tuple[str, Any]]:
    """Return service and span of each span of a trace, once all of a call are there."""
    found: list[tuple[str, Any]] = []
    while len(found) < 3:
        path, headers, body = collector.got.get(timeout=60)
        assert (path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        assert headers["x-key"] == "k"
        message = official.ExportTraceServiceRequest.FromString(body)
        for resource in message.resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                found += [
                    (named["service.name"], span)
                    for span in scope.spans
                    if span.trace_id.hex() == trace_id.removeprefix("1-").replace("-", "")
                ]
    return found


def test_calls_are_exported_whatever_their_configuration(
    running: Running, collector: Collector
) -> None:
    header = read(invoke(running, "plain"))
    assert header.sampled is True
    by_name = {span.name: (service, span) for service, span in sent(collector, header.root)}
    service, invocation = by_name["Invocation"]
    assert service == "plain"
    assert invocation.span_id.hex() == header.parent
    assert invocation.end_time_unix_nano > invocation.start_time_unix_nano


def test_spans_of_functions_come_in_and_go_out(running: Running, collector: Collector) -> None:
    header = read(invoke(running, "plain"))
    sent(collector, header.root)
    # A second one is started where the first is not yet free.
    *_, environment = running.emulator.pools.environments.values()
    url = environment.spec.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    part = segment(trace_id=header.root, name="own work", parent_id=header.parent)
    request = {"resourceSpans": spans.to_spans([part])}
    body = protobuf.encode("ExportTraceServiceRequest", request)
    assert _post(url, gzip.compress(body), "application/x-protobuf", "gzip") == (200, b"")
    assert _post(url, json.dumps(request).encode(), "application/json") == (200, b"{}")
    status, _, text = get(running, f"traces/{header.root}")
    assert status == 200
    rows = {row["name"]: row for row in json.loads(text)["rows"]}
    assert rows["own work"]["parent_id"] == header.parent
    while "own work" not in {span.name for _, span in _some(collector)}:
        pass


def _some(collector: Collector) -> list[tuple[str, Any]]:
    _, _, body = collector.got.get(timeout=60)
    message = official.ExportTraceServiceRequest.FromString(body)
    return [
        ("", span)
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _post(url: str, body: bytes, kind: str, encoding: str = "", path: str = "/v1/traces") -> Any:
    headers = {"content-type": kind, **({"content-encoding": encoding} if encoding else {})}
    request = urllib.request.Request(url + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_what_is_no_span_is_refused(running: Running) -> None:
    invoke(running, "plain")
    # A second one is started where the first is not yet free.
    *_, environment = running.emulator.pools.environments.values()
    url = environment.spec.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    proto, text = "application/x-protobuf", "application/json"
    assert _post(url, b"\xff\xff", proto)[0] == 400
    assert _post(url, b"[", text)[0] == 400
    assert _post(url, b"[]", text)[0] == 400
    assert _post(url, b"[" * 100_000, text)[0] == 400
    assert _post(url, b"x", proto, "gzip")[0] == 400
    assert _post(url, b"x", proto, "br")[0] == 400
    assert _post(url, b"x", "text/plain")[0] == 415
    assert _post(url, b"", proto, path="/v1/metrics")[0] == 404
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    assert _post(url, bomb, proto, "gzip")[0] == 400
    wrong = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "x"}]}]}]}
    status, body = _post(url, json.dumps(wrong).encode(), text)
    assert (status, json.loads(body)["partialSuccess"]["rejectedSpans"]) == (200, "1")


def test_the_admin_api_lists_and_shows_traces(running: Running) -> None:
    header = read(invoke(running, "plain"))
    listed = json.loads(get(running, "traces?function=plain&limit=1")[2])
    assert [each["id"] for each in listed] == [header.root]
    found = json.loads(get(running, f"traces/{header.root[-12:]}")[2])
    assert [row["depth"] for row in found["rows"]][:3] == [0, 1, 2]
    (id,) = {row["request_id"] for row in found["rows"]} - {None}
    assert json.loads(get(running, f"traces/{id}")[2])["id"] == header.root
    assert get(running, "traces/1-nothing")[0] == 404


def test_pages_of_traces_escape_what_senders_wrote(running: Running) -> None:
    header = read(invoke(running, "plain"))
    xray = running.client("xray")
    odd = segment(trace_id=header.root, parent_id=header.parent, annotations={_MARKUP: _MARKUP})
    odd["cause"] = {"exceptions": [{"id": "1", "type": _MARKUP, "message": _MARKUP}]}
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(odd)])
    xray.close()
    status, headers, page = get(running, f"ui/traces/{header.root}")
    assert (status, "default-src" in headers["content-security-policy"]) == (200, True)
    assert "<b>&" not in page
    assert "&lt;b&gt;" in page
    assert header.root in get(running, "ui/traces")[2]
    assert get(running, "ui/traces?function=nobody")[2].count(header.root) == 0
    id = next(
        row["request_id"]
        for row in json.loads(get(running, f"traces/{header.root}")[2])["rows"]
        if row["request_id"]
    )
    assert f"ui/traces/{id}" in get(running, f"ui/invocations/{id}")[2]
    assert get(running, "ui/traces/none")[0] == 404


def test_figures_for_prometheus(running: Running) -> None:
    invoke(running, "plain")
    _, headers, text = get(running, "metrics")
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    before = _calls(text)
    assert before >= 1
    assert 'localfaas_environments{function="plain",state="ready"} 1' in text
    assert 'localfaas_invocation_duration_seconds_bucket{function="plain",le="+Inf"}' in text
    invoke(running, "plain")
    assert _calls(get(running, "metrics")[2]) == before + 1
    _, headers, text = get(running, "metrics", Accept="application/openmetrics-text")
    assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")


def _calls(text: str) -> float:
    (line,) = [
        each
        for each in text.splitlines()
        if each.startswith('localfaas_invocations_total{function="plain",status="success"}')
    ]
    return float(line.rpartition(" ")[2])


def test_traces_outlive_the_emulator_and_are_forgotten_with_a_reset(tmp_path: Path) -> None:
    def start() -> Running:
        settings = Settings(port=0, transition_seconds=0, state=tmp_path, trace=True)
        return Running(settings, driver=ScriptedDriver(_tells))

    running = start()
    client = running.client("lambda")
    create(client, "plain")
    client.close()
    header = read(invoke(running, "plain"))
    running.stop()
    running = start()
    try:
        found = json.loads(get(running, f"traces/{header.root}")[2])
        assert {"AWS::Lambda", "AWS::Lambda::Function"} <= {row["kind"] for row in found["rows"]}
        running.call(running.emulator.reset)
        assert json.loads(get(running, "traces")[2]) == []
    finally:
        running.stop()
    running = start()
    try:
        assert json.loads(get(running, "traces")[2]) == []
    finally:
        running.stop()
