"""The folder of unpacked archives over restarts: what is in doubt is unpacked again, the rest goes.

An archive is on the disk before its function is acknowledged; its unpacked copy is not, and need
not be: it is made again from the archive.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

#: Folders that are to be removed start with this.
_LEFT = ".left-"
#: Holds the boot during which the folders here were last known to be whole.
_BOOT = ".boot"


def current_boot() -> str:
    """Return what names the time since this machine started; "" where it can't be told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def sort_out(folder: Path, expected: Mapping[str, int], boot: str) -> int:
    """Set aside what is of no use in the folder of unpacked archives; blocks.

    That is what nothing refers to, and, after the machine has restarted, what a power cut has
    left incomplete: files whose content never came to the disk are shorter then.

    Args:
        folder: Each archive is unpacked in a folder of its own here.
        expected: The names of the folders that are needed, and their content's size, bytes.
        boot: As :func:`current_boot` says.

    Returns:
        How many folders :func:`remove_left` will remove.
    """
    marker = folder / _BOOT
    with suppress(OSError):
        in_doubt = not boot or not marker.is_file() or marker.read_text() != boot
        for path in list(folder.iterdir()):
            if path.name == _BOOT or path.name.startswith(_LEFT):
                continue
            wanted = expected.get(path.name)
            if wanted is None or (in_doubt and _size(path) < wanted):
                path.rename(folder / f"{_LEFT}{secrets.token_hex(8)}")
    return sum(1 for _ in folder.glob(f"{_LEFT}*"))


def mark_whole(folder: Path, boot: str) -> None:
    """Remember that what is in the folder was found, or made, whole since the machine started."""
    with suppress(OSError):
        (folder / _BOOT).write_text(boot)


def remove_left(folder: Path) -> None:
    """Remove what was set aside; blocks."""
    for path in folder.glob(f"{_LEFT}*"):
        shutil.rmtree(path, ignore_errors=True)


def _size(folder: Path) -> int:
    """Return the size of all files, bytes."""
    size = 0
    for root, _, files in os.walk(folder):
        for name in files:
            size += os.lstat(os.path.join(root, name)).st_size
    return size
