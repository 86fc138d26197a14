"""Packages of package.json: which are wanted, how npm is asked, what its failure says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from emulator.code.packages import Packages
from emulator.model.errors import DriverFault
from emulator.model.function import Code, FunctionVersion
from emulator.testing import RecordingConsole

#: Stands for npm: notes how it was asked, and installs what the package names.
_NPM = """#!/bin/sh
echo "$@" >> "$ASKED"
cat package.json >> "$ASKED"
echo "$npm_config_fetch_retry_maxtimeout" > "$ASKED.ms"
grep -q lost package.json && {
  echo 'npm error code E404' >&2
  echo 'npm error 404 Not Found - lost' >&2
  echo 'npm error A complete log of this run can be found in: /x' >&2
  exit 1
}
! grep -q disagree package.json || case "$*" in *--legacy-peer-deps*) ;; *)
  echo 'npm error code ERESOLVE' >&2
  exit 1 ;;
esac
mkdir -p node_modules/parcel && echo 1 > node_modules/parcel/index.js
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the npm of these tests notes how it was asked."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(_NPM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    return tmp_path / "asked"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "function"
    folder.mkdir()
    return folder


def version(folder: Path, runtime: str = "nodejs22.x") -> FunctionVersion:
    code = Code(sha256="x", size=1, folder=folder, live=True)
    return FunctionVersion(
        account="0" * 12, region="us-east-1", name="orders", runtime=runtime, code=code
    )


def packages(tmp_path: Path, node: Path | None = Path("/usr/bin/node")) -> Packages:
    return Packages(lambda _: node, console=RecordingConsole(), cache=tmp_path / "cache")


def write(folder: Path, **package: object) -> None:
    (folder / "package.json").write_text(json.dumps(package))


async def test_they_are_installed_once_for_each_content(
    folder: Path, tmp_path: Path, asked: Path
) -> None:
    write(
        folder, dependencies={"parcel": "1"}, scripts={"prepare": "tsc"}, devDependencies={"x": "1"}
    )
    first = await packages(tmp_path).layer(version(folder))
    assert first is not None
    assert (first / "nodejs/node_modules/parcel/index.js").exists()
    command, own = asked.read_text().splitlines()
    assert command.startswith("install --no-package-lock --install-links --omit=dev")
    assert json.loads(own) == {"dependencies": {"parcel": "1"}}, "scripts would miss their files"
    assert await packages(tmp_path).layer(version(folder)) == first
    assert len(asked.read_text().splitlines()) == 2, "npm has run once"
    write(folder, dependencies={"parcel": "2"})
    assert await packages(tmp_path).layer(version(folder)) not in (None, first)


async def test_a_lock_is_kept_to(folder: Path, tmp_path: Path, asked: Path) -> None:
    write(folder, dependencies={"parcel": "1"})
    (folder / "package-lock.json").write_text("{}")
    layer = await packages(tmp_path, node=None).layer(version(folder))
    assert layer is not None
    command = asked.read_text().splitlines()[0]
    assert command.startswith("ci --omit=dev")
    assert command.endswith("--os=linux --cpu=x64 --libc=glibc"), "functions run elsewhere"
    assert sorted(path.name for path in (layer / "nodejs").iterdir()) == [
        "node_modules", "package.json",
    ]  # fmt: skip


async def test_folders_beside_the_function_are_found(
    folder: Path, tmp_path: Path, asked: Path
) -> None:
    write(folder, dependencies={"shared": "file:../shared"})
    (folder / "package-lock.json").write_text("{}")
    await packages(tmp_path).layer(version(folder))
    command, own = asked.read_text().splitlines()
    assert command.startswith("install ")
    assert json.loads(own)["dependencies"] == {"shared": f"file:{folder}/../shared"}


async def test_packages_that_do_not_agree_are_installed_as_npm_once_did(
    folder: Path, tmp_path: Path, asked: Path
) -> None:
    write(folder, dependencies={"disagree": "1"})
    assert await packages(tmp_path).layer(version(folder)) is not None
    assert "--legacy-peer-deps" in asked.read_text()


async def test_what_npm_says_is_told(folder: Path, tmp_path: Path, asked: Path) -> None:
    write(folder, dependencies={"lost": "1"})
    with pytest.raises(
        DriverFault,
        match=r"^npm could not install orders/package\.json: code E404; 404 Not Found - lost$",
    ):
        await packages(tmp_path).layer(version(folder))


@pytest.mark.parametrize(("own", "used"), [("", "10000"), ("60000", "60000")])
async def test_a_registry_that_is_away_is_told_soon(
    folder: Path, tmp_path: Path, asked: Path, monkeypatch: pytest.MonkeyPatch, own: str, used: str
) -> None:
    if own:
        monkeypatch.setenv("npm_config_fetch_retry_maxtimeout", own)
    write(folder, dependencies={"parcel": "1"})
    await packages(tmp_path).layer(version(folder))
    assert asked.with_suffix(".ms").read_text().strip() == used


async def test_without_npm_the_way_out_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    write(folder, dependencies={"parcel": "1"})
    with pytest.raises(DriverFault, match="no npm on PATH"):
        await packages(tmp_path).layer(version(folder))


async def test_who_wants_nothing_gets_nothing(folder: Path, tmp_path: Path, asked: Path) -> None:
    assert await packages(tmp_path).layer(version(folder)) is None
    write(folder, devDependencies={"parcel": "1"})
    assert await packages(tmp_path).layer(version(folder)) is None
    write(folder, dependencies={"parcel": "1"})
    assert await packages(tmp_path).layer(version(folder, "python3.12")) is None
    (folder / "node_modules").mkdir()
    assert await packages(tmp_path).layer(version(folder)) is None, "who has their own keeps it"
    assert not asked.exists()


async def test_what_is_no_json_is_said(folder: Path, tmp_path: Path) -> None:
    (folder / "package.json").write_text("{")
    with pytest.raises(DriverFault, match=r"orders/package\.json can't be read"):
        await packages(tmp_path).layer(version(folder))
