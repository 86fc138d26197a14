"""What is executed for a .NET function, and which of NuGet's packages start a class library."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from emulator.driver.conventions import runtimes_folder
from emulator.driver.languages import dotnet_client
from emulator.driver.languages.base import Command, Interpreter, Seen
from emulator.driver.languages.dotnet import LANGUAGE
from emulator.model.errors import DriverFault

PROGRAM = "/var/lang/bin/dotnet"
BOOTSTRAP = runtimes_folder() / "dotnet"


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """NuGet's folder, which is empty."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.setenv("NUGET_PACKAGES", str(folder))
    return folder


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    return folder


def command(
    code: Path, handler: str, *, release: int = 8, runtime: str = "/var/runtime", **environ: str
) -> Command:
    seen = Seen(
        interpreter=Interpreter(LANGUAGE, release, Path("/usr/share/dotnet/dotnet")),
        program=PROGRAM,
        handler=handler,
        environ={"AWS_EXECUTION_ENV": "AWS_Lambda_dotnet8", **environ},
        code=code,
        task="/var/task",
        roots={"/var/task": [code], "/opt": []},
        runtime=runtime,
    )
    return LANGUAGE.own_command(seen)


def write(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def put_package(packages: Path, name: str, version: str, *targets: str) -> Path:
    folder = packages / name.lower() / version
    for target in targets:
        write(folder / "lib" / target, f"{name}.dll")
    return folder


def put_client(packages: Path) -> Path:
    version = put_package(packages, "Amazon.Lambda.RuntimeSupport", "1.13.1", "net8.0")
    return version / "lib/net8.0"


@pytest.mark.parametrize("handler", ["App", "App.dll"])
def test_an_executable_assembly_is_executed(code: Path, handler: str) -> None:
    write(code, "App.dll", "App")
    assert command(code, handler) == Command([PROGRAM, "exec", "/var/task/App.dll"])


def test_on_a_newer_release_it_is_rolled_forward(code: Path) -> None:
    write(code, "App.dll")
    rolled = [PROGRAM, "exec", "--roll-forward", "Major", "/var/task/App.dll"]
    assert command(code, "App", release=9).argv == rolled


def test_a_program_without_an_assembly_is_executed_itself(code: Path) -> None:
    write(code, "bootstrap")
    assert command(code, "bootstrap").argv == ["/var/task/bootstrap"]


@pytest.mark.parametrize(
    ("files", "handler", "status", "said"),
    [
        ((), "App", 104, "executable assembly /var/task/App.dll or binary /var/task/App not found"),
        ((), "App::A.B::C", 105, "missing the required .deps.json file"),
        (("a.deps.json", "b.deps.json"), "App::A.B::C", 105, "required .deps.json file"),
        (("App.deps.json",), "App::A.B::C", 106, "required .runtimeconfig.json file"),
        ((), "x" * 300, 104, "not found"),
    ],
)
def test_what_is_not_there_is_said_with_aws_s_status(
    code: Path, files: tuple[str, ...], handler: str, status: int, said: str
) -> None:
    write(code, *files)
    done = subprocess.run(command(code, handler).argv, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr


@pytest.mark.parametrize("handler", ["A\0", "A\0::B::C", "\ud800"])
def test_names_that_no_file_can_have_are_not_found(code: Path, handler: str) -> None:
    assert command(code, handler).argv[0] == "/bin/sh"


def test_a_class_library_is_started_by_the_client(code: Path, packages: Path) -> None:
    client = put_client(packages)
    write(code, "App.dll", "App.deps.json", "App.runtimeconfig.json", "Other.deps.json")
    found = command(code, "App::A.B::C")
    assert found.argv == [
        *(PROGRAM, "exec", "--depsfile", "/var/task/App.deps.json"),
        *("--runtimeconfig", "/var/task/App.runtimeconfig.json"),
        *("/var/runtime/bootstrap.dll", "App::A.B::C", "/var/runtime"),
    ]
    assert found.runtime == (BOOTSTRAP, client)


def test_without_namespaces_the_client_is_at_its_own_place(code: Path, packages: Path) -> None:
    client = put_client(packages)
    write(code, "App.deps.json", "App.runtimeconfig.json")
    argv = command(code, "App::A.B::C", runtime="").argv
    assert argv[-4:] == [f"{BOOTSTRAP}/bootstrap.dll", "App::A.B::C", str(BOOTSTRAP), str(client)]


@pytest.mark.parametrize("main", ["Main", "Main.dll"])
def test_the_main_assembly_may_be_another_or_the_only_one(
    code: Path, packages: Path, main: str
) -> None:
    put_client(packages)
    write(code, "Main.deps.json", "Main.runtimeconfig.json")
    assert "/var/task/Main.deps.json" in command(code, "App::A.B::C").argv
    write(code, "App.deps.json", "App.runtimeconfig.json")
    argv = command(code, "App::A.B::C", LAMBDA_DOTNET_MAIN_ASSEMBLY=main).argv
    assert "/var/task/Main.deps.json" in argv


def test_the_newest_client_that_a_release_can_load_is_taken(packages: Path) -> None:
    name = "Amazon.Lambda.RuntimeSupport"
    old = put_package(packages, name, "1.9.0", "netstandard2.0", "net6.0")
    put_package(packages, name, "1.10.0", "net8.0", "net9.0")
    put_package(packages, name, "2.1.2", "net10.0")
    core = put_package(packages, "Amazon.Lambda.Core", "2.5.0", "netstandard2.0", "net6.0")
    newer = packages / name.lower() / "1.10.0/lib/net8.0"
    assert dotnet_client.folders(8) == (BOOTSTRAP, newer, core / "lib/net6.0")
    assert dotnet_client.folders(6) == (BOOTSTRAP, old / "lib/net6.0", core / "lib/net6.0")


def test_no_client_names_what_is_missing_and_how_to_get_it(packages: Path) -> None:
    put_package(packages, "Amazon.Lambda.RuntimeSupport", "2.1.2", "net10.0")
    with pytest.raises(DriverFault) as raised:
        dotnet_client.folders(8)
    said = str(raised.value)
    assert f"no Amazon.Lambda.RuntimeSupport for .NET 8 in {packages}" in said
    assert "`dotnet add package Amazon.Lambda.RuntimeSupport`" in said
    assert said.endswith("make the function an executable assembly, or use --driver docker.")
