"""A function's folder that is its owner's alone (``mktemp -d``, a umask of 077) is read by it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import DriverFault
from emulator.settings import Settings
from tests.api.conftest import Running
from tests.contract import docker_engine
from tests.contract.conftest import PROCESS_ONLY, make_process_driver
from tests.contract.sandboxes import make_spec

_TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  One:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: one/}
  Two:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: two/}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: fn
      CodeUri: fn/
      Handler: app.handler
      Runtime: python3.11
      Layers: [!Ref One, !Ref Two]
"""
_HANDLER = """
import os, deep.module, one, two

def handler(event, context):
    found = {"deep": deep.module.NAME, "one": one.NAME, "two": two.NAME}
    found["data"] = open("data").read()
    if os.environ["LAMBDA_TASK_ROOT"] == "/var/task":
        for attempt in ("/var/task/app.py", "/var/task/new", "/opt/python/one.py"):
            try:
                open(attempt, "a").close()
                found[attempt] = "written"
            except OSError:
                pass
    found["run"] = os.listdir("/run")
    return found
"""


def _make(folder: Path) -> None:
    files = {
        "template.yaml": _TEMPLATE,
        "fn/app.py": _HANDLER,
        "fn/data": "data",
        "fn/deep/module.py": "NAME = 'deep'\n",
        "one/python/one.py": "NAME = 'one'\n",
        "two/python/two.py": "NAME = 'two'\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _modes(folder: Path) -> dict[str, tuple[int, int]]:
    found = [path for path in folder.rglob("*") if "__pycache__" not in path.parts]
    status = {str(path.relative_to(folder)): path.lstat() for path in found}
    return {name: (stat.S_IMODE(each.st_mode), each.st_uid) for name, each in status.items()}


def _invoke(running: Running) -> dict[str, Any]:
    answer = running.client("lambda").invoke(FunctionName="fn", Payload=b"{}")
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


def _chown(folder: Path, uid: int) -> None:
    subprocess.run(["chown", "-R", f"{uid}:{uid}", str(folder)], check=True)


@PROCESS_ONLY
@pytest.mark.parametrize("private", ["all", "function", "one", "inner file", "another user's"])
def test_whatever_the_modes_are(kind: str, tmp_path: Path, private: str) -> None:
    if private == "another user's" and os.geteuid() != 0:
        pytest.skip("needs root, to give a folder away")
    if private == "another user's" and kind != "process-root":
        pytest.skip("who is not root can't read what is another user's alone")
    folder, state = tmp_path / "folder", tmp_path / "state"
    _make(folder)
    closed = {
        "all": [folder, *folder.rglob("*")],
        "another user's": [folder, *folder.rglob("*")],
        "function": [folder / "fn"],
        "one": [folder / "one"],
        "inner file": [folder / "fn/deep/module.py"],
    }[private]
    for path in closed:
        path.chmod(path.stat().st_mode & 0o700)
    if private == "another user's":
        _chown(folder, 12345)
    before = _modes(folder)
    driver = make_process_driver(kind, state, stem_cells=1)
    running = Running(
        Settings(port=0, cpu_limit="none", functions=(folder,), watch=False), driver=driver
    )
    try:
        found = _invoke(running)
        # Where layers were joined nothing is left.
        assert not {"0", "1"}.intersection(found.pop("run"))
        assert found == {name: name for name in ("deep", "one", "two", "data")}
        assert not [note for note in running.emulator.notes if "can't read" in note]
    finally:
        running.stop()
    # Nothing of the host was changed.
    assert _modes(folder) == before


@pytest.mark.docker
@pytest.mark.xdist_group("docker")
def test_in_containers(tmp_path: Path) -> None:
    docker_engine.need_engine()
    folder = tmp_path / "folder"
    _make(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    before = _modes(folder)
    driver = docker_engine.make_driver()
    running = Running(
        Settings(port=0, cpu_limit="none", functions=(folder,), watch=False), driver=driver
    )
    try:
        assert _invoke(running)["deep"] == "deep"
    finally:
        running.stop()
    assert _modes(folder) == before


def test_what_can_not_be_read_is_named_at_the_start(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give files away")
    folder = tmp_path / "folder"
    _make(folder)
    for name, uid in (("data", 12345), ("deep", 12345), ("app.py", 0)):
        (folder / "fn" / name).chmod(0o700 if name == "deep" else 0o600)
        os.chown(folder / "fn" / name, uid, uid)
    driver = make_process_driver("process-root", tmp_path / "state", stem_cells=0)
    running = Running(
        Settings(port=0, cpu_limit="none", functions=(folder,), watch=False), driver=driver
    )
    try:
        notes = [note for note in running.emulator.notes if "can't read" in note]
        assert notes == ["fn: a function can't read these (see their modes): data, deep"]
    finally:
        running.stop()


def test_where_a_folder_can_not_be_shown_otherwise_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On file systems whose owners the kernel can't translate. This one has none: it is /proc's."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    from emulator.driver.process.launch import ProcessLaunch

    driver = make_process_driver("process-root", tmp_path / "state", stem_cells=0)
    order = ProcessLaunch.order

    def with_another_source(launch: ProcessLaunch, limits: dict[str, int]) -> dict[str, Any]:
        found = order(launch, limits)
        found["mounts"] = [["ro", "/proc/self", "/var/task"]]
        found["private"] = ["/proc/self"]
        return found

    monkeypatch.setattr(ProcessLaunch, "order", with_another_source)
    folder = tmp_path / "folder"
    _make(folder)
    running = Running(
        Settings(port=0, cpu_limit="none", functions=(folder,), watch=False), driver=driver
    )
    try:
        assert "chmod -R go+rX /proc/self" in str(_invoke(running))
    finally:
        running.stop()


async def test_a_folder_that_can_not_be_used_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = make_process_driver("process-none", tmp_path / "state", stem_cells=0)
    await driver.open()
    monkeypatch.setattr(os, "access", lambda *arguments, **options: False)
    try:
        with pytest.raises(DriverFault, match="can't be read by this user"):
            await driver.start(make_spec(tmp_path))
        with pytest.raises(DriverFault, match="is not there"):
            await driver.start(make_spec(tmp_path / "missing"))
    finally:
        await driver.close()
