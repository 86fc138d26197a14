"""The benchmark of S3: what puts take, beside a server that does nothing else; in ``make bench``.

The emulator is a process of its own with a state folder, so everything is durable. The floor is a
bare server that writes a body to the disk with its MD5, over the same HTTP.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import load
from tests.benchmarks.bench_invoke import emulator, free_port, memory_kb, wait_for, write_functions
from tests.benchmarks.figures import Figures, Row, at_most, run

_LARGE = 50 << 20
_CONNECTIONS = 8
_SIGNED = (
    "Authorization: AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/s3/aws4_request,"
    " SignedHeaders=host, Signature=0\r\n"
)
_FLOOR = """
import asyncio, hashlib, os, secrets

def add(file, digest, data):
    digest.update(data)
    file.write(data)

def finish(file):
    file.flush()
    os.fsync(file.fileno())

async def app(scope, receive, send):
    digest, more = hashlib.md5(usedforsecurity=False), True
    with open(secrets.token_hex(8), "wb") as file:
        held = bytearray()
        while more:
            message = await receive()
            held += message["body"]
            more = message.get("more_body")
            if len(held) >= 1 << 20 or not more:
                await asyncio.to_thread(add, file, digest, bytes(held))
                held.clear()
        await asyncio.to_thread(finish, file)
    os.unlink(file.name)
    headers = [(b"etag", digest.hexdigest().encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
"""


@contextmanager
def _floor(folder: Path) -> Iterator[int]:
    """Yield the port of the floor."""
    (folder / "put_floor.py").write_text(_FLOOR)
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "put_floor:app", "--port", str(port)),
            *("--lifespan", "off", "--no-access-log", "--log-level", "error"),
            *("--loop", "uvloop", "--http", "httptools"),
        ],
        cwd=folder,
    )
    try:
        wait_for(port, "/", process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _put_ms(port: int, content: bytes) -> float:
    """Return how long the put of an object takes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    name, _, value = _SIGNED.strip().partition(": ")
    began = time.perf_counter()
    connection.request("PUT", "/bucket/large", content, {name: value, "Host": "localhost"})
    response = connection.getresponse()
    response.read()
    took = (time.perf_counter() - began) * 1000
    assert response.status == 200, response.status
    connection.close()
    return took


def _put(size: int) -> bytes:
    head = (
        f"PUT /bucket/small HTTP/1.1\r\nHost: localhost\r\n{_SIGNED}Content-Length: {size}\r\n\r\n"
    )
    return head.encode() + os.urandom(size)


def measure(options: argparse.Namespace) -> Figures:
    """Return medians in milliseconds, and puts a second."""
    content = os.urandom(_LARGE)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "functions"
        folder.mkdir()
        write_functions(folder, {"echo": "def handler(event, context):\n    return event\n"})
        with (
            emulator(folder, "--state", f"{temporary}/state") as (port, pid, _),
            _floor(Path(temporary)) as floor,
        ):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            name, _, value = _SIGNED.strip().partition(": ")
            connection.request("PUT", "/bucket", headers={name: value, "Host": "localhost"})
            assert connection.getresponse().status == 200
            before = memory_kb(pid, "VmHWM")
            # In turns, so that what else the machine does falls on both.
            large: dict[str, list[float]] = {"large_ms": [], "floor_ms": []}
            for _ in range(options.rounds):
                large["large_ms"].append(_put_ms(port, content))
                large["floor_ms"].append(_put_ms(floor, content))
            grown = memory_kb(pid, "VmHWM") - before
            options_of_load = {"connections": _CONNECTIONS, "seconds": options.seconds}
            small = load.run(port, _put(1024), **options_of_load)
            bare = load.run(floor, _put(1024), **options_of_load)
            assert small.errors == bare.errors == 0
    found = {name: round(statistics.median(each), 1) for name, each in large.items()}
    return {
        **found,
        "times_floor": round(found["large_ms"] / found["floor_ms"], 2),
        "grown_mb": round(grown / 1024, 1),
        "small_per_second": round(small.per_second),
        "small_floor_per_second": round(bare.per_second),
    }


def rows(figures: Figures) -> Iterator[Row]:
    """Yield the rows of the table of figures."""
    yield Row("S3: put of 50 MB, durable", f"{figures['large_ms']} ms")
    yield at_most(
        "S3: put of 50 MB, against a bare server that writes it", figures["times_floor"], 1.5, "×"
    )
    yield Row("S3: memory that puts of 50 MB take", f"{figures['grown_mb']} MB")
    rate = figures["small_per_second"]
    name = f"S3: durable puts of 1 KB a second at {_CONNECTIONS} connections"
    yield Row(name, f"{rate:,}", "≥ 1,500", rate >= 1500)
    bare = figures["small_floor_per_second"]
    yield Row("S3: the same on a bare server that writes each to a file", f"{bare:,}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of the load run")
    run("s3", measure, parser)
