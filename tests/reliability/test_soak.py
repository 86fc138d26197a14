"""Many warm invokes leave nothing behind."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.conftest import localfaas_up
from tests.benchmarks import load
from tests.benchmarks.bench_invoke import descendants
from tests.patience import PATIENCE_S

INVOKES = 100_000


def state_of(pid: int) -> Counter[str]:
    """What a process holds: descriptors by what they are, threads, children."""
    held = Counter(_kind(Path(f"/proc/{pid}/fd", fd)) for fd in os.listdir(f"/proc/{pid}/fd"))
    held["threads"] = len(os.listdir(f"/proc/{pid}/task"))
    held["processes"] = len(descendants(pid))
    return held


def _kind(descriptor: Path) -> str:
    try:
        target = str(descriptor.readlink())
    except FileNotFoundError:
        return "gone"
    return re.sub(r"[0-9a-f]*\d[0-9a-f]*", "#", target)


@pytest.mark.soak
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts through /proc")
def test_100_000_warm_invokes_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "echo").mkdir()
    (tmp_path / "echo" / "app.py").write_text("def handler(event, context):\n    return event\n")
    (tmp_path / "template.yaml").write_text(
        "Resources:\n  Echo:\n    Type: AWS::Serverless::Function\n    Properties:\n"
        "      FunctionName: echo\n      CodeUri: echo\n      Handler: app.handler\n"
        "      Runtime: python3.12\n      MemorySize: 1769\n"
    )
    request = load.http_post("/2015-03-31/functions/echo/invocations", b'{"a": 1}')

    def invoke(count: int, connections: int) -> None:
        each = count // connections
        result = load.run(up.port, request, connections=connections, count=each)
        assert not result.errors
        assert len(result.latencies) == each * connections

    def rested() -> Counter[str]:
        """The state once every environment has been reaped and the stem cells are back."""
        deadline = time.monotonic() + PATIENCE_S
        before: Counter[str] = Counter()
        while time.monotonic() < deadline:
            with urllib.request.urlopen(f"{up.url}/_emulator/environments") as answer:
                environments = json.load(answer)
            # The emulator is a process of its own: nothing else tells, also of when it has
            # closed the connection of this question.
            time.sleep(0.3)
            now = state_of(up.process.pid)
            if not environments and now == before:
                return now
            before = now
        raise AssertionError(f"environments are left after their idle time: {environments}")

    with localfaas_up(tmp_path, "--no-watch", "--quiet", "--idle-timeout", "1") as up:
        # More at once than later: what grows to a bound (threads for blocking calls) has grown.
        invoke(3_200, 32)
        before = rested()
        invoke(INVOKES, 8)
        after = rested()
        assert after <= before, after - before
