"""Packages of functions: installed once, for whoever asks; what fails says why."""

from __future__ import annotations

import asyncio
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.code import npm, pip
from emulator.code.packages import Packages
from emulator.code.preparing import Preparation
from emulator.code.typescript import TypeScript
from emulator.driver.process.interpreters import choose
from emulator.model.console import SilentConsole
from emulator.model.errors import DriverFault
from emulator.model.function import Code, FunctionVersion, LayerVersion
from emulator.testing import RecordingConsole


def wheel(folder: Path, name: str, text: str) -> Path:
    """Make a package that pip can install without a network."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", text)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "function"
    folder.mkdir()
    wheel(folder, "parcel", "CONTENT = 1\n")
    (folder / "requirements.txt").write_text("# our own\n-r more.txt\n")
    (folder / "more.txt").write_text("./parcel-1.0-py3-none-any.whl\n")
    return folder


def version(folder: Path, *, live: bool = True, runtime: str = "python3.12") -> FunctionVersion:
    code = Code(sha256="x", size=1, folder=folder, live=live)
    return FunctionVersion(
        account="0" * 12, region="us-east-1", name="orders", runtime=runtime, code=code
    )


def on_this_machine(runtime: str) -> Path | None:
    found = choose(runtime).interpreter
    return None if found is None else found.executable


def elsewhere(runtime: str) -> Path | None:
    return None


class Installing(Packages):
    """Packages that are kept in a test's folder; it remembers what it said."""

    def __init__(self, folder: Path, interpreter: Any = on_this_machine) -> None:
        self.console = RecordingConsole()
        self.said = self.console.infos
        super().__init__(interpreter, console=self.console, cache=folder / "cache")


@pytest.mark.parametrize("interpreter", [on_this_machine, elsewhere])
async def test_packages_are_installed_once(folder: Path, tmp_path: Path, interpreter: Any) -> None:
    packages = Installing(tmp_path, interpreter)
    umask = os.umask(0o077)
    try:
        layers = await asyncio.gather(*(packages.layer(version(folder)) for _ in range(3)))
    finally:
        os.umask(umask)
    (layer,) = set(layers)
    assert layer is not None
    assert (layer / "python" / "parcel.py").read_text() == "CONTENT = 1\n"
    assert packages.said == ["installing the packages of orders (requirements.txt)"]
    # Whatever the umask: sandboxes are another user.
    assert all(path.stat().st_mode & 0o004 for path in (layer, *layer.rglob("*")))
    # Another emulator finds them.
    again = Installing(tmp_path, interpreter)
    assert await again.layer(version(folder)) == layer
    assert again.said == []
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [layer.name]


@pytest.mark.thorough
async def test_the_cache_may_be_a_link_or_named_from_here(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    monkeypatch.chdir(tmp_path)
    for name in (str(tmp_path / "link"), "link", "real"):
        monkeypatch.setenv("XDG_CACHE_HOME", name)
        layer = await Packages(on_this_machine, console=SilentConsole()).layer(version(folder))
        assert layer is not None
        assert layer.parent == real / "localfaas" / "packages"


@pytest.mark.thorough
async def test_a_change_installs_anew(folder: Path, tmp_path: Path) -> None:
    packages = Installing(tmp_path)
    before = await packages.layer(version(folder))
    wheel(folder, "second", "")
    (folder / "more.txt").write_text("./second-1.0-py3-none-any.whl\n")
    after = await packages.layer(version(folder))
    assert after not in (None, before)
    assert (after / "python" / "second.py").exists()


async def test_a_cache_that_takes_nothing_has_a_remedy(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    packages = Installing(tmp_path)
    with pytest.raises(DriverFault, match=r"cache: File exists\. Set XDG_CACHE_HOME"):
        await packages.layer(version(folder))
    assert packages.said == [], "nothing is installed"


@pytest.mark.thorough
async def test_what_fails_says_why_and_is_tried_again(folder: Path, tmp_path: Path) -> None:
    (folder / "more.txt").write_text("./lost-1.0-py3-none-any.whl\n")
    packages = Installing(tmp_path)
    for _ in range(2):
        with pytest.raises(
            DriverFault, match=r"could not install orders/requirements\.txt: .*lost"
        ):
            await packages.layer(version(folder))
    assert len(packages.said) == 2
    assert list((tmp_path / "cache").iterdir()) == []
    ahead = Preparation(packages, TypeScript(console=packages.console), console=packages.console)
    await ahead.ahead([version(folder)])
    assert "lost" in packages.console.warnings[0]


async def test_the_end_gives_up_what_is_being_installed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def endless(*arguments: object) -> str | None:
        begun.set()
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(pip, "run", endless)
    packages = Installing(tmp_path)
    waiting = asyncio.create_task(packages.layer(version(folder)))
    await begun.wait()
    await packages.close()
    with pytest.raises(DriverFault, match="ending"):
        await waiting
    assert list((tmp_path / "cache").iterdir()) == []


async def test_who_asks_for_nothing_gets_nothing(folder: Path, tmp_path: Path) -> None:
    packages = Installing(tmp_path)
    assert await packages.layer(version(folder, live=False)) is None
    assert await packages.layer(version(folder, runtime="nodejs22.x")) is None
    (folder / "more.txt").write_text("# nothing\n\n")
    assert await packages.layer(version(folder)) is None
    (folder / "requirements.txt").unlink()
    assert await packages.layer(version(folder)) is None
    assert packages.said == []


async def test_an_interpreter_that_is_too_old_for_this_pip_uses_its_own(tmp_path: Path) -> None:
    python = tmp_path / "python3.9"
    python.write_text('#!/bin/sh\necho "$@" > own\n')
    python.chmod(0o755)
    pip_of_today = tmp_path / "today"
    pip_of_today.write_text(
        '#!/bin/sh\necho "ERROR: This version of pip does not support python 3.9" >&2; exit 1\n'
    )
    pip_of_today.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(pip_of_today))
        assert await pip.run(python, ["install", "x"], tmp_path) is None
    assert (tmp_path / "own").read_text() == "-m pip install x\n"


POWERTOOLS = (
    "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:7"
)
OF_NODE = "arn:aws:lambda:us-east-1:094274105915:layer:AWSLambdaPowertoolsTypeScriptV2:2"


def layered(*arns: str, folder: Path | None = None, **more: Any) -> FunctionVersion:
    """Return a version with layers, whose code is an archive's, or live in a folder."""
    code = Code(sha256="x", size=1, folder=folder, live=folder is not None)
    layers = tuple(LayerVersion(arn=arn, code=Code(sha256="", size=0)) for arn in arns)
    named = {"account": "0" * 12, "region": "us-east-1", "name": "orders"}
    return FunctionVersion(**{**named, "runtime": "python3.12", **more}, code=code, layers=layers)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return what pip and npm are asked for; they leave a file behind."""
    found: list[list[str]] = []

    async def of_pip(python: Path | None, arguments: list[str], folder: Path) -> None:
        into = Path(arguments[arguments.index("--target") + 1])
        into.mkdir(exist_ok=True)
        (into / f"{len(found)}.py").touch()
        found.append(arguments)

    async def of_npm(arguments: list[str], folder: Path) -> None:
        assert (folder / "package.json").exists()
        found.append(arguments)

    monkeypatch.setattr(pip, "run", of_pip)
    monkeypatch.setattr(npm, "run", of_npm)
    return found


async def test_public_layers_are_installed_from_their_packages(
    folder: Path, tmp_path: Path, asked: list[list[str]]
) -> None:
    packages = Installing(tmp_path)
    alone = await packages.layer(layered(POWERTOOLS))
    assert asked[0][-1] == "aws-lambda-powertools[all]>=3,<4"
    assert await packages.layer(layered(POWERTOOLS)) == alone
    # What the function's own file names comes first, as on AWS.
    both = await packages.layer(layered(POWERTOOLS, folder=folder))
    assert both is not None
    assert both != alone
    assert [each[-1] for each in asked[1:]] == ["requirements.txt", asked[0][-1]]
    assert [path.name for path in both.iterdir()] == ["python"], "all in one place"
    assert sorted(path.name for path in (both / "python").iterdir()) == ["1.py", "2.py"]
    assert packages.said[1].endswith(
        "(requirements.txt, the layer AWSLambdaPowertoolsPythonV3-python312-x86_64)"
    )
    assert await packages.layer(layered(OF_NODE, runtime="nodejs22.x")) is not None
    assert asked[-1][-1] == "@aws-lambda-powertools/kafka@2"
    # It is of no use to another language, and other layers are unpacked.
    assert await packages.layer(layered(OF_NODE, "arn:aws:lambda:x:1:layer:l:1")) is None


async def test_a_public_layer_that_can_t_be_had_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*arguments: Any) -> str:
        return "no network"

    monkeypatch.setattr(pip, "run", fails)
    with pytest.raises(DriverFault, match=r"orders/the layer AWSLambda.*: no network"):
        await Installing(tmp_path).layer(layered(POWERTOOLS))


async def test_what_a_live_layer_names_is_installed(
    folder: Path, tmp_path: Path, asked: list[list[str]]
) -> None:
    live = Code(sha256="x", size=1, folder=folder, live=True)
    layer = LayerVersion(arn="arn:aws:lambda:us-east-1:000000000000:layer:own:1", code=live)
    packages = Installing(tmp_path)
    version_ = replace(layered(), layers=(layer,))
    assert await packages.layer(version_) is not None
    assert [each[-1] for each in asked] == ["requirements.txt"]
    (folder / "python" / "lib").mkdir(parents=True)
    assert await packages.layer(version_) is None, "it was built already"
