"""Power is cut at thousands of moments, and unsynced sectors are lost or torn: with
``durability = full`` nothing acknowledged is lost and no database is damaged.

``LOCALFAAS_CUTS`` sets how often (20,000 under the slow mark, 400 otherwise).
"""

import asyncio
import os
import random
import sqlite3
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.queues.queue import Queue

apsw = pytest.importorskip("apsw")

from emulator.model.clock import SystemClock  # noqa: E402
from emulator.queues.engine import Engine  # noqa: E402
from emulator.queues.message import Draft  # noqa: E402
from emulator.queues.rules import QueueSettings  # noqa: E402
from emulator.store import connection as connection_module  # noqa: E402
from emulator.store.database import Database  # noqa: E402
from emulator.store.messages import MessageJournal  # noqa: E402

from .power_cuts import Connection, Note, Platter, RecordingDisk  # noqa: E402

pytestmark = pytest.mark.thorough


async def _record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durability: Any) -> list[Any]:
    """Run a load over the recording disk; return its log."""
    disk = RecordingDisk(f"recording-{durability}")
    monkeypatch.setattr(
        connection_module,
        "sqlite3",
        SimpleNamespace(
            connect=lambda path, **options: Connection(str(path), disk.vfs),
            Error=sqlite3.Error,
            Connection=Connection,
        ),
    )
    database = Database.open(tmp_path / "state.db", durability=durability)
    # Checkpoints, which write the database file itself, are to be cut through as well.
    await database.write(lambda c: c.execute("PRAGMA wal_autocheckpoint = 30"))
    engine = await Engine.open(MessageJournal(database), SystemClock())
    dead = await engine.open_queue("dead", QueueSettings())
    settings = QueueSettings(visibility=0.01, dead_letter="dead", max_receives=1)
    queue = await engine.open_queue("orders", settings)
    # Everything before is certain: an emulator that was just made has acknowledged nothing.
    disk.log.append(Note(("start", ())))

    async def send(name: str) -> None:
        for n in range(40):
            bodies = [f"{name}-{n}-{part}-" + "x" * (7 * n % 500) for part in range(1 + n % 3)]
            await queue.send_many([Draft(body) for body in bodies])
            disk.log.append(Note(("sent", bodies)))

    async def receive(source: Queue) -> None:
        for n in range(30):
            got = await source.receive(10, wait=0.01)
            if n % 2 or not got:
                continue
            bodies = [message.body for message in got]
            disk.log.append(Note(("leaving", bodies)))
            await source.delete_many([message.handle for message in got])
            disk.log.append(Note(("deleted", bodies)))

    await asyncio.gather(*[send(f"s{n}") for n in range(4)], receive(queue), receive(dead))
    await engine.close()
    await database.close()
    disk.unregister()
    monkeypatch.undo()
    return disk.log


def _cut_often(log: list[Any], cuts: int, seed: int) -> tuple[int, int]:
    """Return how many acknowledged messages were lost and how many databases were damaged."""
    chance, platter = random.Random(seed), Platter()
    start = log.index(Note(("start", ()))) + 1
    moments = sorted(chance.randrange(start, len(log) + 1) for _ in range(cuts))
    told: dict[str, set[str]] = {"sent": set(), "leaving": set(), "deleted": set()}
    position, lost, damaged = 0, 0, 0
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = Path(folder, "state.db")
        for moment in moments:
            for entry in log[position:moment]:
                if not isinstance(entry, Note):
                    platter.play(entry)
                    continue
                what, bodies = entry.told
                if what in told:
                    told[what].update(bodies)
            position = moment
            for name in ("", "-wal", "-shm", "-journal"):
                Path(f"{path}{name}").unlink(missing_ok=True)
            for name, image in platter.cut(chance).items():
                Path(f"{path}{name}").write_bytes(image)
            found = _read(path)
            if found is None:
                damaged += 1
            else:
                lost += len(told["sent"] - told["leaving"] - found)
                lost += len(told["deleted"] & found)
    return lost, damaged


def _read(path: Path) -> set[str] | None:
    """Return the bodies in a database, None where it is damaged."""
    connection = sqlite3.connect(path)
    try:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            return None
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            # Lost from the very first write on.
            return set()
        return {row[0] for row in connection.execute("SELECT body FROM messages")}
    except sqlite3.DatabaseError:
        return None
    finally:
        connection.close()


async def _survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuts: int) -> None:
    log = await _record(tmp_path, monkeypatch, "full")
    seed = random.randrange(1 << 32)
    lost, damaged = await asyncio.to_thread(_cut_often, log, cuts, seed)
    print(f"seed {seed}: {cuts} cuts over {len(log)} entries, {lost} lost, {damaged} damaged")
    assert (lost, damaged) == (0, 0)


async def test_some_power_cuts_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _survives(tmp_path, monkeypatch, 400)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_many_power_cuts_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _survives(tmp_path, monkeypatch, int(os.environ.get("LOCALFAAS_CUTS", "20000")))


async def test_the_disk_does_lose_what_is_not_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, the tests above could pass on a disk that loses nothing."""
    log = await _record(tmp_path, monkeypatch, "normal")
    lost, damaged = await asyncio.to_thread(_cut_often, log, 200, 1)
    assert lost > 0
    assert damaged == 0
