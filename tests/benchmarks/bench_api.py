"""The control plane with much in it: ``python -m tests.benchmarks.bench_api``.

Asks a fresh emulator with one function, then fills it with 1,000 functions and 10,000 versions
through its API, and asks again. What does not grow with them stays what it was.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import load
from tests.benchmarks.bench_invoke import emulator, write_functions
from tests.benchmarks.figures import Row, run

_FUNCTIONS = 1000
_VERSIONS = 10
_PATH = "/2015-03-31/functions"


class Api:
    """One connection to the API."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        self._connection.request(method, path, content, {"Host": "localhost"})
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        return json.loads(text) if text else None


def fill(api: Api) -> float:
    """Create functions and their versions; returns requests a second."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, "def handler(event, context):\n    return event\n")
    code = {"ZipFile": base64.b64encode(buffer.getvalue()).decode()}
    began = time.perf_counter()
    for number in range(_FUNCTIONS):
        name = f"function-{number:04}"
        function = {"FunctionName": name, "Runtime": "python3.12", "Handler": "app.handler"}
        role = "arn:aws:iam::000000000000:role/r"
        api("POST", _PATH, {**function, "Role": role, "Code": code, "Publish": True})
        for version in range(1, _VERSIONS):
            api("PUT", f"{_PATH}/{name}/configuration", {"Description": f"version {version}"})
            api("POST", f"{_PATH}/{name}/versions", {})
    return 2 * _FUNCTIONS * _VERSIONS / (time.perf_counter() - began)


def get(port: int, path: str, seconds: float = 1.5) -> float:
    """Return the median of a GET at one connection, milliseconds."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    result = load.run(port, request, connections=1, seconds=seconds)
    assert not result.errors
    return result.p50


def pages(api: Api, query: str = "") -> tuple[int, int, float]:
    """Walk ListFunctions; returns how many there are, in how many pages, in milliseconds."""
    count, number, marker = 0, 0, ""
    began = time.perf_counter()
    while True:
        following = f"&Marker={marker}" if marker else ""
        body = api("GET", f"{_PATH}/?MaxItems=50{query}{following}")
        count += len(body["Functions"])
        number += 1
        marker = body.get("NextMarker") or ""
        if not marker:
            return count, number, (time.perf_counter() - began) * 1000


def measure() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_functions(Path(folder), {"alone": "def handler(event, context):\n    return 1\n"})
        with emulator(Path(folder), "--transition-seconds", "0") as (port, _, _):
            api = Api(port)
            figures["get_alone_ms"] = round(get(port, f"{_PATH}/alone"), 3)
            figures["fill_per_second"] = round(fill(api))
            figures["get_crowded_ms"] = round(
                get(port, f"{_PATH}/function-0500?Qualifier={_VERSIONS - 3}"), 3
            )
            for name, query in (("list", ""), ("list_all", "&FunctionVersion=ALL")):
                count, number, took = pages(api, query)
                figures[name] = {"count": count, "pages": number, "ms": round(took, 1)}
    return figures


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    yield Row(
        "GetFunction with 1,000 functions and 10,000 versions (with one function), p50",
        f"{figures['get_crowded_ms']} ms ({figures['get_alone_ms']} ms)",
        "no slower",
        figures["get_crowded_ms"] <= 1.2 * figures["get_alone_ms"],
    )
    found = figures["list"]
    yield Row(
        f"ListFunctions of {found['count']:,}, in {found['pages']} pages", f"{found['ms']} ms"
    )


def main() -> None:
    run("api", lambda it: measure())


if __name__ == "__main__":
    main()
