"""What becomes of unpacked archives at a start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emulator.code import keeping


def _make(folder: Path, name: str, size: int) -> None:
    (folder / name / "deep").mkdir(parents=True)
    (folder / name / "deep" / "app.py").write_bytes(b"x" * size)


def _kept(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_what_nothing_refers_to_is_removed(tmp_path: Path) -> None:
    _make(tmp_path, "a", 3)
    _make(tmp_path, "old", 3)
    _make(tmp_path, ".unpacking-1", 3)
    assert keeping.sort_out(tmp_path, {"a": 3, "lost": 1}, "boot") == 2
    assert _kept(tmp_path) == {"a"}
    keeping.remove_left(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("boot", ["second", ""])
def test_what_a_power_cut_has_left_incomplete_is_not_trusted(tmp_path: Path, boot: str) -> None:
    """A file system may have a file's name and not yet its content."""
    _make(tmp_path, "whole", 3)
    _make(tmp_path, "cut", 0)
    keeping.mark_whole(tmp_path, "first")
    sizes = {"whole": 3, "cut": 3}
    # The emulator alone was killed: nothing is lost by that.
    assert keeping.sort_out(tmp_path, sizes, "first") == 0
    assert keeping.sort_out(tmp_path, sizes, boot) == 1
    assert _kept(tmp_path) == {"whole"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it can't be told")
def test_this_machine_names_its_boots() -> None:
    assert len(keeping.current_boot()) == 36
