"""Many warm invokes leave nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.conftest import localfaas_up
from tests.benchmarks import load
from tests.benchmarks.bench_invoke import descendants

INVOKES = 100_000


def state_of(pid: int) -> dict[str, int]:
    """What a process holds: descriptors, threads, children."""
    return {
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": len(os.listdir(f"/proc/{pid}/task")),
        "processes": len(descendants(pid)),
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts through /proc")
def test_100_000_warm_invokes_leave_nothing_behind(tmp_path):
    (tmp_path / "echo").mkdir()
    (tmp_path / "echo" / "app.py").write_text("def handler(event, context):\n    return event\n")
    (tmp_path / "template.yaml").write_text(
        "Resources:\n  Echo:\n    Type: AWS::Serverless::Function\n    Properties:\n"
        "      FunctionName: echo\n      CodeUri: echo\n      Handler: app.handler\n"
        "      Runtime: python3.12\n      MemorySize: 1769\n"
    )
    request = load.http_post("/2015-03-31/functions/echo/invocations", b'{"a": 1}')

    async def invoke(count: int, connections: int) -> None:
        each = count // connections
        result = await load.run(up.port, request, connections=connections, count=each)
        assert not result.errors
        assert len(result.latencies) == each * connections

    def rested() -> dict[str, int]:
        """The state once every environment has been reaped and the stem cells are back."""
        deadline = time.monotonic() + 30
        before = {}
        while time.monotonic() < deadline:
            time.sleep(0.3)  # the emulator is a process of its own: nothing else tells
            with urllib.request.urlopen(f"{up.url}/_emulator/environments") as answer:
                environments = json.load(answer)
            now = state_of(up.process.pid)
            if not environments and now == before:
                return now
            before = now
        raise AssertionError(f"environments are left after their idle time: {environments}")

    with localfaas_up(tmp_path, "--no-watch", "--quiet", "--idle-timeout", "1") as up:
        # More at once than later: what grows to a bound (threads for blocking calls) has grown.
        asyncio.run(invoke(3_200, 32))
        before = rested()
        asyncio.run(invoke(INVOKES, 8))
        after = rested()
        assert all(after[what] <= before[what] for what in before), (before, after)
