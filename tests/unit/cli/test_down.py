"""``down`` against stand-ins for an emulator, each a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emulator.cli.application import run
from emulator.cli.commands import down

#: Answers one request, lets go of its port and goes on for a while.
STAND_IN = """
import json, os, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
sys.path.insert(0, {root!r})
from emulator.model.process import namespace

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.dumps({{"in_flight": {in_flight}, "drain_seconds": 1.0, "pid": os.getpid(),
                           "pid_namespace": {namespace}}}).encode()
        self.send_response(202)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Localfaas-Version", "0.0.0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.handle_request()
server.server_close()
time.sleep({lasts_s})
"""


@contextmanager
def stand_in(
    *, lasts_s: float, in_flight: int = 0, namespace: str = "namespace()"
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a stand-in that ends ``lasts_s`` after its port is free; yields it and its URL."""
    code = STAND_IN.format(
        root=os.getcwd(), lasts_s=lasts_s, in_flight=in_flight, namespace=namespace
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child, f"http://127.0.0.1:{child.stdout.readline().strip()}"
        finally:
            child.kill()


@pytest.mark.parametrize("has_pidfd", [True, False])
def test_it_returns_when_the_process_is_gone_not_only_its_port(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, has_pidfd: bool
) -> None:
    if not has_pidfd:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    with stand_in(lasts_s=1.0) as (child, url):
        assert run(["down", "--endpoint", url]) == 0
        # It is a zombie until this test reaps it, which is gone, too.
        assert child.wait(0.2) == 0
    assert capsys.readouterr().err == "ended\n"


def test_it_says_how_long_it_waits_for_calls(capsys: pytest.CaptureFixture[str]) -> None:
    with stand_in(lasts_s=0.0, in_flight=2) as (_, url):
        assert run(["down", "--endpoint", url]) == 0
    told = "note: waiting up to 1 s for 2 calls in flight; Ctrl-C does not wait\n"
    assert capsys.readouterr().err == told + "ended\n"
    with stand_in(lasts_s=0.0, in_flight=2) as (_, url):
        assert run(["down", "--now", "--endpoint", url]) == 0
    assert capsys.readouterr().err == "ended\n"


@pytest.mark.parametrize("options", [[], ["--now"]])
def test_it_says_what_to_do_where_the_emulator_does_not_end(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(down, "_CLOSING_S", 0.1)
    with stand_in(lasts_s=600) as (child, url):
        assert run(["down", *options, "--endpoint", url]) == 1
        assert child.poll() is None
        assert f"end it with `kill -9 {child.pid}`" in capsys.readouterr().err


def test_it_says_where_it_can_not_see_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with stand_in(lasts_s=600, namespace="'elsewhere'") as (child, url):
        assert run(["down", "--endpoint", url]) == 0
        assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    assert "its process runs elsewhere" in capsys.readouterr().err
