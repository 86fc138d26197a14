"""A function with OpenTelemetry's own SDK and exporter, as they come from PyPI."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import localfaas_up
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

_ROOT, _PARENT = "1-67891233-abcdef012345678912345678", "53995c3f42cd8ad8"
_REQUIREMENTS = """\
opentelemetry-sdk
opentelemetry-exporter-otlp-proto-http
opentelemetry-propagator-aws-xray
"""
_FUNCTION = """\
import os

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("shop")


def handler(event, context):
    carrier = {"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}
    with tracer.start_as_current_span("price", context=propagate.extract(carrier)) as span:
        span.set_attributes({"shop.order": event["id"], "aws.xray.annotations": ["shop.order"]})
        with tracer.start_as_current_span("look up") as inner:
            if event["id"] == "A-2":
                inner.record_exception(LookupError("no such order"))
                inner.set_status(trace.StatusCode.ERROR)
    provider.force_flush()
    return format(span.get_span_context().trace_id, "032x")
"""


def _invoke(url: str, order: str, header: str) -> str:
    request = urllib.request.Request(
        f"{url}/2015-03-31/functions/price/invocations",
        json.dumps({"id": order}).encode(),
        {"X-Amzn-Trace-Id": header},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return str(json.load(answer))


def _rows(url: str, root: str) -> dict[str, dict[str, Any]]:
    """Return the parts of a trace by name, once the function's own have come."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_emulator/traces/{root}") as found:
                rows = {row["name"]: row for row in json.load(found)["rows"]}
            if "look up" in rows:
                return rows
        except urllib.error.HTTPError as error:
            error.close()
        assert time.monotonic() < end, "the function's spans did not come"
        time.sleep(0.05)


def test_spans_of_the_sdk_are_parts_of_the_call_that_made_them(tmp_path: Path) -> None:
    folder = tmp_path / "functions" / "price"
    folder.mkdir(parents=True)
    tmp_path.chmod(0o755)
    (folder / "app.py").write_text(_FUNCTION)
    (folder / "requirements.txt").write_text(_REQUIREMENTS)
    with localfaas_up(folder.parent, "--no-watch", "--otlp-receiver", "0") as up:
        header = f"Root={_ROOT};Parent={_PARENT};Sampled=1"
        # Its trace is the caller's.
        assert _invoke(up.url, "A-2", header) == _ROOT.replace("-", "")[1:]
        rows = _rows(up.url, _ROOT)
        by_id = {row["id"]: row for row in rows.values()}
        inner, price = rows["look up"], rows["price"]
        assert inner["parent_id"] == price["id"]
        above = by_id[price["parent_id"]]
        assert above["kind"] in ("AWS::Lambda::Function", "")
        assert above["name"] in ("price", "Invocation")
        assert price["annotations"] == {"shop_order": "A-2"}
        assert inner["status"] != "ok"
        assert price["start_ms"] <= inner["start_ms"]
        # What the caller has decided not to sample is not told.
        other = _ROOT.replace("678", "999")
        _invoke(up.url, "A-3", f"Root={other};Parent={_PARENT};Sampled=0")
        with pytest.raises(urllib.error.HTTPError) as none:
            urllib.request.urlopen(f"{up.url}/_emulator/traces/{other}")
        assert none.value.code == 404
        none.value.close()
