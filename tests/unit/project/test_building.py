"""What `sam build` has to build; a script stands for SAM CLI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.project.building import SamBuild
from emulator.testing import RecordingConsole

RESOURCE = {"Metadata": {"BuildMethod": "dotnet"}, "Properties": {"CodeUri": "src"}}
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
    assert build("Fn", RESOURCE) == built
    assert build("Fn", RESOURCE) == built
    assert console.infos == ["building Fn by dotnet (sam build)"], "once is enough"
    later = (built / "app.js").stat().st_mtime + 10
    (folder / "src" / "app.ts").write_text("2")
    os.utime(folder / "src" / "app.ts", (later, later))
    build("Fn", RESOURCE)
    assert (built / "app.js").read_text() == "2"


def test_a_build_that_fails_is_told(folder: Path) -> None:
    (folder / "src" / "broken").touch()
    console = RecordingConsole()
    assert SamBuild(folder / "template.yaml", console)("Fn", RESOURCE) is None
    assert console.warnings == ["Fn: sam build failed: it is broken"]


def test_without_sam_cli_the_source_is_served(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    assert build("Fn", RESOURCE) is None
    assert build("Fn", RESOURCE) is None
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
        "Properties": {"ContentUri": "src"},
    }
    console = RecordingConsole()
    build = SamBuild(folder / "template.yaml", console)
    built = build("Layer", layer)
    assert built == folder / ".aws-sam" / "build" / "Layer"
    assert (built / "python" / "shared.py").read_text() == "1"
    assert (built / "requirements.txt").read_text() == "requests"
    (folder / "src" / "shared.py").write_text("2")
    later = (built / "python" / "shared.py").stat().st_mtime + 10
    os.utime(folder / "src" / "shared.py", (later, later))
    assert build("Layer", layer) == built
    assert (built / "python" / "shared.py").read_text() == "2"
    # A function is served as it lies.
    assert build("Fn", {**layer, "Type": "AWS::Serverless::Function"}) is None
    assert console.warnings == []


def test_most_need_no_build(folder: Path) -> None:
    build = SamBuild(folder / "template.yaml", RecordingConsole())
    assert build("Fn", {"Properties": {}}) is None
    assert SamBuild(folder / "build" / "template.yaml", RecordingConsole())("Fn", RESOURCE) is None


MAKEFILE = """build-Fn:
\ttest ! -e broken
\tcp app.ts "$(ARTIFACTS_DIR)/app.js"
"""
MADE = {"Metadata": {"BuildMethod": "makefile"}, "Properties": {"CodeUri": "src"}}


def test_a_makefile_needs_no_sam_cli(folder: Path) -> None:
    (folder / "bin" / "sam").unlink()
    (folder / "src" / "Makefile").write_text(MAKEFILE)
    console = RecordingConsole()
    built = SamBuild(folder / "template.yaml", console)("Fn", MADE)
    assert built == folder / ".aws-sam" / "build" / "Fn"
    assert (built / "app.js").read_text() == "1"
    assert console.infos == ["building Fn by makefile (make)"]
    (folder / "src" / "broken").touch()
    later = (built / "app.js").stat().st_mtime + 10
    os.utime(folder / "src" / "broken", (later, later))
    assert SamBuild(folder / "template.yaml", console)("Fn", MADE) is None
    assert console.warnings[0].startswith("Fn: make failed: ")
    assert not built.exists(), "half of a build is none"


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
    built = SamBuild(folder / "template.yaml", console)("Fn", resource)
    assert (built is not None) is by_sam
    assert (console.infos != []) is by_sam
