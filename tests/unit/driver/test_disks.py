"""A disk for /tmp that could not be made leaves nothing: the one below may be full."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.driver import disks
from emulator.driver.disks import Disks
from emulator.model.errors import DriverFault


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Disks]:
    made = Disks(tmp_path / "disks")
    yield made
    made.close()


async def test_a_copy_that_finds_no_room_is_removed(
    made: Disks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "disks"
    folder.mkdir()
    (folder / "512.ext4").touch()
    monkeypatch.setattr(disks, "_copy_sparse", full)
    with pytest.raises(DriverFault, match="No space left"):
        await made.make(512)
    assert [path.name for path in folder.iterdir()] == ["512.ext4"]


async def test_a_file_system_that_can_not_be_made_says_why(
    made: Disks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkfs = tmp_path / "mkfs"
    mkfs.write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    mkfs.chmod(0o755)
    monkeypatch.setattr(made, "_mkfs", str(mkfs))
    with pytest.raises(DriverFault, match="no disk for /tmp: no room"):
        await made.make(512)
    assert list((tmp_path / "disks").iterdir()) == []
