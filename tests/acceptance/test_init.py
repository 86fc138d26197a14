"""``localfaas init``: what it writes works as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import need

from .conftest import EMULATOR
from .test_language_samples import need_toolchain, shared_builds

#: The command that runs each starter's test, and the programs that it needs.
TESTS = {
    "python": ([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio"], ()),
    # What `npm test` runs.
    "nodejs": (["sh", "-c", "localfaas run template.yaml -- node --test"], ("node",)),
    "typescript": (["sh", "-c", "localfaas run template.yaml -- node --test"], ("node", "npm")),
    "go": (["localfaas", "run", "template.yaml", "--", "go", "-C", "hello", "test"], ()),
    "rust": (["localfaas", "run", "template.yaml", "--", "sh", "test.sh"], ()),
    "java": (
        ["localfaas", "run", "template.yaml", "--", "java", "test/HelloTest.java"],
        ("javac",),
    ),
    "ruby": (["localfaas", "run", "template.yaml", "--", "ruby", "test/hello_test.rb"], ("ruby",)),
}
#: Languages whose toolchains CI need not have.
TOOLCHAINS = ("go", "rust")


def init(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EMULATOR, "init", *words], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_every_starter_is_tested(tmp_path: Path) -> None:
    assert init("--list", cwd=tmp_path).stdout.split() == sorted(TESTS)


def test_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    refused = init(cwd=tmp_path)
    assert refused.returncode == 1
    assert "nothing was written: README.md is there already" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_language_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    refused = init("cobol", cwd=tmp_path)
    assert refused.returncode == 1
    assert "there is no starter for cobol: choose one of go, java, nodejs," in refused.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", TESTS)
def test_its_own_test_passes(language: str, tmp_path: Path) -> None:
    command, programs = TESTS[language]
    for program in programs:
        need(program)
    if language in TOOLCHAINS:
        need_toolchain(language)
    written = init(language, "made", cwd=tmp_path)
    scripts = tmp_path / "made" / "package.json"
    assert not scripts.exists() or json.loads(scripts.read_text())["scripts"]["test"] in command
    assert written.returncode == 0, written.stderr
    assert "cd made && localfaas up" in written.stdout
    bin = Path(sys.executable).parent
    environ = {
        **os.environ,
        **shared_builds(),
        "CGO_ENABLED": "0",
        "PATH": f"{bin}:{os.environ['PATH']}",
    }
    tested = subprocess.run(
        command,
        cwd=tmp_path / "made",
        env=environ,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
