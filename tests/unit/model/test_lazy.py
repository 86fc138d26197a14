"""Modules and packages that are loaded when something of theirs is used."""

import sys
from pathlib import Path

import pytest

from emulator.model.lazy import LazyModule, defer_package


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package whose own code says so, with a module."""
    name = "a_heavy_package"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("from .light import small\nheavy = [small]\n")
    (tmp_path / name / "light.py").write_text("small = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    for each in (name, f"{name}.light"):
        monkeypatch.setitem(sys.modules, each, None)
        monkeypatch.delitem(sys.modules, each)
    return name


def test_a_modules_package_runs_once_something_of_its_own_is_asked_for(package: str) -> None:
    defer_package(package)
    import a_heavy_package.light  # type: ignore[import-not-found]

    assert a_heavy_package.light.small == 1
    assert "heavy" not in vars(a_heavy_package)
    from a_heavy_package import heavy

    assert heavy == [1]
    with pytest.raises(AttributeError):
        _ = a_heavy_package.nothing


def test_a_package_that_is_there_or_nowhere_is_left_alone(package: str) -> None:
    before = sys.modules["pytest"]
    defer_package("pytest")
    defer_package("no_such_package")
    assert sys.modules["pytest"] is before
    assert "no_such_package" not in sys.modules


def test_a_module_is_loaded_by_its_first_use(package: str) -> None:
    module = LazyModule(f"{package}.light")
    assert f"{package}.light" not in sys.modules
    assert module.small == 1
