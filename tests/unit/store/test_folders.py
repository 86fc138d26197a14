"""What a state folder holds is for its user alone."""

from __future__ import annotations

import stat
from pathlib import Path

from emulator.store.folders import private_folder, private_state
from emulator.store.store import Store


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_the_users_alone(tmp_path: Path) -> None:
    private_state(tmp_path / "state")
    assert _mode(tmp_path / "state") == 0o700
    assert _mode(private_folder(tmp_path / "state" / "code")) == 0o700


def test_an_old_folder_is_put_right(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "code" / "hash").mkdir(parents=True)
    for name in ("lock", "state.db", "state.db-wal", "logs.db"):
        (state / name).touch()
        (state / name).chmod(0o644)
    for folder in (state, state / "code", state / "code" / "hash"):
        folder.chmod(0o755)
    private_state(state)
    assert _mode(state) == _mode(state / "code") == 0o700
    assert {_mode(path) for path in state.iterdir() if path.is_file()} == {0o600}
    # Functions run as other users, and see it where it is mounted for them.
    assert _mode(state / "code" / "hash") == 0o755


def test_a_folder_that_holds_other_things_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "code").mkdir(parents=True)
    (folder / "template.yaml").touch()
    for path in (folder, folder / "code"):
        path.chmod(0o755)
    (folder / "template.yaml").chmod(0o644)
    private_state(folder)
    assert _mode(folder) == 0o755
    assert _mode(folder / "template.yaml") == 0o644
    assert _mode(folder / "code") == 0o700


def test_a_folder_for_everybodys_temporary_files_stays_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    private_state(tmp_path)
    assert _mode(tmp_path) == 0o1777


async def test_databases_are_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state")
    await store.database.write(lambda c: c.execute("DELETE FROM documents"))
    files = list((tmp_path / "state").iterdir())
    assert {path.name for path in files} > {"state.db", "state.db-wal", "state.db-shm", "logs.db"}
    assert {_mode(path) for path in files} == {0o600}
    await store.close()
