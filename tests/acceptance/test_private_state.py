"""Other users of this machine read nothing of a state folder, and functions run all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.settings import Settings
from tests.api.conftest import Running, create, zip_of

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to be another user"
)

_NOBODY = 65534
#: Prints what it can read of the paths it is given.
_READ = """
import os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for path in sys.stdin.read().splitlines():
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").close()
    except OSError:
        continue
    print(path)
"""


def _readable(paths: list[Path]) -> list[str]:
    """Return those of ``paths`` that another user can read."""
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _READ],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.splitlines()


def _all(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place that other users can come to, and a umask that lets them read."""
    before = os.umask(0o022)
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
    os.umask(before)


def _use(state: Path) -> None:
    running = Running(Settings(port=0, cpu_limit="none", state=state, stem_cells=1))
    try:
        client = running.client("lambda")
        code = zip_of(app__py="def handler(event, context):\n    print('said')\n    return 7\n")
        if not client.list_functions()["Functions"]:
            create(client, Code={"ZipFile": code}, Runtime="python3.11")
        answer = client.invoke(FunctionName="hello")
        assert answer["Payload"].read() == b"7"
        # While it runs, with its sandboxes' disks, sockets and logs.
        paths = _all(state)
        assert {"code", "blobs", "process", "state.db", "logs.db"} <= {path.name for path in paths}
        assert _readable(paths) == []
        # The folder itself is not all that keeps them out.
        state.chmod(0o755)
        assert _readable(paths) == [str(state)]
        state.chmod(0o700)
    finally:
        running.stop()


def test_nobody_else_reads_a_state_folder(folder: Path) -> None:
    (folder / "seen").touch()
    assert _readable([folder / "seen"]), "this test would not notice"
    _use(folder / "state")


def test_a_folder_of_an_earlier_release_is_put_right(folder: Path) -> None:
    state = folder / "state"
    _use(state)
    for path in _all(state):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert len(_readable(_all(state))) > 5
    _use(state)
