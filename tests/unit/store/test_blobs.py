import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import StorageFull
from emulator.store import blobs as blobs_module
from emulator.store.blobs import Blobs


async def test_a_blob_is_found_by_its_hash(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    sha = await blobs.put(b"code")
    assert sha == hashlib.sha256(b"code").hexdigest()
    assert blobs.path(sha).read_bytes() == b"code"
    assert blobs.path(sha).relative_to(tmp_path).parts == (sha[:2], sha[2:4], sha)


async def test_the_same_content_is_kept_once(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    assert await blobs.put(b"code") == await blobs.put(b"code")
    assert sum(len(files) for _, _, files in os.walk(tmp_path)) == 1


async def test_names_are_on_the_disk_before_a_blob_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(blobs_module, "sync_folder", synced.append)
    blobs = Blobs(tmp_path / "blobs")
    sha = await blobs.put(b"code")
    expected = list(blobs.path(sha).parents)[:4]
    assert expected[-1] == tmp_path
    assert synced == expected
    # Another put of the same may be quicker than the first one's end.
    synced.clear()
    await blobs.put(b"code")
    assert synced == expected


async def test_collection_keeps_what_is_referenced(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    kept, lost = await blobs.put(b"kept"), await blobs.put(b"lost")
    half_written = blobs.path(kept).with_name(".tmp1")
    half_written.write_bytes(b"ha")
    assert await blobs.collect({kept}) == 2
    assert blobs.path(kept).exists()
    assert not blobs.path(lost).exists()
    assert not half_written.exists()


async def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        await Blobs(tmp_path).put(b"code")
    assert sum(len(files) for _, _, files in os.walk(tmp_path)) == 0


async def test_a_blob_is_private(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    sha = await blobs.put(b"code")
    assert stat.S_IMODE(blobs.path(sha).stat().st_mode) & 0o077 == 0
