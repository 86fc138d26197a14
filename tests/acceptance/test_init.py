"""``localfaas init``: what it writes works as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import dotnet, dotnet_functions
from tests.needs import need

from .conftest import EMULATOR, ROOT
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
    "dotnet": (["localfaas", "run", "template.yaml", "--", "sh", "test.sh"], ("make",)),
    "ruby": (["localfaas", "run", "template.yaml", "--", "ruby", "test/hello_test.rb"], ("ruby",)),
}
#: Stands for the SDK of .NET, which no registry of the tests has: compiles what is to be published.
_SDK = """#!{python}
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests import dotnet
assert sys.argv[1:-1] == ["publish", "-c", "Release", "-o"]
(project,) = Path().glob("*.csproj")
assert "<TargetFramework>net8.0<" in project.read_text()
made = Path(sys.argv[-1]) / (project.stem + ".dll")
dotnet.compile_csharp((made, *Path().glob("*.cs"), *dotnet.libraries()))
dotnet.describe(made, 8)
"""
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


def test_the_next_command_can_be_copied(tmp_path: Path) -> None:
    written = init("python", "my service", cwd=tmp_path)
    assert written.stdout.endswith("Go on with: cd 'my service' && localfaas up\n")


def test_a_language_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    refused = init("cobol", cwd=tmp_path)
    assert refused.returncode == 1
    assert "there is no starter for cobol: choose one of dotnet, go, java," in refused.stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
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
    if language == "dotnet":
        built = dotnet_functions.build()
        (tmp_path / "sdk").mkdir()
        (tmp_path / "sdk/dotnet").write_text(_SDK.format(python=sys.executable, root=str(ROOT)))
        (tmp_path / "sdk/dotnet").chmod(0o755)
        environ |= {
            "DOTNET_ROOT": str(dotnet.root()),
            "NUGET_PACKAGES": str(built / "packages"),
            "PATH": f"{tmp_path / 'sdk'}:{environ['PATH']}",
        }
    tested = subprocess.run(
        command,
        cwd=tmp_path / "made",
        env=environ,
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
