"""Functions of the user's folder, applied to the registry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.model.errors import ConfigurationError
from emulator.model.function import FunctionVersion
from emulator.project.folder import Folder, FunctionChanges
from emulator.project.live_code import is_code, live_code
from emulator.registry.functions import Registry
from emulator.testing import FakeClock

ACCOUNT, REGION = "000000000000", "eu-central-1"
RESOURCE = """
  {name}:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: {name}
      CodeUri: {name}
      Handler: app.handler
      Runtime: {runtime}
      Timeout: {timeout}
"""


def write(root: Path, *names: str, runtime: str = "python3.12", timeout: int = 3) -> None:
    """Write a template that declares these functions, with their code."""
    text = "Resources:\n"
    for name in names:
        (root / name).mkdir(exist_ok=True)
        (root / name / "app.py").write_text("def handler(event, context):\n    return 1\n")
        text += RESOURCE.format(name=name, runtime=runtime, timeout=timeout)
    (root / "template.yaml").write_text(text)


class Registered:
    """A folder with its registry, and what the registry retired."""

    def __init__(self, root: Path, *, strict: bool = False) -> None:
        self.registry = Registry()
        self.retired: list[FunctionVersion] = []
        self.registry.on_retired.append(lambda version, reason: self.retired.append(version))
        self.folder = Folder(
            root,
            registry=self.registry,
            clock=FakeClock(),
            check_runtime=self.check_runtime,
            account=ACCOUNT,
            region=REGION,
            strict=strict,
        )

    def check_runtime(self, runtime: str) -> str | None:
        if runtime == "java21":
            raise ConfigurationError("no java21 here")
        return None if runtime == "python3.12" else f"{runtime} is served by python3.12"

    def latest(self, name: str) -> FunctionVersion:
        function = self.registry.find(ACCOUNT, REGION, name)
        assert function is not None
        return function.latest


def test_declared_functions_are_active_and_live(tmp_path: Path) -> None:
    write(tmp_path, "hello", timeout=7)
    registered = Registered(tmp_path)
    assert registered.folder.load() == []
    latest = registered.latest("hello")
    assert latest.state == "Active"
    assert latest.timeout_s == 7
    assert latest.code.live
    assert latest.code.folder == tmp_path / "hello"
    assert latest.code.size == (tmp_path / "hello" / "app.py").stat().st_size


def test_a_bare_folder_declares_functions(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    (tmp_path / "template.yaml").unlink()
    registered = Registered(tmp_path)
    registered.folder.load()
    assert registered.latest("hello").handler == "app.handler"


def test_an_ill_named_folder_is_left_out_with_a_note_or_refused(tmp_path: Path) -> None:
    write(tmp_path, "hello", "my.function")
    (tmp_path / "template.yaml").unlink()
    registered = Registered(tmp_path)
    (note,) = registered.folder.load()
    assert note.startswith(f"left out: {tmp_path / 'my.function'} can't name a function")
    assert list(registered.folder.contents.functions) == ["hello"]
    assert registered.folder.check(registered.folder.read()) == [], "once is enough"
    with pytest.raises(ConfigurationError, match=r"my\.function can't name"):
        Registered(tmp_path, strict=True).folder.load()


@pytest.mark.parametrize("strict", [False, True])
def test_a_resource_that_is_not_made_is_noted_once(tmp_path: Path, strict: bool) -> None:
    write(tmp_path, "hello")
    with (tmp_path / "template.yaml").open("a") as text:
        text.write("  Table: {Type: AWS::DynamoDB::Table}\n")
    registered = Registered(tmp_path, strict=strict)
    note = "not made from the template: Table (AWS::DynamoDB::Table)"
    assert registered.folder.load() == [note]
    assert registered.folder.check(registered.folder.read()) == [], "once is enough"


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
    (tmp_path / "template.yaml").write_text(
        (tmp_path / "template.yaml").read_text().replace("Timeout: 3", "Timeout: 9", 1)
    )
    found = registered.folder.read()
    assert registered.folder.apply(found) == FunctionChanges(updated=("one",))
    assert registered.latest("one").generation == one.generation + 1
    assert registered.latest("two") is two
    assert registered.retired == [one]
    write(tmp_path, "two", "three")
    changes = registered.folder.apply(registered.folder.read())
    assert changes == FunctionChanges(added=("three",), removed=("one",))
    assert registered.registry.find(ACCOUNT, REGION, "one") is None


def test_what_the_api_changed_stays_until_the_declaration_changes(tmp_path: Path) -> None:
    write(tmp_path, "hello", "gone")
    registered = Registered(tmp_path)
    registered.folder.load()
    gone = registered.registry.find(ACCOUNT, REGION, "gone")
    assert gone is not None
    registered.registry.remove(gone)
    assert not registered.folder.apply(registered.folder.read())
    assert registered.registry.find(ACCOUNT, REGION, "gone") is None


def test_a_reload_retires_what_runs_and_takes_the_code_as_it_is_now(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    registered = Registered(tmp_path)
    registered.folder.load()
    before = registered.latest("hello")
    (tmp_path / "hello" / "more.py").write_text("x = 1\n")
    assert registered.folder.reload("hello", live_code(tmp_path / "hello"))
    after = registered.latest("hello")
    assert registered.retired == [before]
    assert after.code.sha256 != before.code.sha256
    assert after.key != before.key


def test_a_reload_leaves_uploaded_and_deleted_functions_alone(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    registered = Registered(tmp_path)
    registered.folder.load()
    code = live_code(tmp_path / "hello")
    assert not registered.folder.reload("other", code)
    function = registered.registry.find(ACCOUNT, REGION, "hello")
    assert function is not None
    registered.registry.remove(function)
    assert not registered.folder.reload("hello", code)


def test_runtimes_that_differ_are_noted_once(tmp_path: Path) -> None:
    write(tmp_path, "one", "two", runtime="python3.13")
    registered = Registered(tmp_path)
    assert registered.folder.load() == ["python3.13 is served by python3.12"]
    assert registered.folder.check(registered.folder.read()) == []


def test_a_runtime_that_aws_does_not_have_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "hello", runtime="pyton3.12")
    with pytest.raises(
        ConfigurationError, match=r"AWS has no runtime 'pyton3\.12'; it has python3\.12"
    ):
        Registered(tmp_path).folder.load()


def test_a_runtime_that_is_not_there_is_noted_or_refused(tmp_path: Path) -> None:
    write(tmp_path, "hello", runtime="java21")
    assert Registered(tmp_path).folder.load() == ["no java21 here"]
    with pytest.raises(ConfigurationError, match="no java21 here"):
        Registered(tmp_path, strict=True).folder.load()


def test_strict_refuses_what_is_not_acted_on(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    with (tmp_path / "template.yaml").open("a") as file:
        file.write("      Tracing: Active\n")
    registered = Registered(tmp_path)
    registered.folder.load()
    function = registered.registry.find(ACCOUNT, REGION, "hello")
    assert function is not None
    assert function.ignored == ("Tracing",)
    with pytest.raises(ConfigurationError, match=r"hello: not acted on: Tracing\. Remove it, or"):
        Registered(tmp_path, strict=True).folder.load()


def test_reserved_variables_are_refused_as_aws_does(tmp_path: Path) -> None:
    write(tmp_path, "hello")
    with (tmp_path / "template.yaml").open("a") as file:
        file.write("      Environment:\n        Variables:\n          AWS_REGION: there\n")
    with pytest.raises(ConfigurationError, match=r"hello: .*reserved keys.*AWS_REGION"):
        Registered(tmp_path).folder.load()


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
