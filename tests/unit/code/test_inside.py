"""Links of archives are followed as a sandbox would follow them, and never on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.code.inside import LeadsElsewhere, is_own, is_there, locate


class World:
    """A function's code and two layers, the first of them uppermost."""

    def __init__(self, folder: Path) -> None:
        self.task, self.upper, self.lower = (folder / name for name in ("task", "upper", "lower"))
        for each in (self.task, self.upper, self.lower):
            each.mkdir()
        self.roots = {"/var/task": [self.task], "/opt": [self.upper, self.lower]}

    def locate(self, place: str) -> Path | None:
        return locate(place, self.roots)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_link_to_a_layer_leads_into_the_layer(world: World) -> None:
    (world.lower / "lib").mkdir()
    (world.lower / "lib/file").write_text("lower")
    (world.task / "there").symlink_to("/opt/lib")
    (world.task / "up").symlink_to("../../opt/lib/file")
    (world.task / "chain").symlink_to("there/../lib/file")
    for place in ("there/file", "up", "chain"):
        assert world.locate(f"/var/task/{place}") == world.lower / "lib/file"
    (world.upper / "lib").mkdir()
    (world.upper / "lib/file").write_text("upper")
    assert world.locate("/var/task/up") == world.upper / "lib/file"


def test_what_is_not_there_is_none(world: World) -> None:
    (world.task / "dangling").symlink_to("/opt/nothing")
    (world.task / "circle").symlink_to("circle")
    for place in ("missing", "dangling", "circle", "missing/../below"):
        assert world.locate(f"/var/task/{place}") is None
        assert not is_there(f"/var/task/{place}", world.roots)


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../etc/passwd", "/var/taskforce", "/dev/zero"]
)
def test_nothing_of_this_machine_is_reached(world: World, target: str) -> None:
    (world.task / "out").symlink_to(target)
    with pytest.raises(LeadsElsewhere):
        world.locate("/var/task/out")
    # The sandbox may have something there.
    assert is_there("/var/task/out", world.roots)
    assert not is_own(world.task / "out", world.task)


def test_a_folder_that_is_a_link_in_one_layer_is_not_followed_on_this_machine(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/file").write_text("of this machine")
    (world.lower / "lib").symlink_to(tmp_path / "host")
    (world.upper / "lib").mkdir()
    assert world.locate("/opt/lib/file") is None
    assert not is_own(world.lower / "lib/file", world.lower)


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 300])
def test_a_name_that_no_file_can_have_is_nowhere(tmp_path: Path, name: str) -> None:
    assert locate(f"/var/task/{name}", {"/var/task": [tmp_path]}) is None
