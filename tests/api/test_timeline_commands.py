"""The commands that show the timeline, against a running emulator."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.application import run
from emulator.settings import Settings
from emulator.testing import ScriptedDriver

from .conftest import Running, create
from .test_admin import ask, get

Shell = Callable[..., str]


@pytest.fixture
def shell(running: Running, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs a command; returns what it printed: notes, then stdout."""

    def call(*words: str, code: int = 0) -> str:
        assert run([*words, "--endpoint", running.url]) == code
        captured = capsys.readouterr()
        return captured.err + captured.out

    return call


def call(running: Running, name: str, **fields: Any) -> None:
    client = running.client("lambda")
    if not get(running, f"functions?function={name}"):
        create(client, name, **fields)
    client.invoke(FunctionName=name, Payload=b'{"find": "needle"}')


def test_invocations_say_which_were_cold_and_why(running: Running, shell: Shell) -> None:
    for _ in range(3):
        call(running, "listed")
    out = shell("invocations", "listed")
    assert out.startswith("note: 3 invocations, 1 cold (33.3%), which cost their callers ")
    lines = out.splitlines()
    assert lines[1].split()[:4] == ["TIME", "FUNCTION", "STATUS", "DURATION"]
    assert "cold" in lines[2]
    assert lines[2].endswith("it is the first call")
    assert len(lines) == 5
    assert "cold" not in lines[3]
    assert len(shell("invocations", "listed", "--cold").splitlines()) == 3
    assert len(shell("invocations", "listed", "--warm").splitlines()) == 4
    assert len(shell("invocations", "listed", "-n", "1").splitlines()) == 3
    assert len(shell("invocations", "listed", "--text", "NEEDLE").splitlines()) == 5
    assert shell("invocations", "listed", "--failed").startswith("note: no invocations since ")
    assert shell("invocations", "listed", "--slow", "60000").startswith("note: no invocations")
    assert len(shell("invocations", "listed", "--since", "10m").splitlines()) == 5
    assert "there is no function nobody" in shell("invocations", "nobody", code=1)
    found = json.loads(shell("invocations", "listed", "--json"))
    assert [each["cold"] for each in found["invocations"]] == [False, False, True]


@pytest.mark.parametrize("span", ["soon", "10 parsecs", "-5m", ""])
def test_a_span_of_time_that_is_none_is_refused(shell: Shell, span: str) -> None:
    assert "is no span of time" in shell("invocations", "--since", span, code=2)


def test_evicted_functions_start_cold(running: Running, shell: Shell) -> None:
    call(running, "evicted")
    assert shell("evict", "evicted") == "note: 1 environment ended\n"
    call(running, "evicted")
    newest = get(running, "invocations?function=evicted")["invocations"][0]
    assert newest["why"] == {
        "cause": "evicted",
        "sentence": "the last environment was evicted: by hand",
    }
    ended = get(running, "timeline?function=evicted")["environments"][0]
    assert (ended["state"], ended["ended_cause"]) == ("stopped", "evicted")
    environment = newest["environment"]
    found = shell("evict", "evicted:$LATEST", "--environment", environment, "--json")
    assert json.loads(found) == {"stopped": 1, "when_done": 0}
    assert "cold anyway" in shell("evict", "evicted")
    assert "There is no function nobody" in shell("evict", "nobody", code=1)
    assert "has no version 7" in shell("evict", "evicted:7", code=1)
    assert "has no environment x" in shell("evict", "evicted", "--environment", "x", code=1)
    assert ask(running, "/_emulator/evict?function=evicted")[0] == 405


def test_the_export_is_the_whole_document(
    running: Running, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.cli.commands.timeline._PAGE", 2)  # three pages
    for _ in range(5):
        call(running, "exported")
    expected = get(running, "timeline?function=exported")
    document = json.loads(shell("timeline", "export", "--function", "exported"))
    assert document["format"] == "localfaas-timeline/1"
    assert document["invocations"] == expected["invocations"]
    assert document["next"] is None
    target = tmp_path / "timeline.json"
    out = shell("timeline", "export", "--function", "exported", "-o", str(target))
    assert out == f"note: 5 invocations and 1 environments in {target}\n"
    assert json.loads(target.read_text())["environments"] == expected["environments"]
    assert "can't be written" in shell("timeline", "export", "-o", str(tmp_path), code=1)


@contextmanager
def called_all_the_time(running: Running, name: str) -> Iterator[None]:
    """Call a function again and again: who begins to follow misses what was before."""
    call(running, name)
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(0.05):
            call(running, name)

    calling = threading.Thread(target=go_on)
    calling.start()
    try:
        yield
    finally:
        ended.set()
        calling.join(60)


@contextmanager
def started(running: Running, *words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A command as its user starts it."""
    command = [sys.executable, "-m", "emulator", *words, "--endpoint", running.url]
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "words",
    [["ps", "watched", "--watch"], ["invocations", "watched:$LATEST", "-f"]],
    ids=lambda words: words[0],
)
def test_following_without_a_terminal_prints_lines(running: Running, words: list[str]) -> None:
    with (
        called_all_the_time(running, "watched"),
        started(running, *words, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            time, _, rest = line.partition(" ")
            assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", time)
            if re.match(r"watched [0-9a-f-]{36} success in ", rest):
                return
    raise AssertionError("it ended")


def test_watching_on_a_terminal_is_a_screen_until_ctrl_c(running: Running) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    with called_all_the_time(running, "shown"):
        options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
        words = ("ps", "shown", "--watch")
        with started(running, *words, env=environ, start_new_session=True, **options) as process:
            os.close(theirs)
            seen = b""
            while not re.search(rb"ENVIRONMENT.*shown.*idle.*success", seen, re.DOTALL):
                seen += os.read(ours, 65536)
            process.send_signal(signal.SIGINT)
            with suppress(OSError):  # the end of a terminal is an error
                while more := os.read(ours, 65536):
                    seen += more
            assert process.wait(60) == 0
    os.close(ours)
    assert b"\x1b[?1049h" in seen  # a screen of its own …
    assert seen.rindex(b"\x1b[?1049l") > seen.rindex(b"\x1b[?1049h")  # … that is gone again


@pytest.mark.thorough
def test_a_record_that_is_full_says_from_when_it_knows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    running = Running(
        Settings(port=0, transition_seconds=0, timeline_mb=1), driver=ScriptedDriver()
    )
    try:
        create(running.client("lambda"), "hello")
        address = running.url.removeprefix("http://")
        connection = HTTPConnection(address, timeout=60)
        for _ in range(1000):
            connection.request("POST", "/2015-03-31/functions/hello/invocations", b"{}")
            connection.getresponse().read()
        connection.close()
        assert run(["invocations", "hello", "--endpoint", running.url]) == 0
        said = capsys.readouterr()
        found = re.search(r"(\d+) invocations since \d\d:\d\d:\d\d, 0 cold", said.err + said.out)
        assert found is not None
        assert int(found[1]) < 1000
        plot = str(tmp_path / "plot.svg")
        assert run(["what-if", "--endpoint", running.url, "--json", "--output", plot]) == 0
        said = capsys.readouterr()
        told = re.search(r"the record is full: (\d+) calls before \d\d:", said.err)
        assert told is not None
        assert int(told[1]) + int(found[1]) == 1000
        predicted = json.loads(said.out)
        assert predicted["scenarios"][0]["cold"] == 0, "the environment is older than the record"
    finally:
        running.stop()
