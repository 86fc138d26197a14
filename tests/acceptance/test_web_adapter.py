"""AWS Lambda Web Adapter as a layer: unmodified web servers behind a function URL (E4).

https://github.com/aws/aws-lambda-web-adapter
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.acceptance.conftest import free_port
from tests.acceptance.drivers import settings
from tests.api.conftest import Running, create
from tests.needs import need

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(settings("process"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(running: Running) -> Any:
    return running.client("lambda")


@pytest.fixture(scope="module")
def adapter(client: Any) -> str:
    """Publish the adapter as a layer, as AWS's has it; returns its ARN."""
    program = shutil.which("lambda-adapter") or os.environ.get("LAMBDA_WEB_ADAPTER", "")
    if not program:
        pytest.skip("needs AWS Lambda Web Adapter (cargo install lambda_web_adapter)")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in (
            ("extensions/lambda-adapter", Path(program).read_bytes()),
            ("bootstrap", b'#!/bin/sh\nexec "$LAMBDA_TASK_ROOT/$_HANDLER"\n'),
        ):
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o755 << 16
            file.writestr(info, content)
    made = client.publish_layer_version(
        LayerName=f"adapter-{uuid.uuid4().hex[:8]}", Content={"ZipFile": packed.getvalue()}
    )
    return str(made["LayerVersionArn"])


def website(
    client: Any, adapter: str, runtime: str, code: bytes, *layers: str, mode: str = "BUFFERED"
) -> str:
    """Create a function of a web server; returns its URL."""
    name = f"web-{uuid.uuid4().hex[:8]}"
    free = str(free_port())
    mode_of_adapter = "response_stream" if mode == "RESPONSE_STREAM" else "buffered"
    create(
        client,
        name,
        Code={"ZipFile": code},
        Handler="run.sh",
        Runtime=runtime,
        Layers=[adapter, *layers],
        Timeout=20,
        MemorySize=1769,
        Environment={
            "Variables": {
                "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
                "AWS_LWA_INVOKE_MODE": mode_of_adapter,
                "AWS_LWA_READINESS_CHECK_PATH": "/",
                # Environments of the process driver share the machine's ports.
                "PORT": free,
                "AWS_LWA_PORT": free,
            }
        },
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    made = client.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode=mode)
    return str(made["FunctionUrl"])


def executable(files: dict[str, str], folder: Path | None = None, under: str = "") -> bytes:
    """Pack files with the modes of programs, and a folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o755 << 16
            file.writestr(info, text)
        if folder is not None:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    file.write(path, Path(under) / path.relative_to(folder))
    return packed.getvalue()


EXPRESS = """\
const express = require("express");
const app = express();
app.use(express.json());
app.get("/", (request, response) => response.send("hello of Express"));
app.post("/sum/:name", (request, response) =>
  response.status(201).json({ name: request.params.name, q: request.query.q,
                              sum: request.body.a + request.body.b }));
app.get("/stream", async (request, response) => {
  for (let n = 0; n < 3; n++) {
    response.write(`part ${n}\\n`);
    await new Promise((done) => setTimeout(done, 300));
  }
  response.end();
});
app.listen(process.env.PORT);
"""


@pytest.fixture(scope="module")
def express(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the archive of an Express server."""
    npm = need("npm")
    folder = tmp_path_factory.mktemp("express")
    (folder / "package.json").write_text('{"name": "web", "private": true}')
    subprocess.run(
        [npm, "install", "--silent", "--no-audit", "--no-fund", "express@5"],
        cwd=folder,
        check=True,
        timeout=120,
    )
    run = "#!/bin/sh\nexec node server.js\n"
    return executable({"server.js": EXPRESS, "run.sh": run}, folder, "")


def request(url: str, **fields: Any) -> urllib.request.Request:
    """Return a request to a function URL, whose host not every machine resolves."""
    parts = urlsplit(url)
    place = parts._replace(netloc=f"127.0.0.1:{parts.port}").geturl()
    made = urllib.request.Request(place, **fields)
    made.add_header("Host", parts.netloc)
    return made


def get(url: str, **fields: Any) -> tuple[int, bytes]:
    with urllib.request.urlopen(request(url, **fields), timeout=30) as answer:
        return answer.status, answer.read()


def test_express_answers_behind_a_function_url(client: Any, adapter: str, express: bytes) -> None:
    url = website(client, adapter, "nodejs22.x", express)
    assert get(url) == (200, b"hello of Express")
    status, body = get(
        f"{url}sum/total?q=%C3%BC",
        data=b'{"a": 2, "b": 3}',
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    assert (status, json.loads(body)) == (201, {"name": "total", "q": "ü", "sum": 5})


def test_express_streams(client: Any, adapter: str, express: bytes) -> None:
    url = website(client, adapter, "nodejs22.x", express, mode="RESPONSE_STREAM")
    get(url)  # warm
    with urllib.request.urlopen(request(f"{url}stream"), timeout=30) as answer:
        first = answer.readline()
        came = time.monotonic()
        rest = answer.read()
        later = time.monotonic() - came
    assert first == b"part 0\n"
    assert rest == b"part 1\npart 2\n"
    assert later > 0.2, "all came at once"


FASTAPI = """\
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
def root():
    return {"hello": "of FastAPI"}
@app.get("/items/{number}")
def item(number: int, q: str = ""):
    return {"number": number, "q": q}
"""
_PACKAGES = (
    "fastapi", "starlette", "uvicorn", "anyio", "idna", "h11", "click", "pydantic",
    "pydantic_core", "annotated_types", "annotated_doc", "typing_inspection",
    "opentelemetry", "python_multipart", "*.dist-info",
)  # fmt: skip


@pytest.fixture(scope="module")
def fastapi() -> bytes:
    """Return the archive of a FastAPI server with the packages that run this test."""
    site = Path(sysconfig.get_paths()["purelib"])
    packed = io.BytesIO(
        executable(
            {
                "app.py": FASTAPI,
                "run.sh": "#!/bin/sh\nexec python3 -m uvicorn --port $PORT app:app\n",
            }
        )
    )
    with zipfile.ZipFile(packed, "a") as file:
        for name in _PACKAGES:
            for path in sorted(site.glob(f"{name}/**/*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    file.write(path, path.relative_to(site))
        file.write(site / "typing_extensions.py", "typing_extensions.py")
    return packed.getvalue()


def test_fastapi_answers_behind_a_function_url(client: Any, adapter: str, fastapi: bytes) -> None:
    url = website(client, adapter, "python3.11", fastapi)
    assert json.loads(get(url)[1]) == {"hello": "of FastAPI"}
    assert json.loads(get(f"{url}items/7?q=a")[1]) == {"number": 7, "q": "a"}
    status, _ = get_error(f"{url}items/none")
    assert status == 422


def get_error(url: str) -> tuple[int, bytes]:
    try:
        return get(url)
    except urllib.error.HTTPError as error:
        return error.code, error.read()
