from __future__ import annotations

from pathlib import Path

import pytest

from emulator.driver.languages.base import Interpreter
from emulator.driver.languages.dotnet import LANGUAGE as DOTNET
from emulator.driver.languages.java import LANGUAGE as JAVA
from emulator.driver.languages.nodejs import LANGUAGE as NODEJS
from emulator.driver.languages.python import LANGUAGE as PYTHON
from emulator.driver.process.interpreters import choose, choose_among, find
from emulator.model.errors import ConfigurationError


def pythons(*versions: int) -> list[Interpreter]:
    return [Interpreter(PYTHON, v, Path(f"/usr/bin/python3.{v}")) for v in versions]


def test_the_exact_one_needs_no_note() -> None:
    choice = choose_among("python3.12", PYTHON, 12, pythons(11, 12), strict=True)
    assert choice.interpreter is not None
    assert (choice.interpreter.release, choice.note) == (12, None)


@pytest.mark.parametrize(
    ("wanted", "there", "taken"),
    [(13, (8, 11), 11), (9, (8, 10), 10), (8, (10, 12), 10), (14, (13, 11), 13)],
)
def test_else_the_nearest_and_of_two_the_newer(
    wanted: int, there: tuple[int, ...], taken: int
) -> None:
    choice = choose_among(f"python3.{wanted}", PYTHON, wanted, pythons(*there), strict=False)
    assert choice.interpreter is not None
    assert choice.interpreter.release == taken
    assert choice.note is not None
    assert f"python3.{wanted}" in choice.note
    assert f"python3.{taken}" in choice.note


def test_strict_refuses_what_is_not_exact() -> None:
    with pytest.raises(ConfigurationError, match="Install it"):
        choose_among("python3.13", PYTHON, 13, pythons(11), strict=True)


def test_none_at_all_names_the_remedy() -> None:
    with pytest.raises(ConfigurationError, match="no Node"):
        choose_among("nodejs22.x", NODEJS, 22, [], strict=False)


@pytest.mark.parametrize("runtime", ["dotnetcore3.1", "ruby2.7", "", "python2.7"])
def test_others_are_the_docker_drivers(runtime: str) -> None:
    with pytest.raises(ConfigurationError, match="--driver docker"):
        choose(runtime)


def test_provided_brings_its_own() -> None:
    assert choose("provided.al2023").interpreter is None


def test_what_is_found_is_real() -> None:
    found = find(PYTHON)
    assert found
    for interpreter in found:
        assert "shims" not in interpreter.executable.parts
        assert not interpreter.executable.is_symlink()


def test_one_program_serves_all_releases_of_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dotnet"
    program.touch(mode=0o755)
    for version in ("2.1.30", "8.0.3", "8.0.28", "10.0.0-rc.1"):
        (tmp_path / "shared/Microsoft.NETCore.App" / version).mkdir(parents=True)
    monkeypatch.setattr(type(DOTNET), "candidates", lambda _: iter([program]))
    find.cache_clear()
    found = find(DOTNET)
    find.cache_clear()
    assert found == (Interpreter(DOTNET, 8, program), Interpreter(DOTNET, 10, program))


def test_a_newer_jdk_serves_where_the_exact_one_is_not_here() -> None:
    jdks = [Interpreter(JAVA, release, Path(f"/jdk-{release}/bin/java")) for release in (17, 25)]
    found = choose_among("java21", JAVA, 21, jdks, strict=False)
    assert found.interpreter == jdks[1], "an older one can't read its classes"
    assert found.note == "java21 functions run on java25 (/jdk-25/bin/java): no Java 21 here."
