"""The benchmark of APIs: what a gateway costs beside the plain invoke; in ``make bench``.

A function behind an HTTP API is called in turns with the same function by Invoke, whose payload is
the event that the API makes. Routing is measured with ten and with a thousand routes. WebSockets
are opened, and the memory that each takes is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3

from tests.benchmarks import load
from tests.benchmarks.bench_invoke import cpu_seconds, emulator, memory_kb, write_functions
from tests.benchmarks.figures import Figures, Row, at_most, run

_HANDLER = 'def handler(event, context):\n    return {"statusCode": 200, "body": "ok"}\n'
_INVOKE = "/2015-03-31/functions/answers/invocations"
_ARN = "arn:aws:lambda:us-east-1:000000000000:function:answers"
_TIME = re.compile(rb"(\d{13}(?:\.\d+)?)\n")
#: Chunks of each stream.
_CHUNKS = 40
_EVENT = Path(__file__).parents[2] / "emulator" / "sample_events" / "http-api.json"


def _http_api(client: Any, routes: int) -> str:
    """Create an API with this many routes to one function, and return its id."""
    api_id: str = client.create_api(Name=f"routes-{routes}", ProtocolType="HTTP")["ApiId"]
    integration = client.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=_ARN,
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    for number in range(routes):
        key = f"GET /things{number}/{{id}}"
        client.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration}")
    client.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    return api_id


def _get(api_id: str, path: str) -> bytes:
    host = f"{api_id}.execute-api.us-east-1.localhost"
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\n\r\n".encode()


def _cost_us(port: int, pid: int, request: bytes, count: int) -> float:
    """Return the CPU of the emulator for one request, microseconds."""
    before = cpu_seconds(pid)[0]
    result = load.run(port, request, connections=1, count=count)
    assert result.errors == 0, "a request failed"
    return (cpu_seconds(pid)[0] - before) / len(result.latencies) * 1e6


def _open_websockets(port: int, pid: int, client: Any, count: int) -> float:
    """Open connections, and return the memory that each takes, KB."""
    api_id = client.create_api(
        Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    client.create_route(ApiId=api_id, RouteKey="quiet")
    client.create_stage(ApiId=api_id, StageName="dev", AutoDeploy=True)
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET /dev HTTP/1.1\r\nHost: {api_id}.execute-api.us-east-1.localhost\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()
    with ExitStack() as stack:

        def connect() -> None:
            link = stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
            link.sendall(request)
            assert link.recv(4096).startswith(b"HTTP/1.1 101")

        connect()  # the first one imports what all need
        before = memory_kb(pid, "VmRSS")
        for _ in range(count):
            connect()
        return (memory_kb(pid, "VmRSS") - before) / count


#: Writes the time, again and again: what arrives later than it says was on its way so long.
_STREAMS = """
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  for (let n = 0; n < 40; n += 1) {
    stream.write(`${performance.timeOrigin + performance.now()}\\n`);
    await pause(25);
  }
  stream.end();
});
"""


def _stream_ms(folder: Path, streams: int) -> tuple[float, int]:
    """Return how long a chunk of a stream is on its way, and how many streams were open at once."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.js").write_text(_STREAMS)
    properties = {
        "FunctionName": "streams",
        "CodeUri": "src",
        "Handler": "app.handler",
        "Runtime": "nodejs22.x",
        "Timeout": 60,
        "FunctionUrlConfig": {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"},
    }
    resource = {"Type": "AWS::Serverless::Function", "Properties": properties}
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"S": resource}}
    (folder / "template.json").write_text(json.dumps(template))
    with emulator(folder / "template.json", "--max-environments", str(streams + 8)) as (port, _, _):
        client = boto3.client(
            "lambda",
            endpoint_url=f"http://localhost:{port}",
            region_name="us-east-1",
            aws_access_key_id="000000000000",
            aws_secret_access_key="test",
        )
        url = client.get_function_url_config(FunctionName="streams")["FunctionUrl"]
        client.close()
        host = url.removeprefix("http://").rstrip("/")
        request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        late: list[float] = []
        asyncio.run(_read_stream(port, request, []))  # a cold start is not what is measured
        for _ in range(5):
            asyncio.run(_read_stream(port, request, late))

        async def many() -> int:
            ended = await asyncio.gather(*(_read_stream(port, request, []) for _ in range(streams)))
            return sum(ended)

        return statistics.median(late), asyncio.run(many())


async def _read_stream(port: int, request: bytes, late: list[float]) -> bool:
    """Read a stream to its end, note how late its chunks are, and say whether it was whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    data, seen = b"", 0
    while not data.endswith(b"0\r\n\r\n"):
        chunk = await reader.read(65536)
        if not chunk:
            break
        now = time.time() * 1000
        data += chunk
        # A read may end within a number: it counts once the rest of its line is there.
        written = _TIME.findall(data)
        late += [now - float(text) for text in written[seen:]]
        seen = len(written)
    writer.close()
    return seen == _CHUNKS


def measure(options: argparse.Namespace) -> Figures:
    """Return CPU in microseconds, and memory in KB."""
    event = json.dumps(json.loads(_EVENT.read_text())).encode()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_functions(folder, {"answers": _HANDLER})
        with emulator(folder) as (port, pid, _):
            client = boto3.client(
                "apigatewayv2",
                endpoint_url=f"http://localhost:{port}",
                region_name="us-east-1",
                aws_access_key_id="000000000000",
                aws_secret_access_key="test",
            )
            few, many = _http_api(client, 10), _http_api(client, 1000)
            requests = {
                "invoke_us": load.http_post(_INVOKE, event),
                "few_us": _get(few, "/things9/1"),
                "many_us": _get(many, "/things999/1"),
            }
            for request in requests.values():
                _cost_us(port, pid, request, 300)
            costs: dict[str, list[float]] = {name: [] for name in requests}
            # In turns, so that what else the machine does falls on all.
            for _ in range(options.rounds):
                for name, request in requests.items():
                    costs[name].append(_cost_us(port, pid, request, options.count))
            kilobytes = _open_websockets(port, pid, client, options.websockets)
            client.close()
        first_ms, open_at_once = _stream_ms(folder / "streaming", options.streams)
    found = {name: round(statistics.median(each), 1) for name, each in costs.items()}
    return {
        **found,
        "times_invoke": round(found["few_us"] / found["invoke_us"], 2),
        "times_few": round(found["many_us"] / found["few_us"], 2),
        "stream_ms": round(first_ms, 2),
        "streams": options.streams,
        "streams_whole": open_at_once,
        "websockets": options.websockets,
        "websocket_kb": round(kilobytes, 1),
    }


def rows(figures: Figures) -> Iterator[Row]:
    """Yield the rows of the table of figures."""
    yield Row("HTTP API: CPU of a warm call", f"{figures['few_us']:,} µs")
    yield at_most(
        "HTTP API: the same, against Invoke with its event", figures["times_invoke"], 1.25, "×"
    )
    yield at_most(
        "HTTP API: a call among 1,000 routes, against one among 10", figures["times_few"], 1.1, "×"
    )
    yield at_most(
        "Stream of a function: from its write to the client", figures["stream_ms"], 5, "ms"
    )
    wanted, whole = figures["streams"], figures["streams_whole"]
    yield Row(f"Streams that were whole, of {wanted} at once", str(whole), "all", whole == wanted)
    name = f"WebSocket API: memory of each of {figures['websockets']:,} connections"
    yield Row(name, f"{figures['websocket_kb']} KB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=1500, help="calls in each round")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--websockets", type=int, default=1000)
    run("http", measure, parser)
