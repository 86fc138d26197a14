"""The command itself, started as a user starts it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.patience import PATIENCE_S, until

ROOT = Path(__file__).parents[2]
EMULATOR = (sys.executable, "-m", "emulator")

# A function held to 7 % of a CPU runs into its time-out where other work takes the caches from it.
os.environ.setdefault("LOCALFAAS_CPU_LIMIT", "none")


@dataclass
class Up:
    """A running ``localfaas up``."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def client(self, service: str = "lambda") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, read_timeout=PATIENCE_S),
        )

    def aws(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the AWS CLI against it."""
        environ = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        }
        return subprocess.run(
            [sys.executable, "-m", "awscli", "--endpoint-url", self.url, *words],
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )


#: Ports that no one is given who asks for any: each worker of a run has some of its own.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
_PORTS = range(20_000 + 1000 * _WORKER, 21_000 + 1000 * _WORKER)
#: What was handed out, and may be taken at any time.
_given: set[int] = set()


def free_port() -> int:
    """Return a port free on every address, which nobody else is given."""
    for port in random.sample(_PORTS, len(_PORTS)):
        if port not in _given:
            with suppress(OSError), socket.socket() as probe:
                probe.bind(("", port))
                _given.add(port)
                return port
    raise AssertionError("all ports are taken")


@contextmanager
def localfaas_up(
    folder: Path, *options: str, before: Sequence[str] = (), cwd: Path | None = None
) -> Iterator[Up]:
    """Run ``localfaas up FOLDER``, behind the words ``before``, until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [*before, *EMULATOR, "up", str(folder), "--port", str(port), *options],
        stdout=subprocess.DEVNULL,
        cwd=cwd,
    )

    def answers() -> bool:
        assert process.poll() is None, "it ended before it answered"
        try:
            urllib.request.urlopen(f"http://localhost:{port}/2015-03-31/functions/").close()
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    try:
        until(answers)
        yield Up(process, port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)


@pytest.fixture(scope="session")
def samples_up() -> Iterator[Up]:
    """The emulator with the sample functions, as ``make up`` starts it."""
    with localfaas_up(ROOT / "sample_functions", "--no-watch") as up:
        yield up
