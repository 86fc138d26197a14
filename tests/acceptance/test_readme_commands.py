"""Every command that a README shows is run as it stands there, in its order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT, Up, localfaas_up
from tests.acceptance.test_samples import memory_is_limited
from tests.needs import need
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.slow

#: What makes the place that the other commands run in.
_BEFORE = ("make ", "source ", "eval ", "localfaas up")
#: What each of these prints, of which the README speaks.
_PRINTS = {
    "sample_functions/hello/event.json": '"Hello, Ada!"',
    """invoke hello-node -e '{"name": "you"}'""": '"Hello, you!"',
    'keeps-state -e \'{"customer": "Grace"': '"cart": ["book", "pen"]',
    """invoke times-out -e '{"seconds": 0}'""": '{"calls": 1, "foundInTmp": true}',
    "invoke exits": "exit status 3",
    "invoke raises": '"errorType": "OutOfStock"',
    "allocates-too-much": "signal: killed",
    "logs streams-logs": "line 10 of 10",
    "logs orders": "charged A-1: 20",
    "queue peek orders-dlq": "A-2",
    "queue redrive orders-dlq": "moved 1 of 1 messages",
}


def commands(page: Path) -> list[str]:
    """Return the commands in a page's console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with localfaas_up(ROOT / "sample_functions", "--no-watch") as up:
        yield up


class Shell:
    """Runs commands as somebody does who reads the page, with the emulator at another port."""

    def __init__(self, up: Up, scratch: Path, *, cwd: Path = ROOT) -> None:
        self._cwd = cwd
        self._port = str(up.port)
        self._scratch = scratch
        self._started = 0
        self._environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LOCALFAAS_PORT": self._port,
            "COLUMNS": "200",
            # What the `eval "$(localfaas env)"` of a README does.
            "AWS_ENDPOINT_URL": up.url,
            "AWS_ACCESS_KEY_ID": "localfaas",
            "AWS_SECRET_ACCESS_KEY": "localfaas",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @contextmanager
    def start(self, command: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
        """Start a command; yields it and the file of its output, and ends it if it still runs."""
        self._started += 1
        file = self._scratch / f"output-{self._started}"
        with (
            file.open("w") as output,
            subprocess.Popen(
                ["bash", "-c", "exec " + command.replace("4566", self._port)],
                env=self._environ,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):
            yield process, file
            if process.poll() is None:
                process.terminate()


def expected(command: str) -> str:
    return next((text for part, text in _PRINTS.items() if part in command), "")


@pytest.mark.parametrize(
    "page", ["README.md", "sample_functions/README.md", "sample_functions/orders/README.md"]
)
def test_the_commands_of_a_page_work(page: str, up: Up, tmp_path: Path) -> None:
    need("bash")
    shell = Shell(up, tmp_path)
    ran = [command for command in commands(ROOT / page) if runs_here(command)]
    assert len(ran) >= 3, "the page has commands"
    with ExitStack() as following:
        for command in ran:
            if " -f" in command:  # it goes on while the next one runs
                followed = following.enter_context(shell.start(command))[1]
                continue
            check(shell, command)
        if any(" -f" in command for command in ran):
            (command,) = (each for each in ran if " -f" in each)
            until_printed(followed, expected(command))


def runs_here(command: str) -> bool:
    if command.startswith("curl"):
        need("curl")
    if "hello-node" in command:
        need("node")
    if "allocates-too-much" in command and not memory_is_limited():
        return False
    return not command.startswith(_BEFORE)


def check(shell: Shell, command: str) -> None:
    """Run a command until it prints what it is to print, which may take its time for a queue."""
    end = time.monotonic() + PATIENCE_S
    while True:
        with shell.start(command) as (process, file):
            status = process.wait(PATIENCE_S)
        printed = file.read_text()
        failed = "error: the function failed" in printed
        assert status == (1 if failed else 0), f"{command}\n{printed}"
        assert "Traceback (most recent call last)" not in printed, f"{command}\n{printed}"
        if expected(command) in printed:
            return
        assert time.monotonic() < end, f"{command} never printed {expected(command)}\n{printed}"
        time.sleep(0.5)


def until_printed(file: Path, text: str) -> None:
    until(file.read_text, lambda printed: text in printed)
