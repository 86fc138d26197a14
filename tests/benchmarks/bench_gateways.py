"""One function behind one HTTP API, served by localfaas and its neighbours; in ``make bench``.

SAM CLI's ``sam local start-api`` and serverless-offline are the installed clients of ``make
clients``. SAM runs functions in AWS's images. Where those can't be had, ``--sam-stand-in`` builds
one in their place (the Debian of tests/docker_engine.sh with a small runtime client), and the row
says so; without it, the row says why there is no figure. Each call opens a connection of its own.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_invoke import emulator, free_port
from tests.benchmarks.figures import Figures, Row, run
from tests.clients import tools

_HANDLER = 'def handler(event, context):\n    return {"statusCode": 200, "body": "ok"}\n'
_TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.11
      Timeout: 20
      Events:
        Get: {Type: HttpApi, Properties: {Path: "/hello/{id}", Method: GET}}
"""
_SERVERLESS = """\
service: hello
frameworkVersion: "3"
provider: {name: aws, runtime: python3.11}
plugins: [serverless-offline]
functions:
  hello:
    handler: src/app.handler
    events:
      - httpApi: GET /hello/{id}
"""
_IMAGE = "public.ecr.aws/lambda/python:3.11-x86_64"
#: What SAM makes of it.
_RAPID = "public.ecr.aws/lambda/python:3.11-rapid-x86_64"
#: Of tests/docker_engine.sh.
_BASE = "localfaas-test/base:1"
#: What the stand-in has in place of AWS's runtime client.
_BOOTSTRAP = """\
import http.client, importlib, json, os, sys
sys.path.insert(0, "/var/task")
module, _, name = os.environ["_HANDLER"].rpartition(".")
handler = getattr(importlib.import_module(module.replace("/", ".")), name)
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    id, event = answer.getheader("Lambda-Runtime-Aws-Request-Id"), json.loads(answer.read())
    path = f"/2018-06-01/runtime/invocation/{id}/response"
    api.request("POST", path, json.dumps(handler(event, None)))
    api.getresponse().read()
"""
_DOCKERFILE = f"""\
FROM {_BASE}
COPY bootstrap.py /var/runtime/bootstrap.py
RUN printf '#!/bin/sh\\nexec python3 /var/runtime/bootstrap.py\\n' > /var/runtime/bootstrap \
 && chmod +x /var/runtime/bootstrap && mkdir -p /var/task /opt
WORKDIR /var/task
"""


def _call(port: int, host: str) -> float:
    """Return the seconds that one call takes."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/hello/7", headers={"Host": host})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if (answer.status, body) != (200, b"ok"):
        raise RuntimeError(f"{answer.status}: {body[:200]!r}")
    return time.perf_counter() - began


def _measured(port: int, host: str, count: int) -> Figures:
    """Return milliseconds of the first call and of warm ones."""
    first = _call(port, host)
    for _ in range(3):
        _call(port, host)
    times = [_call(port, host) * 1000 for _ in range(count)]
    return {"first_ms": round(first * 1000, 1), "warm_ms": round(statistics.median(times), 2)}


def _localfaas(folder: Path, count: int) -> Figures:
    import boto3

    with emulator(folder) as (port, _, ready_ms):
        client = boto3.client(
            "apigatewayv2", endpoint_url=f"http://localhost:{port}", region_name="us-east-1",
            aws_access_key_id="000000000000", aws_secret_access_key="test",
        )  # fmt: skip
        api_id = client.get_apis()["Items"][0]["ApiId"]
        client.close()
        host = f"{api_id}.execute-api.us-east-1.localhost:{port}"
        return {"ready_ms": round(ready_ms), **_measured(port, host, count)}


def _serverless_offline(folder: Path, count: int) -> Figures:
    home = tools.folder("serverless-offline")
    if not (home / "node_modules" / ".bin" / "serverless").exists():
        return {"missing": "`make clients` installs it"}
    (folder / "serverless.yml").write_text(_SERVERLESS)
    (folder / "node_modules").symlink_to(home / "node_modules")
    port = free_port()
    command = [str(home / "node_modules" / ".bin" / "serverless"), "offline", "start"]
    command += ["--httpPort", str(port), "--lambdaPort", str(free_port())]
    command += ["--noPrependStageInUrl", "--noTimeout"]
    with _serving(command, folder, port) as ready_ms:
        return {"ready_ms": ready_ms, **_measured(port, f"localhost:{port}", count)}


def _sam(folder: Path, count: int, *, stand_in: bool) -> Figures:
    sam = tools.folder("sam") / "bin" / "sam"
    docker = shutil.which("docker")
    if not sam.exists() or docker is None:
        return {"missing": "needs Docker and `make clients`"}
    there = subprocess.run([docker, "image", "inspect", _IMAGE], capture_output=True).returncode
    if there != 0 and not stand_in:
        return {"missing": f"needs {_IMAGE}, which is not here"}
    if there != 0:
        _build_stand_in(docker, folder / "image")
    port = free_port()
    command = [str(sam), "local", "start-api", "--port", str(port), "--skip-pull-image"]
    command += ["--warm-containers", "EAGER", "--template", str(folder / "template.yaml")]
    try:
        with _serving(command, folder, port) as ready_ms:
            found = {"ready_ms": ready_ms, **_measured(port, f"localhost:{port}", count)}
    finally:
        if there != 0:
            subprocess.run([docker, "image", "rm", "-f", _IMAGE, _RAPID], capture_output=True)
    return {**found, "stand_in": there != 0}


def _build_stand_in(docker: str, folder: Path) -> None:
    folder.mkdir()
    (folder / "bootstrap.py").write_text(_BOOTSTRAP)
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    subprocess.run([docker, "build", "-q", "-t", _IMAGE, str(folder)], check=True, timeout=300)


@contextmanager
def _serving(command: list[str], folder: Path, port: int) -> Iterator[int]:
    """Start a server; yield the milliseconds until it takes connections."""
    environ = {
        **os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "SLS_TELEMETRY_DISABLED": "1",
        "SAM_CLI_TELEMETRY": "0", "SLS_INTERACTIVE_SETUP_ENABLE": "0",
    }  # fmt: skip
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env=environ, start_new_session=True,
        )  # fmt: skip
        try:
            while not _answers(port):
                if process.poll() is not None or time.perf_counter() > began + 240:
                    output.seek(0)
                    raise RuntimeError(output.read()[-2000:].decode("utf-8", "replace"))
                time.sleep(0.05)
            yield round((time.perf_counter() - began) * 1000)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _answers(port: int) -> bool:
    try:
        _call(port, f"localhost:{port}")
    except (OSError, http.client.HTTPException, RuntimeError):
        return False
    return True


def measure(options: argparse.Namespace) -> Figures:
    """Return milliseconds, by server."""
    found: Figures = {}
    servers: dict[str, Callable[[Path], Figures]] = {
        "localfaas": lambda folder: _localfaas(folder, options.count),
        "serverless-offline": lambda folder: _serverless_offline(folder, options.count),
        "sam local start-api": lambda folder: _sam(
            folder, options.count, stand_in=options.sam_stand_in
        ),
    }
    for name, serve in servers.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "src").mkdir()
            (folder / "src" / "app.py").write_text(_HANDLER)
            (folder / "template.yaml").write_text(_TEMPLATE)
            try:
                found[name] = serve(folder)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                found[name] = {"missing": f"it failed: {str(error)[-500:]}"}
        print(name, json.dumps(found[name]), flush=True)
    return found


def rows(figures: Figures) -> Iterator[Row]:
    """Yield the rows of the table of figures."""
    for name, each in figures.items():
        if "missing" in each:
            yield Row(f"{name}: a warm call of an HTTP API", f"none: {each['missing']}")
            continue
        what = f"{name}{' (stand-in image)' if each.get('stand_in') else ''}"
        yield Row(f"{what}: a warm call of an HTTP API, connection included", _ms(each["warm_ms"]))
        yield Row(f"{what}: from the command to the first answer", _ms(each["ready_ms"]))


def _ms(value: Any) -> str:
    return f"{value:,} ms"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="warm calls")
    parser.add_argument("--sam-stand-in", action="store_true", help="build SAM's image here")
    run("gateways", measure, parser)
