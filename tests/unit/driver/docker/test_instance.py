"""The folder of one emulator's containers."""

from __future__ import annotations

import stat
from pathlib import Path

from emulator.driver.instance import Instance


def test_other_users_do_not_reach_sockets_and_disks(tmp_path: Path) -> None:
    """Those of an earlier release could: its folder is closed, too."""
    directory = tmp_path / "localfaas"
    directory.mkdir(mode=0o755)
    instance = Instance(directory)
    instance.open()
    try:
        for folder in (directory, instance.folder):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        instance.close()
