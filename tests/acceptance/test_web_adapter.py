"""AWS Lambda Web Adapter as a layer: unmodified web servers behind a function URL (E4).

https://github.com/aws/aws-lambda-web-adapter
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sysconfig
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
from tests.acceptance.drivers import DRIVERS, HERE, settings
from tests.acceptance.test_extensions import evict, log
from tests.api.conftest import Running, create
from tests.needs import need
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=DRIVERS)
def on(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def running(on: str) -> Iterator[Running]:
    running = Running(settings(on))
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
    client: Any, adapter: str, runtime: str, code: bytes, mode: str = "BUFFERED", **fields: Any
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
        Layers=[adapter],
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
        **{"Timeout": 60, **fields},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    made = client.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode=mode)
    return str(made["FunctionUrl"])


def name_of(client: Any, url: str) -> str:
    """Return the name of the function behind a URL."""
    names = [each["FunctionName"] for each in client.list_functions()["Functions"]]
    return next(
        name
        for name in names
        if client.get_function_url_config(FunctionName=name)["FunctionUrl"] == url
    )


def wait_until_no_runtime_waits(running: Running, name: str) -> None:
    """Wait until the end of a function's runtime is known, which its adapter outlives."""
    waits = ("ready", "frozen", "invoking")
    until(
        lambda: (
            not any(
                each.version.name == name and each.state.value in waits
                for each in list(running.emulator.pools.environments.values())
            )
        ),
    )


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
  response.write("part 0\\n");
  await fetch(request.query.gate);
  response.end("part 1\\n");
});
app.get("/crash", () => process.exit(3));
app.get("/bytes", (request, response) => response.type("image/png").send(Buffer.from([0, 255])));
app.get("/cookies", (request, response) =>
  response.cookie("a", "1").cookie("b", "2").send(request.headers.cookie));
app.get("/large", (request, response) => response.send("x".repeat(+request.query.n)));
process.on("SIGTERM", () => { console.log("asked to end"); process.exit(); });
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
        timeout=PATIENCE_S,
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
    with urllib.request.urlopen(request(url, **fields), timeout=PATIENCE_S) as answer:
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


def test_bytes_and_cookies_come_through(client: Any, adapter: str, express: bytes) -> None:
    url = website(client, adapter, "nodejs22.x", express)
    assert get(f"{url}bytes") == (200, b"\x00\xff")
    asked = request(f"{url}cookies", headers={"Cookie": "x=1; y=2"})
    with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
        assert answer.read() == b"x=1;y=2"
        assert answer.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/"]


@pytest.mark.parametrize(
    ("mode", "size", "status"),
    [
        ("BUFFERED", 5_900_000, 200),
        ("BUFFERED", 6_400_000, 502),
        ("RESPONSE_STREAM", 20_000_000, 200),
    ],
)
def test_large_answers_have_awss_limits(
    client: Any, adapter: str, express: bytes, mode: str, size: int, status: int
) -> None:
    url = website(client, adapter, "nodejs22.x", express, mode=mode)
    found, body = get_error(f"{url}large?n={size}")
    assert found == status
    assert status != 200 or len(body) == size


def test_a_server_that_dies_is_started_again(
    running: Running, client: Any, adapter: str, express: bytes
) -> None:
    url = website(client, adapter, "nodejs22.x", express)
    name = name_of(client, url)
    get(url)
    for _ in range(2):
        assert get_error(f"{url}crash")[0] == 502
        wait_until_no_runtime_waits(running, name)
        assert get(url) == (200, b"hello of Express")


def test_a_server_that_never_listens_times_out(client: Any, adapter: str) -> None:
    code = executable({"run.sh": "#!/bin/sh\necho deaf\nexec sleep 600\n"})
    url = website(client, adapter, "nodejs22.x", code, Timeout=2)
    assert get_error(url)[0] == 502


def test_a_server_is_asked_to_end(
    running: Running, client: Any, adapter: str, express: bytes
) -> None:
    url = website(client, adapter, "nodejs22.x", express)
    get(url)
    name = name_of(client, url)
    evict(running, name)
    log(running, name, lambda lines: "asked to end" in lines)


def test_express_streams(client: Any, adapter: str, express: bytes, on: str) -> None:
    url = website(client, adapter, "nodejs22.x", express, mode="RESPONSE_STREAM")
    get(url)  # warm
    with socket.create_server(("0.0.0.0", 0)) as gate:
        gate.settimeout(PATIENCE_S)
        asked = request(f"{url}stream?gate=http://{HERE[on]}:{gate.getsockname()[1]}/")
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
            assert answer.readline() == b"part 0\n"
            # The function goes on when the first part has been read, and not before.
            function, _ = gate.accept()
            with function:
                function.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert answer.read() == b"part 1\n"


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
