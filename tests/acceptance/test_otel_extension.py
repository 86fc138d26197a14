"""An OpenTelemetry extension of the registry, unmodified: what it reports of a function (E1, E3).

It registers, subscribes to the Logs API, listens beside the function and sends what it gathered as
OTLP: https://www.npmjs.com/package/@serverless/aws-lambda-otel-extension-dist
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.drivers import DRIVERS, HERE, settings
from tests.acceptance.test_python_start import archive
from tests.api.conftest import Running, create
from tests.needs import need
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.slow

PACKAGE = "@serverless/aws-lambda-otel-extension-dist@0.1.11"
HANDLER = "exports.handler = async (event) => ({ n: event.n + 1 });\n"


class Backend(ThreadingHTTPServer):
    """Takes what is reported to it, by path."""

    def __init__(self) -> None:
        super().__init__(("0.0.0.0", 0), Report)
        self.reported: dict[str, list[bytes]] = {"/traces": [], "/metrics": []}
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def wait(self, path: str, said: bytes) -> list[bytes]:
        until(lambda: self.reported[path], lambda reported: any(said in each for each in reported))
        return self.reported[path]


class Report(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.reported[self.path].append(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None: ...


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The extension's layer, as its makers packed it."""
    folder = tmp_path_factory.mktemp("otel")
    command = [need("npm"), "pack", "--silent", PACKAGE]
    subprocess.run(command, cwd=folder, check=True, timeout=PATIENCE_S)
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as file:
        file.extractall(folder, filter="data")
    return Path(folder, "package", "extension.zip").read_bytes()


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as backend:
        yield backend
        backend.shutdown()


@pytest.fixture(params=DRIVERS)
def on(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def running(on: str) -> Iterator[Running]:
    running = Running(settings(on))
    yield running
    running.stop()


def test_an_opentelemetry_extension_reports_what_a_function_did(
    running: Running, on: str, extension: bytes, backend: Backend
) -> None:
    client = running.client("lambda")
    layer = client.publish_layer_version(LayerName="otel", Content={"ZipFile": extension})
    url = f"http://{HERE[on]}:{backend.server_port}"
    create(
        client,
        "watched",
        Code={"ZipFile": archive({"index.js": HANDLER})},
        Handler="index.handler",
        Runtime="nodejs20.x",
        Layers=[layer["LayerVersionArn"]],
        Timeout=60,
        MemorySize=1024,
        Environment={
            "Variables": {
                "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-extension/otel-handler",
                "SLS_OTEL_REPORT_TYPE": "proto",
                "SLS_OTEL_REPORT_TRACES_URL": f"{url}/traces",
                "SLS_OTEL_REPORT_METRICS_URL": f"{url}/metrics",
            }
        },
    )
    client.get_waiter("function_active_v2").wait(FunctionName="watched")
    answer = client.invoke(FunctionName="watched", Payload=b'{"n": 1}')
    assert json.loads(answer["Payload"].read()) == {"n": 2}
    assert "FunctionError" not in answer
    request_id = answer["ResponseMetadata"]["RequestId"].encode()
    # Traces come from the function; how long it took, from REPORT by way of the Logs API, whether
    # the extension tells that by itself or, where it comes early, together with the rest.
    traces, metrics = (
        backend.wait("/traces", request_id),
        backend.wait("/metrics", b"faas.duration"),
    )
    assert all(b"watched" in each for each in (*traces, *metrics))
    logged = running.client("logs").filter_log_events(logGroupName="/aws/lambda/watched")["events"]
    text = "".join(each["message"] for each in logged)
    assert "otel-extension\tState: Ready\tEvents: [INVOKE,SHUTDOWN]" in text
    assert "logs subscription failed" not in text
