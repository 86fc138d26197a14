"""The folder of one emulator's containers."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from emulator.driver.instance import Instance
from emulator.model.errors import ConfigurationError


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


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a file is given to another user")
def test_nobody_else_leads_it_to_a_folder_of_ours(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "0123abcd").mkdir()  # as a folder of an emulator that is no more
    link = tmp_path / "localfaas"
    link.symlink_to("precious")
    os.lchown(link, 65534, 65534)
    instance = Instance(link)
    with pytest.raises(ConfigurationError, match="belongs to user 65534"):
        instance.open()
    assert os.listdir(tmp_path / "precious") == ["0123abcd"]
