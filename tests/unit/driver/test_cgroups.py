"""Control groups against folders that look like the kernel's."""

from __future__ import annotations

import errno
from contextlib import nullcontext
from pathlib import Path

import pytest

from emulator.driver import cgroups, hierarchies
from emulator.driver.cgroups import CPU_PERIOD, Cgroups, Group, cpu_quota, unique_folders
from emulator.model.sandbox import EnvironmentSpec


def spec(memory_mb: int, *, cpus: float | None = None, limit_cpu: bool = True) -> EnvironmentSpec:
    return EnvironmentSpec(
        environment_id="0" * 32,
        function_name="f",
        function_version="$LATEST",
        runtime="python3.12",
        handler="app.handler",
        code=None,
        memory_mb=memory_mb,
        cpus=cpus,
        limit_cpu=limit_cpu,
    )


def test_a_whole_cpu_at_1769_mb() -> None:
    assert cpu_quota(spec(1769)) == CPU_PERIOD
    assert cpu_quota(spec(3538)) == 2 * CPU_PERIOD
    assert cpu_quota(spec(128)) == 1447
    assert cpu_quota(spec(128, cpus=2.0)) == 2 * CPU_PERIOD


def test_never_less_than_the_kernel_takes() -> None:
    assert cpu_quota(spec(1)) == 1000


def test_no_quota_where_cpu_is_not_limited() -> None:
    assert cpu_quota(spec(128, limit_cpu=False)) is None
    assert cpu_quota(spec(128, cpus=2.0, limit_cpu=False)) is None


def test_throttling_is_counted_in_both_versions(unified: Group, tmp_path: Path) -> None:
    assert unified.throttled_s() == 0.0, "the kernel counts none without a quota"
    (tmp_path / "cpu.stat").write_text("usage_usec 1\nnr_throttled 3\nthrottled_usec 2400000\n")
    assert unified.throttled_s() == 2.4
    (tmp_path / "cpu.stat").write_text("nr_periods 9\nnr_throttled 3\nthrottled_time 1300000000\n")
    assert Group({"cpu": tmp_path}, unified=False).throttled_s() == 1.3
    assert Group({"memory": tmp_path}, unified=False).throttled_s() == 0.0
    assert Group({"": tmp_path / "gone"}, unified=True).throttled_s() == 0.0


@pytest.fixture
def unified(tmp_path: Path) -> Group:
    for name in ("memory.max", "memory.swap.max", "cpu.max", "pids.max", "cgroup.freeze"):
        (tmp_path / name).write_text("max\n")
    (tmp_path / "memory.peak").write_text("4096\n")
    (tmp_path / "memory.current").write_text("1024\n")
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (tmp_path / "cgroup.procs").write_text("12\n13\n")
    return Group({"": tmp_path}, unified=True)


def test_version_2_limits(unified: Group, tmp_path: Path) -> None:
    unified.limit(memory=1 << 20, pids=10)
    unified.limit_cpu(2000)
    assert (tmp_path / "memory.max").read_text() == str(1 << 20)
    assert (tmp_path / "memory.swap.max").read_text() == "0"
    assert (tmp_path / "cpu.max").read_text() == f"2000 {CPU_PERIOD}"
    assert (tmp_path / "pids.max").read_text() == "10"


def test_version_2_figures(unified: Group, tmp_path: Path) -> None:
    assert unified.memory_peak() == 4096
    assert unified.memory() == 1024
    assert unified.out_of_memory_kills() == 2
    assert unified.cpu_seconds() == 1.5
    assert unified.pids() == [12, 13]
    assert unique_folders(unified) == [str(tmp_path)]


def test_version_2_of_a_group_within_a_containers(tmp_path: Path) -> None:
    inner = tmp_path / "libpod-abc.scope" / "container"
    inner.mkdir(parents=True)
    (inner.parent / "cgroup.procs").write_text("")
    (inner / "cgroup.procs").write_text("7\n8\n")
    group = Group({"": inner}, unified=True).around("abc")
    assert group.folders == {"": inner.parent}
    assert sorted(group.pids()) == [7, 8]
    assert group.around("nobody").folders == group.folders


def test_version_2_freezes(unified: Group, tmp_path: Path) -> None:
    assert unified.can_freeze
    unified.freeze()
    assert (tmp_path / "cgroup.freeze").read_text() == "1"
    unified.thaw()
    assert (tmp_path / "cgroup.freeze").read_text() == "0"


_VERSION_1 = (
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "cpu.cfs_period_us",
    "cpu.cfs_quota_us",
    "pids.max",
)


def test_version_1_limits(tmp_path: Path) -> None:
    for name in _VERSION_1:
        (tmp_path / name).touch()
    group = Group(
        {"memory": tmp_path, "cpu": tmp_path, "freezer": tmp_path, "pids": tmp_path}, unified=False
    )
    group.limit(memory=4096, pids=5)
    group.limit_cpu(1000)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {
        "memory.limit_in_bytes": "4096",
        "memory.memsw.limit_in_bytes": "4096",
        "cpu.cfs_period_us": str(CPU_PERIOD),
        "cpu.cfs_quota_us": "1000",
        "pids.max": "5",
    }


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.EACCES])
def test_version_1_takes_no_larger_share_than_the_group_above_has(
    tmp_path: Path, refusal: int
) -> None:
    """As in a container that has half a CPU, whose functions would have a whole one."""

    class Inner(Group):
        def _write(self, controller: str, name: str, value: object) -> None:
            if name == "cpu.cfs_quota_us" and value == CPU_PERIOD:
                raise OSError(refusal, "refused")
            super()._write(controller, name, value)

    (tmp_path / "cpu.cfs_period_us").touch()
    (tmp_path / "cpu.cfs_quota_us").touch()
    group = Inner({"cpu": tmp_path}, unified=False)
    with nullcontext() if refusal == errno.EINVAL else pytest.raises(PermissionError):
        group.limit_cpu(CPU_PERIOD)
    assert (tmp_path / "cpu.cfs_quota_us").read_text() == ""
    group.limit_cpu(1000)
    assert (tmp_path / "cpu.cfs_quota_us").read_text() == "1000"


def test_version_1_limits_where_the_kernel_does_not_count_swap(tmp_path: Path) -> None:
    (tmp_path / "memory.limit_in_bytes").touch()
    Group({"memory": tmp_path}, unified=False).limit(memory=4096)
    assert [path.name for path in tmp_path.iterdir()] == ["memory.limit_in_bytes"]


def test_a_group_that_is_gone_has_no_figures(tmp_path: Path) -> None:
    group = Group({"": tmp_path / "gone"}, unified=True)
    assert (group.memory_peak(), group.out_of_memory_kills(), group.pids()) == (0, 0, [])
    assert group.remove()


def test_removal_reaches_groups_within_groups(tmp_path: Path) -> None:
    (tmp_path / "base" / "inner").mkdir(parents=True)
    cgroups.remove_tree(tmp_path / "base")
    assert not (tmp_path / "base").exists()


def pretend(monkeypatch: pytest.MonkeyPatch, mounts: dict[str, Path], own: dict[str, str]) -> None:
    monkeypatch.setattr(hierarchies, "mounts", lambda: mounts)
    monkeypatch.setattr(hierarchies, "own_paths", lambda pid: own)


def kernel_folder(path: Path, controllers: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "cgroup.procs").write_text("")
    (path / "cgroup.subtree_control").write_text(controllers)
    return path


def test_version_2_goes_up_to_where_groups_may_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel_folder(tmp_path, "cpu memory pids")
    own = kernel_folder(tmp_path / "user.slice" / "session.scope", "")
    kernel_folder(tmp_path / "user.slice", "cpu memory pids")
    (own / "cgroup.subtree_control").unlink()  # as good as EBUSY: processes are in it
    made: list[Path] = []

    def enable(folder: Path) -> None:
        made.append(folder)
        if folder == own:
            raise OSError(16, "busy")

    monkeypatch.setattr(cgroups, "_enable_controllers", enable)
    pretend(monkeypatch, {"": tmp_path}, {"": "/user.slice/session.scope"})
    found = Cgroups.detect("x")
    assert found is not None
    assert found.bases == {"": tmp_path / "user.slice" / "localfaas.x"}
    assert made == [own, tmp_path / "user.slice", tmp_path / "user.slice" / "localfaas.x"]
    assert unique_folders(found.group("a")) == [str(tmp_path / "user.slice/localfaas.x/a")]


def test_what_a_dead_instance_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, {"memory": tmp_path, "cpu": tmp_path}, {"memory": "/", "cpu": "/"})
    held = Cgroups.detect("held")
    (tmp_path / "localfaas.dead" / "inner").mkdir(parents=True)
    (tmp_path / "another").mkdir()
    found = Cgroups.detect("new")
    assert held is not None
    assert found is not None
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"localfaas.held", "localfaas.new", "another"}
    held.remove()
    found.remove()
    assert {path.name for path in tmp_path.iterdir()} == {"another"}


def test_version_1_needs_memory_and_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("memory", "cpu"):
        (tmp_path / name / "own").mkdir(parents=True)
    own = {"memory": "/own", "cpu": "/own"}
    pretend(monkeypatch, {"memory": tmp_path / "memory", "cpu": tmp_path / "cpu"}, own)
    found = Cgroups.detect("x")
    assert found is not None
    assert not found.unified
    assert found.bases["cpu"] == tmp_path / "cpu/own/localfaas.x"
    found.remove()
    assert not (tmp_path / "cpu/own/localfaas.x").exists()
    pretend(monkeypatch, {"memory": tmp_path / "memory"}, own)
    assert Cgroups.detect("x") is None
