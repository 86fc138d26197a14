"""The benchmark of SnapStart: restores beside cold starts and AWS's published figures.

Two functions as people have them: one with ``boto3``, and one with FastAPI, httpx and pydantic
behind Mangum. Each is called cold in turns: as ``$LATEST``, which is initialised, and as a version,
which is restored. What REPORT says of the two is compared, and the time that the caller waits.
"""

from __future__ import annotations

import base64
import io
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from emulator.driver.process.interpreters import choose
from tests.benchmarks.bench_invoke import _HANDLER, call, emulator, write_functions
from tests.benchmarks.figures import Row, at_most, run

#: SnapStart is for Python 3.12 and newer; the Python of this machine stands in for it.
_RUNTIME = "python3.12"
_ROUNDS = 20
_REPORTED = re.compile(r"(Init|Restore) Duration: ([\d.]+) ms")
_BOTO3 = """
import boto3
s3 = boto3.client("s3")
def handler(event, context):
    return {"statusCode": 200}
"""
_FASTAPI = """
import httpx
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel
app = FastAPI()
client = httpx.Client()
class Item(BaseModel):
    name: str
    price: float = 1.0
@app.post("/items")
def create(item: Item) -> Item:
    return item
handler = Mangum(app, lifespan="off")
"""
_EVENT = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/items",
    "rawQueryString": "",
    "headers": {"content-type": "application/json", "host": "localhost"},
    "requestContext": {
        "http": {
            "method": "POST",
            "path": "/items",
            "sourceIp": "127.0.0.1",
            "protocol": "HTTP/1.1",
        },
        "stage": "$default",
    },
    "body": json.dumps({"name": "x"}),
    "isBase64Encoded": False,
}
#: What AWS needs, published: see docs/cold-starts.md for the sources.
_PUBLISHED = {
    "boto3": "INIT p50 89 ms (hello world)",
    "fastapi": "2,513 ms, with SnapStart 855 ms",
}


def archive(source: str, packages: Path | None) -> bytes:
    """Return the zip of a function, with what is installed in ``packages``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        handler = zipfile.ZipInfo("app.py")
        handler.external_attr = 0o644 << 16  # the function's user reads it
        opened.writestr(handler, source)
        for path in sorted(packages.rglob("*")) if packages is not None else ():
            if path.is_file():
                opened.write(path, str(path.relative_to(packages or path)))
    return buffer.getvalue()


def install(folder: Path) -> Path | None:
    """Install FastAPI and its companions into a folder; None where that is not possible."""
    packages = ["fastapi", "httpx", "pydantic", "mangum"]
    serving = choose(_RUNTIME).interpreter
    assert serving is not None
    release = ["--python-version", f"3.{serving.release}", "--only-binary=:all:"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), *release]
    command = [*pip, *packages]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode != 0:
        return None
    compiling = ["-q", "--invalidation-mode", "unchecked-hash", str(folder)]
    subprocess.run([str(serving.executable), "-m", "compileall", *compiling], check=False)
    return folder


def measure_function(port: int, name: str, code: bytes) -> dict[str, float]:
    """Return the medians of a function's cold starts and restores, milliseconds."""
    client = _client(port)
    client.create_function(
        FunctionName=name,
        Runtime=_RUNTIME,
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/r",
        Code={"ZipFile": code},
        MemorySize=1769,
        Timeout=60,
        SnapStart={"ApplyOn": "PublishedVersions"},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    client.publish_version(FunctionName=name)
    try:
        client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")
    except WaiterError as error:
        raise SystemExit(f"{name}: {error.last_response['StateReason']}") from error
    found: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for qualifier in ("$LATEST", "1"):
            call(port, "POST", f"/_emulator/evict?function={name}")
            time.sleep(0.15)  # what is made ahead of use is made while nobody calls
            began = time.perf_counter()
            answer = client.invoke(
                FunctionName=name,
                Qualifier=qualifier,
                LogType="Tail",
                Payload=json.dumps(_EVENT).encode(),
            )
            waited_ms = (time.perf_counter() - began) * 1000
            payload = json.loads(answer["Payload"].read())
            if payload.get("statusCode") != 200:
                raise SystemExit(f"{name} does not answer: {payload}")
            said = _REPORTED.search(base64.b64decode(answer["LogResult"]).decode())
            if said is None:
                continue  # its INIT took over ten seconds on a busy machine, and was begun anew
            kind = said[1].lower()
            found.setdefault(kind, []).append(float(said[2]))
            found.setdefault(f"{kind}_call", []).append(waited_ms)
    return {kind: round(statistics.median(values), 2) for kind, values in found.items()}


def _client(port: int) -> Any:
    import boto3

    return boto3.client(
        "lambda",
        endpoint_url=f"http://localhost:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def measure() -> dict[str, Any]:
    """Return all figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "functions").mkdir()
        write_functions(folder / "functions", {"hello": _HANDLER})
        packages = install(folder / "packages")
        with emulator(folder / "functions") as (port, _, _):
            figures: dict[str, Any] = {
                "boto3": measure_function(port, "boto3", archive(_BOTO3, None))
            }
            if packages is not None:
                code = archive(_FASTAPI, packages)
                figures["fastapi"] = measure_function(port, "fastapi", code)
    return figures


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    titles = {"boto3": "boto3", "fastapi": "FastAPI, httpx and pydantic (Mangum)"}
    for name, title in titles.items():
        if name not in figures:
            continue
        one = figures[name]
        yield at_most(
            f"SnapStart: restore of a function with {title}, p50", one["restore"], 10, "ms"
        )
        yield Row(f"its INIT without; AWS, published: {_PUBLISHED[name]}", f"{one['init']:,} ms")
        yield Row(
            "what its caller waits for, restored (initialised)",
            f"{one['restore_call']:,} ms ({one['init_call']:,} ms)",
        )


def main() -> None:
    run("snapstart", lambda it: measure())


if __name__ == "__main__":
    main()
