"""What a killed emulator leaves: its processes end at the next start, its folders after it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.process import ledger
from emulator.driver.process.ledger import Ledger


@pytest.mark.skipif(sys.platform != "linux", reason="tells processes by /proc")
def test_processes_end_before_the_start_and_folders_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, removed = threading.Event(), shutil.rmtree

    def slow(path: Path, **options: Any) -> None:
        assert held.wait(60)
        removed(path, **options)

    (tmp_path / "tmp" / "sandbox").mkdir(parents=True)
    # Of a start that did not live to remove it.
    (tmp_path / "left-0").mkdir()
    with subprocess.Popen(["sleep", "1000"]) as orphan:
        left = {"processes": [[orphan.pid, ledger._started(orphan.pid)]]}
        (tmp_path / "left.json").write_text(json.dumps(left))
        monkeypatch.setattr(shutil, "rmtree", slow)
        opened = Ledger.open(tmp_path)
        assert orphan.wait(60) == -9
    assert not (tmp_path / "tmp").exists(), "free for new sandboxes"
    assert len(list(tmp_path.glob("left-*"))) == 2
    held.set()
    opened.sweeping.join(60)
    assert list(tmp_path.glob("left-*")) == []
    opened.close()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
