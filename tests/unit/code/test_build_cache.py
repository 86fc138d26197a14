"""Where what was installed is kept: what lies there is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.code import build_cache
from emulator.model.errors import ConfigurationError, DriverFault

_OTHER = 65534
_NEEDS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: folders are given to another user"
)


@pytest.fixture(autouse=True)
def _base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("SUDO_UID", "SUDO_GID"):
        monkeypatch.delenv(name, raising=False)


def _others(path: Path) -> None:
    path.mkdir(parents=True)
    os.chown(path, _OTHER, _OTHER)


@_NEEDS_ROOT
@pytest.mark.parametrize("name", ["localfaas", "localfaas/packages"])
async def test_what_another_user_has_put_there_is_not_run(tmp_path: Path, name: str) -> None:
    _others(tmp_path / name)
    own = tmp_path / f"localfaas-{os.getuid()}" / "packages"
    assert build_cache.folder() == own
    async with build_cache.scratch(build_cache.folder()) as scratch:
        assert scratch.parent == own
    with pytest.raises(
        DriverFault, match=r"another user, or others can write to it\. Set XDG_CACHE"
    ):
        async with build_cache.scratch(tmp_path / "localfaas" / "packages"):
            pass


@_NEEDS_ROOT
def test_a_link_of_another_user_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "localfaas").symlink_to("elsewhere")
    assert build_cache.folder() == tmp_path / "localfaas" / "packages"
    os.lchown(tmp_path / "localfaas", _OTHER, _OTHER)
    assert build_cache.folder().parent.name == f"localfaas-{os.getuid()}"


@_NEEDS_ROOT
def test_where_both_names_are_taken_it_says_so(tmp_path: Path) -> None:
    _others(tmp_path / "localfaas")
    _others(tmp_path / f"localfaas-{os.getuid()}")
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        build_cache.folder()


@_NEEDS_ROOT
def test_who_asked_sudo_has_a_cache_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _others(tmp_path / "localfaas")
    monkeypatch.setenv("SUDO_UID", str(_OTHER))
    assert build_cache.folder() == tmp_path / "localfaas" / "packages"
    monkeypatch.setenv("SUDO_GID", str(_OTHER))
    (tmp_path / "localfaas").chmod(0o775)
    assert build_cache.folder() == tmp_path / "localfaas" / "packages"


@pytest.mark.parametrize("value", ["", "-1", "nobody"])
def test_what_is_no_user_id_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SUDO_UID", value)
    (tmp_path / "localfaas").mkdir()
    assert build_cache.folder() == tmp_path / "localfaas" / "packages"


@pytest.mark.parametrize("name", ["localfaas", "localfaas/packages"])
async def test_where_everybody_can_write_nothing_is_run(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / name).chmod(0o777)
    assert build_cache.folder() == tmp_path / f"localfaas-{os.getuid()}" / "packages"
    with pytest.raises(DriverFault, match="others can write to it"):
        async with build_cache.scratch(tmp_path / "localfaas" / "packages"):
            pass
    (tmp_path / name).chmod(0o775)  # by the umask of many machines
    assert build_cache.folder() == tmp_path / "localfaas" / "packages"


@_NEEDS_ROOT
def test_a_group_of_others_is_as_everybody(tmp_path: Path) -> None:
    (tmp_path / "localfaas").mkdir()
    (tmp_path / "localfaas").chmod(0o775)
    os.chown(tmp_path / "localfaas", 0, _OTHER)
    assert build_cache.folder().parent.name == "localfaas-0"


#: Run as a user to whom the cache's parent is closed.
_WITHOUT_A_CACHE = """
import asyncio, concurrent.futures.thread, os
from types import SimpleNamespace

from emulator.code import build_cache
from emulator.code.packages import Packages
from emulator.code.typescript import TypeScript
from emulator.model.errors import DriverFault

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
folder = build_cache.folder()
Packages(lambda runtime: None, console=SimpleNamespace())
TypeScript(console=SimpleNamespace())
assert not build_cache.has(folder / "any")

async def install():
    try:
        async with build_cache.scratch(folder):
            pass
    except DriverFault as fault:
        print(fault)

asyncio.run(install())
"""


@_NEEDS_ROOT
def test_where_the_cache_cannot_be_reached_only_installing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(closed))
    found = subprocess.run(
        [sys.executable, "-c", _WITHOUT_A_CACHE], capture_output=True, text=True, check=True
    )
    assert "no packages can be kept in" in found.stdout
    assert "Permission denied. Set XDG_CACHE_HOME" in found.stdout
