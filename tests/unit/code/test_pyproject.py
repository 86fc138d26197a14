"""Packages of pyproject.toml: which are wanted, in which versions, and from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.code import pip, pyproject
from emulator.model.errors import DriverFault
from emulator.model.function import Code, FunctionVersion

PROJECT = """
[project]
name = "orders"
version = "1"
dependencies = ["requests>=2", "Our_Lib[fast] ; python_version > '3'", "near"]
[tool.uv.sources]
our-lib = { git = "https://example.com/our", tag = "v1" }
near = { path = "../near" }
"""
LOCK = """
version = 1
[[package]]
name = "requests"
version = "2.32.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "numpy"
version = "1.26"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "numpy"
version = "2.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "orders"
version = "1"
source = { virtual = "." }
"""


def version(folder: Path) -> FunctionVersion:
    code = Code(sha256="x", size=1, folder=folder, live=True)
    return FunctionVersion(
        account="0" * 12, region="us-east-1", name="orders", runtime="python3.12", code=code
    )


async def test_dependencies_come_from_where_uv_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "uv.lock").write_text(LOCK)
    given: dict[str, str] = {}

    async def run(python: object, arguments: list[str], folder: Path) -> None:
        for option in ("--requirement", "--constraint"):
            given[option] = Path(arguments[arguments.index(option) + 1]).read_text()

    monkeypatch.setattr(pip, "run", run)
    wanted = pyproject.wanted(version(tmp_path), tmp_path, Path("/python"))
    assert wanted is not None
    into = tmp_path / "into"
    into.mkdir()
    assert await wanted.install(into) is None
    assert given == {
        "--requirement": "requests>=2\n"
        "Our_Lib[fast] @ git+https://example.com/our@v1 ; python_version > '3'\n"
        f"near @ {(tmp_path.parent / 'near').as_uri()}\n",
        "--constraint": "requests==2.32.0\n",
    }
    assert list(into.iterdir()) == [], "a layer has nothing but packages"
    (tmp_path / "uv.lock").write_text(LOCK.replace("2.32.0", "2.32.1"))
    other = pyproject.wanted(version(tmp_path), tmp_path, Path("/python"))
    assert other is not None
    assert other.key != wanted.key, "another lock is another set of packages"


@pytest.mark.parametrize("text", ["", "[tool.black]\n", "[project]\nname = 'x'\n"])
def test_without_dependencies_there_is_nothing_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert pyproject.wanted(version(tmp_path), tmp_path, None) is None


def test_what_only_uv_knows_is_not_taken_from_an_index(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[project]\ndependencies = ['ours']\n[tool.uv.sources]\nours = { workspace = true }\n"
    )
    with pytest.raises(DriverFault, match="uv export"):
        pyproject.wanted(version(tmp_path), tmp_path, None)


def test_what_is_no_toml_is_said(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(DriverFault, match=r"orders/pyproject\.toml can't be read"):
        pyproject.wanted(version(tmp_path), tmp_path, None)
