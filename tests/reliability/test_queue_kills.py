"""The emulator's process is killed at random points: nothing acknowledged is lost."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emulator.store.store import Store
from tests.patience import until
from tests.reliability.kills import kills

pytestmark = pytest.mark.thorough

LOAD = Path(__file__).with_name("queue_load.py")
ROOT = Path(__file__).parents[2]


class _Told:
    """What the killed processes had told."""

    def __init__(self) -> None:
        self.tried: set[str] = set()
        self.sent: set[str] = set()
        self.leaving: set[str] = set()
        self.deleted: set[str] = set()

    def read(self, line: bytes) -> None:
        what, _, body = line.decode().rstrip("\n").partition(" ")
        known = {
            "try-send": self.tried,
            "sent": self.sent,
            "try-delete": self.leaving,
            "deleted": self.deleted,
        }
        known.get(what, set()).add(body)


def _run_and_kill(folder: Path, run: Any, least: int, told: _Told) -> None:
    """Kill a process once it has told so much, and anything has been deleted by one."""
    process = subprocess.Popen(
        [sys.executable, LOAD, folder, str(run)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first == f"ready {run}\n".encode()
    # A thread would be killed by nothing; the pipe keeps what was told until it is read.
    os.set_blocking(process.stdout.fileno(), False)
    content = b""

    def enough() -> bool:
        nonlocal content
        content += process.stdout.read() or b""  # type: ignore[union-attr]
        deleted = told.deleted or b"\ndeleted " in content
        return bool(deleted) and content.count(b"\n") >= least

    until(enough)
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.set_blocking(process.stdout.fileno(), True)
    content += process.stdout.read()
    process.stdout.close()
    for line in content.splitlines(keepends=True):
        # The last line may be cut off: then it told nothing.
        if line.endswith(b"\n"):
            told.read(line)


async def _check(folder: Path, told: _Told) -> None:
    """Compare what is on the disk with what was acknowledged."""
    store = Store.open(folder)
    try:
        assert await store.database.check() == []
        rows = await store.database.read(
            lambda c: c.execute("SELECT body, group_id FROM messages ORDER BY position").fetchall()
        )
    finally:
        await store.close()
    bodies = Counter(body for body, _ in rows)
    assert not [body for body, count in bodies.items() if count > 1]
    lost = told.sent - told.leaving - bodies.keys()
    assert not lost, f"{len(lost)} lost, e.g. {sorted(lost)[:3]}"
    assert not told.deleted & bodies.keys()
    assert bodies.keys() <= told.tried
    groups: dict[tuple[str, str], list[str]] = {}
    for body, group in rows:
        if group.startswith("f"):
            groups.setdefault((group, body.split("-")[1]), []).append(body)
    assert all(order == sorted(order) for order in groups.values())


async def _kill_often(tmp_path: Path, kills: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose, told = random.Random(seed), _Told()
    for run in range(kills):
        _run_and_kill(tmp_path, run, choose.randrange(2000), told)
        await _check(tmp_path, told)
    assert told.sent
    assert told.deleted
    print(f"{kills} kills, {len(told.sent)} acknowledged")


@kills(few=5)
async def test_kills_lose_nothing(tmp_path: Path, kills: int) -> None:
    await _kill_often(tmp_path, kills)
