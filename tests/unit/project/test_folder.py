"""Functions of a folder without a template, applied to the registry."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from emulator.code.live import is_code, live_code
from emulator.model.errors import ConfigurationError
from emulator.model.function import Code, FunctionVersion, LayerVersion
from emulator.project.folder import Folder, FunctionChanges
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.testing import FakeClock, RecordingConsole

ACCOUNT, REGION = "000000000000", "eu-central-1"


def write(root: Path, *names: str, handler: str = "handler") -> None:
    """Write folders with functions."""
    for name in names:
        (root / name).mkdir(exist_ok=True)
        (root / name / "app.py").write_text(f"def {handler}(event, context):\n    return 1\n")


class Registered:
    """A folder with its registry, and what the registry retired."""

    def __init__(
        self,
        root: Path,
        *,
        strict: bool = False,
        runtimes: tuple[str, ...] = (),
        variables: dict[str, dict[str, str]] | None = None,
    ) -> None:
        self.registry = Registry()
        self.retired: list[FunctionVersion] = []
        self.registry.on_retired.append(lambda version, reason: self.retired.append(version))
        self.runtimes = runtimes or ("python3.12",)
        self.folder = Folder(
            root,
            registry=self.registry,
            clock=FakeClock(),
            console=RecordingConsole(),
            check_runtime=self.check_runtime,
            account=ACCOUNT,
            region=REGION,
            strict=strict,
            variables=variables,
        )

    def check_runtime(self, runtime: str) -> str | None:
        if "none" in self.runtimes:
            raise ConfigurationError(f"no {runtime} here")
        return None if runtime in self.runtimes else f"{runtime} is served by {self.runtimes[0]}"

    def function(self, name: str) -> Function:
        function = self.registry.find(ACCOUNT, REGION, name)
        assert function is not None
        return function

    def latest(self, name: str) -> FunctionVersion:
        return self.function(name).latest


def test_declared_functions_are_active_and_live(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    registered = Registered(tmp_path)
    assert registered.folder.load() == []
    latest = registered.latest("hello")
    assert latest.state == "Active"
    assert latest.handler == "app.handler"
    assert latest.code.live
    assert latest.code.source == tmp_path / "hello"
    assert latest.code.size == (tmp_path / "hello" / "app.py").stat().st_size


def test_functions_have_the_variables_that_are_given(tmp_path: Path) -> None:
    write(tmp_path, "one", "two")
    given = {"": {"STAGE": "test", "SIZE": "1"}, "two": {"SIZE": "2"}}
    registered = Registered(tmp_path, variables=given)
    registered.folder.load()
    assert registered.latest("one").environment == {"STAGE": "test", "SIZE": "1"}
    assert registered.latest("two").environment == {"STAGE": "test", "SIZE": "2"}
    reserved = Registered(tmp_path, variables={"one": {"AWS_REGION": "x"}})
    with pytest.raises(ConfigurationError, match=r"one: .* reserved keys"):
        reserved.folder.load()


def test_an_ill_named_folder_is_left_out_with_a_note_or_refused(tmp_path: Path) -> None:
    write(tmp_path, "hello", "my.function")
    registered = Registered(tmp_path)
    (note,) = registered.folder.load()
    assert note.startswith(f"left out: {tmp_path / 'my.function'} can't name a function")
    assert list(registered.folder.contents.functions) == ["hello"]
    assert registered.folder.check(registered.folder.read()) == [], "once is enough"
    with pytest.raises(ConfigurationError, match=r"my\.function can't name"):
        Registered(tmp_path, strict=True).folder.load()


def test_links_that_lead_out_of_a_functions_folder_are_noted(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    folder = tmp_path / "hello"
    (folder / "inside.py").symlink_to("app.py")
    registered = Registered(tmp_path)
    assert registered.folder.load() == []
    (folder / "absolute.py").symlink_to(folder / "app.py")
    for name in ("b", "c", "d"):
        (folder / name).symlink_to("..")
    (note,) = registered.folder.check(registered.folder.read())
    assert note.startswith("hello: a function sees its own folder alone")
    assert note.endswith("these links lead: absolute.py, b, c and 1 more")


def test_only_what_changed_is_applied(tmp_path: Path) -> None:
    write(tmp_path, "one", "two")
    registered = Registered(tmp_path)
    registered.folder.load()
    one, two = registered.latest("one"), registered.latest("two")
    write(tmp_path, "one", handler="lambda_handler")
    found = registered.folder.read()
    assert registered.folder.apply(found) == FunctionChanges(updated=("one",))
    assert registered.latest("one").generation == one.generation + 1
    assert registered.latest("two") is two
    assert registered.retired == [one]
    shutil.rmtree(tmp_path / "one")
    write(tmp_path, "three")
    changes = registered.folder.apply(registered.folder.read())
    assert changes == FunctionChanges(added=("three",), removed=("one",))
    assert registered.registry.find(ACCOUNT, REGION, "one") is None


def test_what_the_api_changed_stays_until_the_declaration_changes(tmp_path: Path) -> None:
    write(tmp_path, "hello", "gone")
    registered = Registered(tmp_path)
    registered.folder.load()
    registered.registry.remove(registered.function("gone"))
    assert registered.folder.apply(registered.folder.read()) == FunctionChanges()
    assert registered.registry.find(ACCOUNT, REGION, "gone") is None


def test_a_reload_retires_what_runs_and_takes_the_code_as_it_is_now(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    registered = Registered(tmp_path)
    registered.folder.load()
    before = registered.latest("hello")
    (tmp_path / "hello" / "more.py").write_text("x = 1\n")
    now = {tmp_path / "hello": live_code(tmp_path / "hello")}
    assert registered.registry.reload(registered.function("hello"), now)
    after = registered.latest("hello")
    assert registered.retired == [before]
    assert after.code.sha256 != before.code.sha256
    assert after.key != before.key
    assert not registered.registry.reload(registered.function("hello"), {tmp_path: after.code})


def test_a_reload_reaches_layers_and_published_versions(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    registered = Registered(tmp_path)
    registered.folder.load()
    function = registered.function("hello")
    layer = LayerVersion(arn="arn", code=Code(sha256="a", size=1, folder=tmp_path, live=True))
    plain = function.latest.code
    function.latest = FunctionVersion(
        account=ACCOUNT, region=REGION, name="hello", code=plain, layers=(layer,)
    )
    function.versions["1"] = FunctionVersion(
        account=ACCOUNT, region=REGION, name="hello", version="1", code=plain
    )
    now = Code(sha256="b", size=2, folder=tmp_path, live=True)
    assert registered.registry.reload(function, {tmp_path: now})
    assert function.latest.layers[0].code is now
    assert function.latest.code is plain
    assert function.versions["1"].generation == 0, "it has no such layer"
    assert registered.registry.reload(function, {tmp_path / "hello": now})
    assert function.versions["1"].code is now
    assert function.versions["1"].generation == 1


def test_where_one_function_is_refused_all_stay_as_they_were(tmp_path: Path) -> None:
    write(tmp_path, "first", "old")
    given = {"refused": {"AWS_REGION": "x"}}
    registered = Registered(tmp_path, variables=given)
    registered.folder.load()
    before, old = registered.folder.contents, registered.latest("old")
    write(tmp_path, "added", "refused")
    write(tmp_path, "old", handler="lambda_handler")
    shutil.rmtree(tmp_path / "first")
    with pytest.raises(ConfigurationError, match=r"refused: .* reserved keys"):
        registered.folder.apply(registered.folder.read())
    assert registered.folder.contents is before
    assert registered.latest("old") is old
    assert registered.function("first")
    shutil.rmtree(tmp_path / "refused")
    changes = registered.folder.apply(registered.folder.read())
    assert changes == FunctionChanges(added=("added",), updated=("old",), removed=("first",))


def test_runtimes_that_differ_are_noted_once(tmp_path: Path) -> None:
    write(tmp_path, "one", "two")
    registered = Registered(tmp_path, runtimes=("python3.13",))
    assert registered.folder.load() == ["python3.12 is served by python3.13"]
    assert registered.folder.check(registered.folder.read()) == []


def test_a_runtime_that_is_not_there_is_noted_or_refused(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    assert Registered(tmp_path, runtimes=("none",)).folder.load() == ["no python3.12 here"]
    with pytest.raises(ConfigurationError, match=r"no python3\.12 here"):
        Registered(tmp_path, strict=True, runtimes=("none",)).folder.load()


def test_the_digest_tells_every_change_of_a_file_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    folder = tmp_path / "hello"
    first = live_code(folder).sha256
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "app.cpython-312.pyc").write_bytes(b"x")
    (folder / ".app.py.swp").write_bytes(b"x")
    assert live_code(folder).sha256 == first
    digests = {first}
    info = (folder / "app.py").stat()
    os.utime(folder / "app.py", ns=(info.st_atime_ns, info.st_mtime_ns + 1))
    digests.add(live_code(folder).sha256)
    (folder / "app.py").chmod(0o755)
    digests.add(live_code(folder).sha256)
    (folder / "app.py").rename(folder / "apq.py")
    digests.add(live_code(folder).sha256)
    (folder / "link").symlink_to("nowhere")
    digests.add(live_code(folder).sha256)
    assert len(digests) == 5


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("app.py", True),
        ("lib/helper.py", True),
        (".env", True),
        ("node_modules/left-pad/index.js", True),
        ("__pycache__/app.cpython-312.pyc", False),
        ("lib/__pycache__/x.pyc", False),
        (".git/index", False),
        (".venv/lib/x.py", False),
        ("app.py~", False),
        (".app.py.swp", False),
        (".app.py.swx", False),
        ("4913", False),
        (".#app.py", False),
        ("#app.py#", False),
        ("app.py.tmp", False),
        ("app.py___jb_tmp___", False),
        (".goutputstream-XYZ", False),
    ],
)
def test_which_paths_count(path: str, expected: bool) -> None:
    assert is_code(Path(path)) is expected
