"""The whole emulator as a process that can be killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.patience import PATIENCE_S

EMULATOR = """
import asyncio, sys
from pathlib import Path
from emulator.app import Emulator
from emulator.settings import Settings

async def main():
    emulator = Emulator(Settings(port=0, cpu_limit="none", state=Path(sys.argv[1])))
    await emulator.run(on_ready=lambda: print(emulator.port, flush=True))

asyncio.run(main())
"""


class Emulator:
    """A process that serves a state folder."""

    def __init__(self, state: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", EMULATOR, str(state)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        with self.process.stdout:
            self.port = int(self.process.stdout.readline())

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://localhost:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="000000000000",
            aws_secret_access_key="test",
            config=Config(
                retries={"max_attempts": 0}, max_pool_connections=16, read_timeout=PATIENCE_S
            ),
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
