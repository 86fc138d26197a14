"""The emulator is killed at random points of a fan-out: what was acknowledged reaches everybody."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.patience import until
from tests.reliability.fanout_load import QUEUES, run
from tests.reliability.kills import kills


class _Runs:
    """Processes that have loaded the emulator before they begin."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["tests.reliability.fanout_load"])

    def start(self, name: str) -> tuple[BaseProcess, Path]:
        said = self._folder / f"said-{name}"
        process = self._processes.Process(target=run, args=(self._folder / "state", name, said))
        process.start()

        def began() -> bool:
            assert process.is_alive()
            return said.exists() and said.read_text().startswith("ready\n")

        until(began)
        return process, said

    def killed(self, name: str, acknowledged: int) -> list[str]:
        """Return what a process had said before it was killed, after some acknowledgements."""
        process, said = self.start(name)
        until(lambda: said.read_text().count("\n") > acknowledged)
        process.kill()
        process.join()
        process.close()
        # The last line may be cut off: then it said nothing.
        return said.read_text().split("\n")[1:-1]

    def drained(self) -> dict[str, Counter[str]]:
        """Return what has reached each queue."""
        process, said = self.start("drain")
        process.join(240)
        lines = said.read_text().splitlines()
        assert lines[-1] == "drained", lines[-3:]
        found: dict[str, Counter[str]] = {name: Counter() for name in QUEUES}
        for line in lines[1:-1]:
            name, _, id = line.partition(" ")
            found[name][id] += 1
        return found


@pytest.mark.slow
@kills(few=12)
def test_kills_lose_nothing(tmp_path: Path, kills: int) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance, runs = random.Random(seed), _Runs(tmp_path)
    acknowledged: dict[str, set[str]] = {"topic": set(), "bus": set()}
    for number in range(kills):
        for line in runs.killed(str(number), chance.randint(0, 150)):
            kind, _, id = line.partition(" ")
            acknowledged[kind].add(id)
    found = runs.drained()
    assert all(acknowledged.values())
    for name in QUEUES:
        wanted = acknowledged["topic" if name.startswith("topic") else "bus"]
        missing = wanted - found[name].keys()
        assert not missing, f"{name} lacks {len(missing)} of {len(wanted)}"
    # Deliveries are conserved: again comes only what was under way when a kill came.
    again = sum(count - 1 for name in QUEUES for count in found[name].values())
    total = sum(found[name].total() for name in QUEUES)
    print(f"{kills} kills, {total} deliveries, {again} of them again")
    assert again <= kills * 40
