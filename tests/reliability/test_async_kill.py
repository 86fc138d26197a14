"""An acknowledged asynchronous event outlives a SIGKILL of the whole emulator."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.api.conftest import create

EMULATOR = """
import asyncio, sys
from pathlib import Path
from emulator.app import Emulator
from emulator.settings import Settings

async def main():
    emulator = Emulator(Settings(port=0, state=Path(sys.argv[1])))
    await emulator.run(on_ready=lambda: print(emulator.port, flush=True))

asyncio.run(main())
"""


def _start(state: Path) -> tuple[subprocess.Popen[str], Any, Any]:
    process = subprocess.Popen(
        [sys.executable, "-c", EMULATOR, str(state)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        port = int(process.stdout.readline())
    session = boto3.Session("000000000000", "test", region_name="us-east-1")
    config = Config(retries={"max_attempts": 0}, max_pool_connections=16)
    client, sqs = (
        session.client(name, endpoint_url=f"http://localhost:{port}", config=config)
        for name in ("lambda", "sqs")
    )
    return process, client, sqs


def _load(client: Any, prefix: str, acknowledged: set[str]) -> None:
    """Send events until the emulator is gone."""
    for n in range(100_000):
        name = f"{prefix}-{n}"
        try:
            answer = client.invoke(
                FunctionName="hello",
                InvocationType="Event",
                Payload=f'{{"name": "{name}"}}'.encode(),
            )
        except (BotoCoreError, ClientError):
            return
        assert answer["StatusCode"] == 202
        acknowledged.add(name)


def _take_names(sqs: Any, url: str) -> set[str]:
    """Return the names of the events a destination was told of, and forget them."""
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2).get(
        "Messages", []
    )
    if messages:
        entries = [
            {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
            for n, message in enumerate(messages)
        ]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return {json.loads(message["Body"])["requestPayload"]["name"] for message in messages}


# botocore leaves sockets of a peer that was killed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(sys.platform != "linux", reason="the process driver runs on Linux")
def test_no_acknowledged_event_is_lost(tmp_path):
    acknowledged: set[str] = set()
    process, client, sqs = _start(tmp_path / "state")
    try:
        url = sqs.create_queue(QueueName="told")["QueueUrl"]
        create(client)
        client.get_waiter("function_active_v2").wait(FunctionName="hello")
        client.put_function_event_invoke_config(
            FunctionName="hello",
            DestinationConfig={
                "OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:000000000000:told"}
            },
        )
        for kill in range(3):
            with ThreadPoolExecutor(4) as threads:
                for thread in range(4):
                    threads.submit(_load, client, f"{kill}-{thread}", acknowledged)
                time.sleep(0.4)
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
            process, client, sqs = _start(tmp_path / "state")
        assert len(acknowledged) > 20
        told: set[str] = set()
        until = time.monotonic() + 40
        while acknowledged - told and time.monotonic() < until:
            told |= _take_names(sqs, url)
        assert not acknowledged - told
    finally:
        process.kill()
        process.wait()
