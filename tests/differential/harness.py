"""Runs one function under two runtime clients, and tells where they differ.

Each client is a program that speaks to a Runtime API this module plays. What it answers and what
ends up in the log are compared; what must differ (times, addresses, the client's own frames in a
traceback) is taken out first.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from emulator.telemetry.logs import Logs
from emulator.testing import FakeClock

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
#: Seconds a program may take for all it has to do.
_PATIENCE = 60.0
#: The descriptor for framed messages: a copy of the standard output.
LOG_FD = 9
_API = "/2018-06-01/runtime/"


@dataclass
class Outcome:
    """What one run has shown."""

    #: (path, error type, content type, body) of each answer, in order.
    answers: list[tuple[str, ...]]
    #: The log's events.
    log: list[str]
    #: How the program ended by itself; None where it waited for more.
    status: int | None


class _Api(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, events: Sequence[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events = list(enumerate(events))
        self.headers = headers
        self.answers: list[tuple[str, ...]] = []
        #: Set once there is nothing more to do, or nobody to do it.
        self.over = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Api

    def log_message(self, format: str, *args: Any) -> None: ...

    def do_GET(self) -> None:
        if not self.server.events:
            self.server.over.set()
            threading.Event().wait()  # until the program is killed: the thread is a daemon
        number, event = self.server.events.pop(0)
        self._answer(
            200,
            event,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": f"{number:08}-0000-4000-8000-000000000000",
                "Lambda-Runtime-Deadline-Ms": "99999999999999",
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
                **self.server.headers,
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        kind = self.path.removeprefix(_API)
        error_type = self.headers.get("Lambda-Runtime-Function-Error-Type", "")
        if self.trailers:
            error_type = self.trailers.get("Lambda-Runtime-Function-Error-Type", error_type)
        content_type = self.headers.get("Content-Type", "")
        if "error" in kind:
            content_type = ""  # each client has its own, and nobody reads it
        self.server.answers.append(
            (kind, error_type, content_type, body.decode("utf-8", "replace"))
        )
        self._answer(202, b"", {})

    def _body(self) -> bytes:
        self.trailers: dict[str, str] = {}
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            self.trailers[name.title()] = value.strip()
        return b"".join(parts)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def run(
    command: Sequence[str],
    code: Path,
    events: Sequence[bytes],
    environ: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
) -> Outcome:
    """Run ``command`` until it has answered all ``events`` or ended.

    Args:
        command: The runtime client.
        code: The function's folder.
        events: What it is invoked with.
        environ: Its environment, beside what every function has.
        headers: Further headers of each invocation.
    """
    api = _Api(events, headers or {})
    threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    given = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "AWS_REGION": "us-east-1",
        "LAMBDA_TASK_ROOT": str(code),
        "LANG": "en_US.UTF-8",
        "PATH": os.environ["PATH"],
        "TZ": ":UTC",
        **environ,
    }
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$@" {LOG_FD}>&1', "sh", *command],
        cwd=code,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    output = bytearray()
    reader = threading.Thread(target=_read, args=(process.stdout.fileno(), output), daemon=True)
    reader.start()
    watcher = threading.Thread(target=_watch, args=(process, api.over), daemon=True)
    watcher.start()
    try:
        finished = api.over.wait(_PATIENCE)
        status = process.poll()
        assert finished, f"neither answered all nor ended: {bytes(output[-2000:])!r}"
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        process.stdout.close()
        api.shutdown()
        api.server_close()
    return Outcome(api.answers, _events(bytes(output)), status)


def _read(fd: int, output: bytearray) -> None:
    while data := os.read(fd, 65536):
        output += data


def _watch(process: subprocess.Popen[bytes], over: threading.Event) -> None:
    process.wait()
    over.set()


def _events(output: bytes) -> list[str]:
    """Return the log's events that the emulator makes of what was printed."""
    logs = Logs(FakeClock())
    writer = logs.writer("0" * 12, "us-east-1", "g", "s")
    writer.output(output)
    writer.flush()
    group = logs.group("0" * 12, "us-east-1", "g")
    stream = group.streams.get("s")
    return [event.message for event in stream.events] if stream else []


#: What must differ between two runs.
_VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"), "<time>"),
    (re.compile(r"0x[0-9a-f]{6,}"), "<address>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<api>"),
    (re.compile(r"(?<!\S)\S*(?:awslambdaric|localfaas_runtime)/\w+\.py:\d+:"), "<client>:"),
)


def plain(text: str) -> str:
    """Return a text without what varies between runs."""
    for pattern, stands in _VARIES:
        text = pattern.sub(stands, text)
    return text
