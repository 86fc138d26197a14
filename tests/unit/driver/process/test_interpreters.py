from __future__ import annotations

from pathlib import Path

import pytest

from emulator.driver.languages.base import Interpreter
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


@pytest.mark.parametrize("runtime", ["dotnet8", "ruby2.7", "", "python2.7"])
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


def test_a_newer_jdk_serves_where_the_exact_one_is_not_here() -> None:
    jdks = [Interpreter(JAVA, release, Path(f"/jdk-{release}/bin/java")) for release in (17, 25)]
    found = choose_among("java21", JAVA, 21, jdks, strict=False)
    assert found.interpreter == jdks[1], "an older one can't read its classes"
    assert found.note == "java21 functions run on java25 (/jdk-25/bin/java): no Java 21 here."
