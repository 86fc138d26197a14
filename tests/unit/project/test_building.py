"""What `sam build` has to build; a script stands for SAM CLI."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from emulator.project.building import SamBuild, contents_of
from emulator.testing import RecordingConsole

RESOURCE = {"Metadata": {"BuildMethod": "dotnet"}}
SAM = """#!/bin/sh
[ "$1" = build ] && [ ! -e src/broken ] || { echo "it is broken" >&2; exit 1; }
mkdir -p "$6/$2" && cp src/app.ts "$6/$2/app.js"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.ts").write_text("1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sam").write_text(SAM)
    (tmp_path / "bin" / "sam").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_what_is_older_than_its_source_is_built(folder: Path) -> None:
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    built = folder / ".aws-sam" / "build" / "Fn"
    assert build("Fn", RESOURCE, folder / "src") == built
    assert build("Fn", RESOURCE, folder / "src") == built
    assert console.infos == ["building Fn by dotnet (sam build)"], "once is enough"
    later = (built / "app.js").stat().st_mtime + 10
    (folder / "src" / "app.ts").write_text("2")
    os.utime(folder / "src" / "app.ts", (later, later))
    build("Fn", RESOURCE, folder / "src")
    assert (built / "app.js").read_text() == "2"


def test_garbage_is_collected_while_a_start_waits_for_a_build(folder: Path) -> None:
    gc.disable()
    try:
        SamBuild(folder / "template.yaml", RecordingConsole())("Fn", RESOURCE, folder / "src")
        assert gc.isenabled()
    finally:
        gc.enable()


def test_a_build_that_fails_is_told(folder: Path) -> None:
    (folder / "src" / "broken").touch()
    console = RecordingConsole()
    assert SamBuild(folder / "template.yaml", console)("Fn", RESOURCE, folder / "src") is None
    assert console.warnings == ["Fn: sam build failed: it is broken"]


def test_without_sam_cli_the_source_is_served(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    assert build("Fn", RESOURCE, folder / "src") is None
    assert build("Fn", RESOURCE, folder / "src") is None
    assert console.warnings == ["Fn: to be built by dotnet, which needs SAM CLI: `sam build`"]


def test_a_layer_of_python_is_built_without_sam_cli(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (folder / "src" / "shared.py").write_text("1")
    (folder / "src" / "requirements.txt").write_text("requests")
    layer = {
        "Type": "AWS::Serverless::LayerVersion",
        "Metadata": {"BuildMethod": "python3.12"},
    }
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    built = build("Layer", layer, folder / "src")
    assert built == folder / ".aws-sam" / "build" / "Layer"
    assert (built / "python" / "shared.py").read_text() == "1"
    assert (built / "requirements.txt").read_text() == "requests"
    (folder / "src" / "shared.py").write_text("2")
    later = (built / "python" / "shared.py").stat().st_mtime + 10
    os.utime(folder / "src" / "shared.py", (later, later))
    assert build("Layer", layer, folder / "src") == built
    assert (built / "python" / "shared.py").read_text() == "2"
    # A function is served as it lies.
    assert build("Fn", {**layer, "Type": "AWS::Serverless::Function"}, folder / "src") is None
    assert console.warnings == []


def test_most_need_no_build(folder: Path) -> None:
    build = SamBuild(folder / "template.yaml", RecordingConsole())
    assert build("Fn", {"Properties": {}}, folder) is None
    assert (
        SamBuild(folder / "build" / "template.yaml", RecordingConsole())(
            "Fn", RESOURCE, folder / "src"
        )
        is None
    )


MAKEFILE = """build-Fn:
\ttest ! -e broken
\tcp app.ts "$(ARTIFACTS_DIR)/app.js"
"""
MADE = {"Metadata": {"BuildMethod": "makefile"}}


def test_a_makefile_needs_no_sam_cli(folder: Path) -> None:
    (folder / "bin" / "sam").unlink()
    (folder / "src" / "Makefile").write_text(MAKEFILE)
    console = RecordingConsole()
    built = SamBuild(folder / "template.yaml", console)("Fn", MADE, folder / "src")
    assert built == folder / ".aws-sam" / "build" / "Fn"
    assert (built / "app.js").read_text() == "1"
    assert console.infos == ["building Fn by makefile (make)"]
    (folder / "src" / "broken").touch()
    later = (built / "app.js").stat().st_mtime + 10
    os.utime(folder / "src" / "broken", (later, later))
    again = SamBuild(folder / "template.yaml", console)
    assert again("Fn", MADE, folder / "src") == built, "what was built before stays"
    assert console.warnings[0].startswith("Fn: make failed: ")
    assert [path.name for path in built.parent.iterdir()] == ["Fn"]
    assert again.sources == {contents_of(folder / "src")}


def test_half_of_a_makefiles_build_is_none(folder: Path) -> None:
    (folder / "bin" / "sam").unlink()
    (folder / "src" / "Makefile").write_text(MAKEFILE.replace("test", "cp app.ts $@; test"))
    (folder / "src" / "broken").touch()
    assert (
        SamBuild(folder / "template.yaml", RecordingConsole())("Fn", MADE, folder / "src") is None
    )
    assert list((folder / ".aws-sam" / "build").iterdir()) == []


def test_a_build_that_changes_its_sources_each_time_comes_to_rest(folder: Path) -> None:
    (folder / "bin" / "sam").unlink()
    (folder / "src" / "Makefile").write_text("build-Fn:\n\tdate +%s%N >made; sleep 0.05\n")
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    for _ in range(9):
        with build.reading():
            build("Fn", MADE, folder / "src")
    built = len(console.infos)
    assert 1 < built < 9
    later = time.time() + 100
    os.utime(folder / "src" / "app.ts", (later, later))
    build("Fn", MADE, folder / "src")
    assert len(console.infos) == built + 1


def test_builds_of_one_folder_that_change_it_come_to_rest(folder: Path) -> None:
    (folder / "bin" / "sam").unlink()
    makes = "build-%s:\n\tdate +%%s%%N >>made\n"
    (folder / "src" / "Makefile").write_text(makes % "Fn" + makes % "Two")
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)

    def builds() -> list[str]:
        """Read the template once; return what that has built."""
        console.infos.clear()
        with build.reading():
            for logical in ("Fn", "Two"):
                build(logical, MADE, folder / "src")
        return [text.split()[1] for text in console.infos]

    assert len([True for _ in range(9) if builds()]) < 9
    assert build.sources == {contents_of(folder / "src")}
    (folder / "src" / "app.ts").write_text("another")
    assert builds() == ["Fn", "Two"], "each sees what the user has changed"
    assert builds() == []


def test_a_reading_that_fails_comes_to_rest_and_forgets_nothing(folder: Path) -> None:
    (folder / "bin" / "sam").unlink()
    (folder / "src" / "Makefile").write_text("build-Fn:\n\tdate +%s%N >>made\n")
    build = SamBuild(folder / "template.yaml", RecordingConsole())

    def read(*asked: str) -> None:
        with build.reading():
            for logical in asked:
                build(logical, MADE, folder / "src")
            raise ValueError("the template is wrong")

    for _ in range(9):
        with pytest.raises(ValueError, match="template"):
            read("Fn")
    assert build.sources == {contents_of(folder / "src")}
    with pytest.raises(ValueError, match="template"):
        read()
    assert build.sources == {contents_of(folder / "src")}


def _remove(source: Path) -> None:
    (source / "more.ts").unlink()


def _rename(source: Path) -> None:
    (source / "more.ts").rename(source / "other.ts")


def _replace(source: Path) -> None:
    (source / "more.ts").write_text("older and longer")
    os.utime(source / "more.ts", (1, 1))


@pytest.mark.parametrize("change", [_remove, _rename, _replace])
def test_a_change_that_leaves_nothing_newer_is_built(
    folder: Path, change: Callable[[Path], None]
) -> None:
    source = folder / "src"
    (source / "more.ts").write_text("more")
    os.utime(source / "more.ts", (1, 1))
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    build("Fn", RESOURCE, source)
    change(source)
    build("Fn", RESOURCE, source)
    build("Fn", RESOURCE, source)
    assert len(console.infos) == 2


def test_another_folder_is_built_even_if_it_is_older(folder: Path) -> None:
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    build("Fn", RESOURCE, folder / "src")
    (folder / "older").mkdir()
    (folder / "older" / "app.ts").touch()
    os.utime(folder / "older" / "app.ts", (1, 1))
    with build.reading():
        build("Fn", RESOURCE, folder / "older")
    assert len(console.infos) == 2
    assert build.sources == {contents_of(folder / "older")}


def test_what_a_template_no_longer_builds_is_forgotten(folder: Path) -> None:
    build = SamBuild(folder / "template.yaml", RecordingConsole())
    with build.reading():
        build("Fn", RESOURCE, folder / "src")
    assert build.sources
    with build.reading():
        build("Fn", {}, folder / "src")
    assert build.sources == set()


def test_a_layer_without_what_was_removed_from_its_sources(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    layer = {"Type": "AWS::Lambda::LayerVersion", "Metadata": {"BuildMethod": "python3.13"}}
    (folder / "src" / "more.py").touch()
    build = SamBuild(folder / "template.yaml", RecordingConsole())
    built = build("Layer", layer, folder / "src")
    assert built is not None
    assert build.sources == {contents_of(folder / "src")}, "its sources are followed"
    (folder / "src" / "more.py").unlink()
    build("Layer", layer, folder / "src")
    assert [path.name for path in (built / "python").iterdir()] == ["app.ts"]


def test_what_tools_and_the_emulator_keep_is_no_source(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = folder / "src"
    monkeypatch.setattr("emulator.code.live.own_paths", {str(source / "state")})
    before = contents_of(source)
    for name in (".localfaas", ".venv", ".mypy_cache", "node_modules", "state"):
        (source / name / "deeper").mkdir(parents=True)
        (source / name / "deeper" / "kept").touch()
    assert contents_of(source) == before
    (source / "stately").mkdir()
    (source / "stately" / "kept").touch()
    assert contents_of(source) != before


def test_a_layer_has_no_state_of_the_emulator(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    layer = {"Type": "AWS::Lambda::LayerVersion", "Metadata": {"BuildMethod": "nodejs22.x"}}
    monkeypatch.setattr("emulator.code.live.own_paths", {str(folder / "src" / "state")})
    (folder / "src" / "state").mkdir()
    built = SamBuild(folder / "template.yaml", RecordingConsole())("Layer", layer, folder / "src")
    assert built is not None
    assert [path.name for path in (built / "nodejs").iterdir()] == ["app.ts"]


def test_what_an_interruption_left_does_not_stop_a_build(folder: Path) -> None:
    (folder / "bin" / "sam").unlink()
    (folder / "src" / "Makefile").write_text(MAKEFILE)
    built = folder / ".aws-sam" / "build"
    for name in ("Fn", ".Fn", ".Fn.old"):
        (built / name).mkdir(parents=True)
        (built / name / "left").touch()
        os.utime(built / name / "left", (1, 1))
    console = RecordingConsole()
    SamBuild(folder / "template.yaml", console)("Fn", MADE, folder / "src")
    assert [path.name for path in (built / "Fn").iterdir()] == ["app.js"]
    assert [path.name for path in built.iterdir()] == ["Fn"]
    assert console.warnings == []


def test_a_makefile_that_removes_its_own_build_leaves_the_one_before(folder: Path) -> None:
    (folder / "bin" / "sam").unlink()
    (folder / "src" / "Makefile").write_text(MAKEFILE)
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    built = build("Fn", MADE, folder / "src")
    (folder / "src" / "Makefile").write_text('build-Fn:\n\trm -r "$(ARTIFACTS_DIR)"\n')
    assert build("Fn", MADE, folder / "src") == built
    assert built is not None
    assert (built / "app.js").read_text() == "1"
    assert [path.name for path in built.parent.iterdir()] == ["Fn"]
    (warning,) = console.warnings
    assert warning.startswith("Fn: make failed: ")
    assert "No such file" in warning


def test_a_folder_that_takes_no_build_is_told(folder: Path) -> None:
    (folder / "bin" / "sam").unlink()
    (folder / ".aws-sam").touch()
    console = RecordingConsole()
    assert SamBuild(folder / "template.yaml", console)("Fn", MADE, folder / "src") is None
    (warning,) = console.warnings
    assert warning.startswith("Fn: make failed: ")


def test_what_dotnet_builds_beside_its_project_is_no_source(folder: Path) -> None:
    (folder / "src" / "Fn.csproj").touch()
    sources = contents_of(folder / "src")
    for name in ("bin", "obj"):
        (folder / "src" / name).mkdir()
        (folder / "src" / name / "Fn.dll").touch()
    assert contents_of(folder / "src") == sources
    (folder / "src" / "Fn.csproj").unlink()
    assert contents_of(folder / "src") != sources


@pytest.mark.parametrize(
    ("properties", "by_sam"),
    [({}, False), ({"EntryPoints": ["app.ts"], "Minify": True}, False), ({"Loader": []}, True)],
)
def test_typescript_is_built_from_its_sources(
    folder: Path, properties: dict[str, object], by_sam: bool
) -> None:
    metadata = {"BuildMethod": "esbuild", "BuildProperties": properties}
    resource = {**RESOURCE, "Metadata": metadata}
    console = RecordingConsole()
    built = SamBuild(folder / "template.yaml", console)("Fn", resource, folder / "src")
    assert (built is not None) is by_sam
    assert (console.infos != []) is by_sam


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_build_that_runs_is_ended_with_all_that_it_started(folder: Path) -> None:
    child = folder / "child"
    (folder / "bin" / "sam").write_text(
        "#!/bin/sh\nsleep 300 &\necho $! >part\nmv part child\nwait\n"
    )
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    running = Thread(target=build, args=("Fn", RESOURCE, folder / "src"))
    running.start()
    wait_until(child.exists)
    build.stop()
    running.join(60)
    assert not running.is_alive()
    wait_until(lambda: has_ended(int(child.read_text())))
    assert build("Fn", RESOURCE, folder / "src") is None
    assert console.infos == ["building Fn by dotnet (sam build)"], "no other one begins"
    assert not console.warnings, "who stopped it knows"


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def has_ended(pid: int) -> bool:
    """Say whether a process is gone, or only waits for its parent to take note."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
