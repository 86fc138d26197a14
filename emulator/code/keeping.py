"""Cleans the folder of unpacked archives at the start.

A function is acknowledged once its archive is on the disk. The unpacked copy need not be there
yet: it can be made again from the archive.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

#: The prefix of the names of folders that wait for their removal.
_LEFT = ".left-"
#: The file with the id of the boot in which all folders were last found complete.
_BOOT = ".boot"


def current_boot() -> str:
    """Return the id of this machine's current boot; "" where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def sort_out(folder: Path, expected: Mapping[str, int], boot: str) -> int:
    """Set unusable folders of unpacked archives aside. Blocks.

    A folder is unusable if nothing refers to it. After a reboot it is unusable, too, if its files
    are shorter than they were: a power cut came before their content was on the disk.

    Args:
        folder: The folder of unpacked archives, one folder for each.
        expected: The names of the folders in use, with the size of their files, bytes.
        boot: The result of :func:`current_boot`.

    Returns:
        The number of folders that :func:`remove_left` will remove.
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
    """Record that every folder in it is complete, in this boot of the machine."""
    with suppress(OSError):
        (folder / _BOOT).write_text(boot)


def remove_left(folder: Path) -> None:
    """Remove the folders that were set aside. Blocks."""
    for path in folder.glob(f"{_LEFT}*"):
        shutil.rmtree(path, ignore_errors=True)


def _size(folder: Path) -> int:
    """Return the size of all files, bytes."""
    size = 0
    for root, _, files in os.walk(folder):
        for name in files:
            size += os.lstat(os.path.join(root, name)).st_size
    return size
