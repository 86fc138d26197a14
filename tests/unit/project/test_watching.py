"""Hot reload, with real files and the kernel's own notices."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from emulator.code.live import live_code
from emulator.code.package import code_sha256
from emulator.model.errors import ConfigurationError
from emulator.model.function import Code, FunctionVersion, LayerVersion
from emulator.project.folder import Folder
from emulator.project.watching import Structure, Watching
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.testing import FakeClock, RecordingConsole

CODE = "def handler(event, context):\n    return {value}\n"


class _Console(RecordingConsole):
    def __init__(self, told: Callable[[], None]) -> None:
        super().__init__()
        self._told = told

    def warn(self, text: str) -> None:
        super().warn(text)
        self._told()

    def info(self, text: str) -> None:
        super().info(text)
        self._told()


class Watched:
    """A folder that is being watched, and what its user is told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.registry = Registry()
        self.console = _Console(self._tell)
        self.folder = Folder(
            root,
            registry=self.registry,
            clock=FakeClock(),
            console=self.console,
            check_runtime=lambda runtime: None,
            account="000000000000",
            region="us-east-1",
        )
        self.said = self.console.infos
        self.complaints = self.console.warnings
        self.taken: list[Path] = []
        self._told = asyncio.Event()
        self.watching: Watching | None = None

    def start(self, *, layers: bool = True) -> None:
        self.folder.load()
        self.watching = Watching(
            self.registry,
            console=self.console,
            take=self.take,
            declared=[self.folder],
            layers=layers,
        )
        self.watching.start()

    async def take(self, archive: Path) -> Code:
        self.taken.append(archive)
        if archive.read_bytes() == b"bad":
            raise ConfigurationError("it is no archive")
        content = archive.read_bytes()
        folder = self.root / content.decode()
        return Code(sha256=code_sha256(content), size=1, folder=folder, archive=archive)

    def _tell(self) -> None:
        self._told.set()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until ``condition`` holds; checked whenever the user is told something."""
        async with asyncio.timeout(60):
            while not condition():
                self._told.clear()
                await self._told.wait()

    def generation(self, name: str) -> int:
        function = self.registry.find("000000000000", "us-east-1", name)
        assert function is not None
        return function.latest.generation

    def names(self) -> set[str]:
        return {function.name for function in self.registry.all()}

    def write(self, name: str, value: int = 1, file: str = "app.py") -> Path:
        path = self.root / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CODE.format(value=value))
        return path

    def declare(self, *names: str) -> None:
        for name in names:
            self.write(name)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    if watched.watching is not None:
        await watched.watching.stop()


async def test_a_change_reloads_its_function_and_no_other(watched: Watched) -> None:
    watched.declare("one", "two")
    watched.start()
    await begun(watched, "one")
    before = watched.generation("two")
    watched.said.clear()
    watched.write("one", 2)
    await watched.until(lambda: watched.said)
    assert watched.said[0] == "reloaded one (app.py changed)"
    assert watched.generation("two") == before


async def begun(watched: Watched, name: str) -> None:
    """Wait until changes are being noticed: writes until one is."""
    said = len(watched.said)
    async with asyncio.timeout(60):
        for value in range(1000):
            watched.write(name, value, "begin.py")
            try:
                async with asyncio.timeout(0.3):
                    await watched.until(lambda: len(watched.said) > said)
            except TimeoutError:
                continue
            break
    # What is still on its way about these writes is no answer to later ones: one more, which comes
    # whole and in one event, is told of after them.
    last = watched.root.parent / f"{watched.root.name}.py"
    last.write_text(CODE.format(value=0))
    last.rename(watched.root / name / "0.py")
    await watched.until(lambda: any("(0.py" in text for text in watched.said[said:]))


async def test_files_that_do_not_count_reload_nothing(watched: Watched) -> None:
    watched.declare("hello")
    watched.start()
    await begun(watched, "hello")
    watched.said.clear()
    watched.write("hello", file="__pycache__/app.cpython-312.pyc")
    watched.write("hello", file=".git/index")
    watched.write("hello", file=".app.py.swp")
    watched.write("hello", file="lib/last.py")
    await watched.until(lambda: any("(lib" in text for text in watched.said))
    told = " ".join(watched.said)
    assert "pycache" not in told
    assert ".git" not in told
    assert ".swp" not in told


async def test_an_editors_atomic_rename_reloads(watched: Watched) -> None:
    watched.declare("hello")
    watched.start()
    await begun(watched, "hello")
    watched.said.clear()
    temporary = watched.write("hello", 3, "app.py.tmp")
    temporary.rename(watched.root / "hello" / "app.py")
    await watched.until(lambda: watched.said)
    assert watched.said == ["reloaded hello (app.py changed)"]


async def test_a_folder_that_is_removed_and_made_anew_is_still_followed(watched: Watched) -> None:
    watched.declare("hello")
    watched.start()
    await begun(watched, "hello")
    for round_ in range(2):
        watched.said.clear()
        shutil.rmtree(watched.root / "hello")
        watched.write("hello", round_)
        await watched.until(lambda: watched.said)
        await begun(watched, "hello")
    assert watched.names() == {"hello"}


async def test_a_folder_that_is_replaced_by_another_is_reloaded(watched: Watched) -> None:
    watched.declare("hello")
    other = watched.write("other", 9).parent
    watched.start()
    await begun(watched, "hello")
    before = watched.generation("hello")
    (watched.root / "hello").rename(watched.root / "old")
    other.rename(watched.root / "hello")
    await watched.until(lambda: watched.generation("hello") > before)
    await begun(watched, "hello")


async def test_the_folder_adds_updates_and_removes(watched: Watched) -> None:
    watched.declare("one", "two")
    watched.start()
    await begun(watched, "two")
    shutil.rmtree(watched.root / "one")
    watched.declare("three")
    await watched.until(lambda: watched.names() == {"two", "three"})
    what = f"({watched.root.name} changed)"
    assert {f"added three {what}", f"removed one {what}"} <= set(watched.said)
    await begun(watched, "three")


async def test_errors_in_the_folder_are_told_and_the_functions_stay(watched: Watched) -> None:
    watched.declare("hello")
    watched.start()
    await begun(watched, "hello")
    (watched.root / "hello").rename(watched.root / ".hidden")
    await watched.until(lambda: watched.complaints)
    assert "holds no function" in watched.complaints[0]
    assert watched.complaints[0].endswith("The functions stay as they were.")
    assert watched.names() == {"hello"}
    watched.declare("more")
    await watched.until(lambda: "more" in watched.names())


def _add(watched: Watched, name: str, code: Code) -> None:
    version = FunctionVersion(account="000000000000", region="us-east-1", name=name, code=code)
    watched.registry.add(Function(latest=version))


async def test_live_code_of_functions_that_come_later_is_followed(
    watched: Watched, tmp_path_factory: pytest.TempPathFactory
) -> None:
    watched.declare("hello")
    watched.start()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "app.py").write_text("1")
    _add(watched, "later", live_code(elsewhere))
    async with asyncio.timeout(60):
        for value in range(1000):
            (elsewhere / "app.py").write_text(str(value))
            if "reloaded later (app.py changed)" in watched.said:
                break
            await asyncio.sleep(0.05)
    assert watched.generation("later") > 0


def write_at_once(path: Path, text: str) -> None:
    """Write a file at once: a busy machine may rest between its end and its new content."""
    aside = path.with_name(f"{path.name}.tmp")
    aside.write_text(text)
    aside.rename(path)


async def test_an_archive_is_unpacked_again_when_its_change_is_complete(watched: Watched) -> None:
    watched.declare("hello")
    archive = watched.root / "code.zip"
    archive.write_text("one")
    _add(
        watched,
        "zipped",
        Code(sha256=code_sha256(b"one"), size=1, folder=watched.root, archive=archive),
    )
    watched.start()
    await begun(watched, "hello")
    write_at_once(archive, "two")
    await watched.until(lambda: "reloaded zipped (code.zip changed)" in watched.said)
    function = watched.registry.find("000000000000", "us-east-1", "zipped")
    assert function is not None
    assert function.latest.code.folder == watched.root / "two"
    write_at_once(archive, "bad")
    await watched.until(lambda: watched.complaints)
    assert watched.complaints == [f"{archive}: it is no archive. The functions stay as they were."]
    assert function.latest.code.folder == watched.root / "two"


async def test_without_anything_to_follow_no_thread_runs(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watching = Watching(watched.registry, console=watched.console, take=watched.take)
    watching.start()
    assert watching._thread is None
    await watching.stop()


async def test_a_new_folder_is_a_new_function_without_a_template(watched: Watched) -> None:
    watched.write("one")
    watched.start()
    (watched.root / "two").mkdir()
    await begun(watched, "one")
    watched.write("two")
    await watched.until(lambda: "two" in watched.names())
    await begun(watched, "two")
    shutil.rmtree(watched.root / "one")
    await watched.until(lambda: watched.names() == {"two"})


async def test_exhausted_limits_are_told_and_the_template_still_followed(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: str, **options: Any) -> None:
        raise OSError("OS file watch limit reached.")

    monkeypatch.setattr(watchfiles, "watch", refuse)
    watched.declare("one")
    watched.start()
    await watched.until(lambda: watched.complaints)
    assert "OS file watch limit reached" in watched.complaints[0]
    assert "max_user_watches" in watched.complaints[0]
    watched.declare("one", "two")
    await watched.until(lambda: "two" in watched.names())
    assert len(watched.complaints) == 1


async def test_what_is_built_from_is_given_up_before_the_code_is(
    watched: Watched, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages, follow = tmp_path_factory.mktemp("packages"), watchfiles.watch

    class Built:
        as_read: Structure = ()

        def built_from(self) -> set[Path]:
            return {packages}

        def structure(self, reloads: int) -> Structure:
            return ()

        def changed(self) -> None:
            raise AssertionError("its structure never changes")

    def limited(*paths: str, **options: Any) -> Any:
        if packages in map(Path, paths):
            raise OSError("OS file watch limit reached.")
        return follow(*paths, **options)

    monkeypatch.setattr(watchfiles, "watch", limited)
    watched.declare("one")
    watched.folder.load()
    watched.watching = Watching(
        watched.registry,
        console=watched.console,
        take=watched.take,
        declared=[watched.folder, Built()],
    )
    watched.watching.start()
    await watched.until(lambda: watched.complaints)
    assert "in what functions are built from: OS file" in watched.complaints[0]
    await begun(watched, "one")
    assert len(watched.complaints) == 1


async def test_what_the_emulator_keeps_in_a_folder_that_is_built_from_asks_for_no_build(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = watched.root
    counts: list[int] = []
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Built:
        as_read: Structure = ()

        def built_from(self) -> set[Path]:
            return {root}

        def structure(self, reloads: int) -> Structure:
            counts.append(reloads)
            return ()

        def changed(self) -> None:
            raise AssertionError("its structure never changes")

    def notices(*paths: str, stop_event: threading.Event, **options: Any) -> Iterator[Any]:
        yield set()
        yield {(1, str(root / "state" / "kept"))}
        yield {(1, str(root / "app.ts"))}
        loop.call_soon_threadsafe(told.set)
        while not stop_event.wait(0.01):
            yield set()

    monkeypatch.setattr("emulator.code.live.own_paths", {str(root / "state")})
    monkeypatch.setattr(watchfiles, "watch", notices)
    watched.watching = Watching(
        watched.registry, console=watched.console, take=watched.take, declared=[Built()]
    )
    watched.watching.start()
    async with asyncio.timeout(60):
        await told.wait()
    assert counts[:3] == [0, 0, 1], "one of the sources does"


async def test_many_files_are_no_trouble(watched: Watched) -> None:
    watched.declare("hello")
    many = watched.root / "hello" / "many"
    for folder in range(20):
        (many / str(folder)).mkdir(parents=True)
        for file in range(100):
            (many / str(folder) / f"{file}.py").touch()
    watched.start()
    await begun(watched, "hello")
    watched.said.clear()
    shutil.rmtree(many)
    await watched.until(lambda: watched.said)
    assert watched.names() == {"hello"}


async def test_stop_ends_the_thread(watched: Watched) -> None:
    watched.declare("hello")
    watched.start()
    assert watched.watching is not None
    await watched.watching.stop()
    assert watched.watching._thread is not None
    assert not watched.watching._thread.is_alive()


@pytest.mark.parametrize("followed", [True, False])
async def test_layers_are_followed_unless_nobody_wants_it(
    watched: Watched, tmp_path: Path, followed: bool
) -> None:
    watched.write("hello")
    watched.write("shared", file="lib.py")
    watched.start(layers=followed)
    function = watched.registry.find("000000000000", "us-east-1", "hello")
    assert function is not None
    code = live_code(tmp_path / "shared")
    layer = LayerVersion(arn="arn:aws:lambda:us-east-1:0:layer:l:1", code=code)
    watched.registry.update(function, replace(function.latest, layers=(layer,)), "layers")
    await asyncio.sleep(0)  # it looks soon
    watched.write("shared", value=2, file="lib.py")
    if not followed:
        watched.write("hello", value=2)
    await watched.until(lambda: watched.said)
    assert watched.said[0].startswith("reloaded hello (")
    assert (function.latest.layers[0].code != code) is followed
