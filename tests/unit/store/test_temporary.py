"""Temporary folders: gone with their process, or at the next start after it was killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from emulator.store.temporary import TemporaryFolder

KILLED = """
import os, signal
from emulator.store.temporary import TemporaryFolder
folder = TemporaryFolder.make()
(folder.path / "code").mkdir()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_one_whose_process_was_killed_goes_once_the_next_is_made(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-c", KILLED], check=False, timeout=240)
    (left,) = place.iterdir()
    (left / "code" / "file").touch()
    held, removed = threading.Event(), shutil.rmtree

    def slow(path: Path, **options: Any) -> None:
        assert held.wait(60)
        removed(path, **options)

    monkeypatch.setattr(shutil, "rmtree", slow)
    folder = TemporaryFolder.make()
    assert left.exists(), "no start waits for it"
    held.set()
    folder.sweeping.join(60)
    assert not left.exists()
    assert list(place.iterdir()) == [folder.path]
    folder.remove()


def test_one_whose_process_lives_and_what_is_not_ours_stay(place: Path) -> None:
    (place / "localfaas-0").mkdir()
    (place / "localfaas-run-link").symlink_to(place / "localfaas-0")
    (place / "localfaas-run-file").touch()
    first, second = TemporaryFolder.make(), TemporaryFolder.make()
    assert first.path.is_dir()
    first.remove()
    second.remove()
    assert {path.name for path in place.iterdir()} == {
        "localfaas-0",
        "localfaas-run-link",
        "localfaas-run-file",
    }
