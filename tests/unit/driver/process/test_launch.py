from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.conventions import LD_LIBRARY_PATH, runtimes_folder
from emulator.driver.languages.base import Interpreter
from emulator.driver.languages.dotnet import LANGUAGE as DOTNET
from emulator.driver.languages.nodejs import LANGUAGE as NODEJS
from emulator.driver.languages.provided import LANGUAGE as PROVIDED
from emulator.driver.languages.python import LANGUAGE as PYTHON
from emulator.driver.languages.table import LANGUAGES
from emulator.driver.process.interpreters import Choice
from emulator.driver.process.launch import Paths, ProcessLaunch, plan
from emulator.driver.process.layout import jail_plan
from emulator.model.sandbox import EnvironmentSpec

PYENV = Choice(PYTHON, Interpreter(PYTHON, 12, Path("/root/.pyenv/versions/3.12/bin/python3.12")))
SYSTEM = Choice(PYTHON, Interpreter(PYTHON, 11, Path("/usr/bin/python3.11")))
NODE = Choice(NODEJS, Interpreter(NODEJS, 20, Path("/usr/bin/node")))


def make(
    choice: Choice = SYSTEM, *, jailed: bool = True, bootstrap: str = "localfaas", **changes: Any
) -> ProcessLaunch:
    values: dict[str, Any] = {
        "environment_id": "0" * 32,
        "function_name": "f",
        "function_version": "1",
        "runtime": "python3.12",
        "handler": "app.handler",
        "code": Path("/state/code"),
        "environ": {},
        "runtime_api": "127.0.0.1:1",
    }
    spec = EnvironmentSpec(**{**values, **changes})
    return plan(
        spec,
        choice,
        bootstrap=bootstrap,
        jailed=jailed,
        tmp=Path("/state/tmp"),
        state=Path("/state"),
    )


def test_an_ordinary_function_takes_a_stem_cell() -> None:
    launch = make(environ={"A": "1", "PYTHONPATH": "/x", "LD_LIBRARY_PATH": LD_LIBRARY_PATH})
    assert launch.early
    assert launch.channel
    assert launch.environ["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:1"
    assert launch.mounts == [["rw", "/state/tmp", "/tmp"], ["ro", "/state/code", "/var/task"]]


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (SYSTEM, "PYTHONHASHSEED"),
        (SYSTEM, "PYTHONDEVMODE"),
        (SYSTEM, "LD_PRELOAD"),
        (NODE, "MALLOC_ARENA_MAX"),
        (NODE, "NODE_OPTIONS"),
        (NODE, "AWS_LAMBDA_EXEC_WRAPPER"),
    ],
)
def test_what_only_a_new_process_reads_needs_one(choice: Choice, name: str) -> None:
    assert not make(choice, environ={name: "1"}).early


@pytest.mark.parametrize(("choice", "name"), [(SYSTEM, "NODE_OPTIONS"), (NODE, "PYTHONHASHSEED")])
def test_what_another_language_reads_needs_none(choice: Choice, name: str) -> None:
    launch = make(choice, environ={name: "1"})
    assert launch.early
    assert launch.environ[name] == "1"


def test_a_start_loads_no_other_language() -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from emulator.driver.process import interpreters, launch\n"
        "from emulator.model.sandbox import EnvironmentSpec\n"
        "spec = EnvironmentSpec(environment_id='0', function_name='f', function_version='1',\n"
        "    runtime='python3.11', handler='app.handler', code=Path('/code'), environ={},\n"
        "    runtime_api='127.0.0.1:1')\n"
        "choice = interpreters.choose(spec.runtime)\n"
        "launch.plan(spec, choice, bootstrap='localfaas', jailed=True, tmp=None, state=Path('/'))\n"
        "print(*(name for name in sys.modules if name.startswith('emulator.driver.languages.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert loaded & set(LANGUAGES) == {"python"}


def test_another_library_path_needs_a_new_process() -> None:
    assert not make(environ={"LD_LIBRARY_PATH": "/var/task/own"}).early


def test_an_interpreter_the_sandbox_can_not_see_is_at_var_lang() -> None:
    launch = make(PYENV, environ={"PYTHONHASHSEED": "0"})
    assert launch.argv == ("/var/lang/bin/python3.12", "/var/runtime/bootstrap.py")


def test_a_wrapper_gets_the_runtimes_command() -> None:
    launch = make(environ={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"})
    assert launch.argv == ("/opt/wrap", "/usr/bin/python3.11", "/var/runtime/bootstrap.py")
    assert launch.wrapped


def test_node_behind_a_wrapper_speaks_tcp() -> None:
    launch = make(NODE, environ={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"})
    options = NODEJS.options(Interpreter(NODEJS, 20, Path("/usr/bin/node")), {})
    assert launch.argv == ("/opt/wrap", "/usr/bin/node", *options, "/var/runtime/bootstrap.mjs")
    assert not launch.channel


def test_the_official_client_speaks_tcp() -> None:
    launch = make(bootstrap="awslambdaric")
    assert launch.argv == ("/usr/bin/python3.11", "-S", "/var/runtime/official.py")
    assert not launch.channel


def test_layers_upper_first() -> None:
    two = (Path("/low"), Path("/up"))
    assert make(layers=two).mounts[-1] == ["overlay", ["/up", "/low"], "/opt"]
    assert make(layers=two[:1]).mounts[-1] == ["ro", "/low", "/opt"]
    assert make(layers=two, jailed=False).paths.opt == ("/up", "/low")


def test_without_namespaces_variables_tell_the_places() -> None:
    launch = make(
        jailed=False,
        layers=(Path("/layer"),),
        environ={"LAMBDA_TASK_ROOT": "/var/task", "PATH": "/usr/bin:/opt/bin:/var/taskforce"},
    )
    assert launch.environ["LAMBDA_TASK_ROOT"] == "/state/code"
    assert launch.environ["TMPDIR"] == "/state/tmp"
    assert launch.environ["PATH"] == "/usr/bin:/layer/bin:/var/taskforce"
    assert launch.mounts == []


def test_paths_stay_as_they_are_in_a_jail() -> None:
    assert Paths().translate("/var/task/a:/opt") == "/var/task/a:/opt"


def test_provided_takes_the_codes_bootstrap_then_a_layers(tmp_path: Path) -> None:
    code, layer = tmp_path / "code", tmp_path / "layer"
    code.mkdir()
    layer.mkdir()
    provided = Choice(PROVIDED, None)
    missing = make(provided, code=code)
    assert missing.error is not None
    assert missing.error[0] == "Runtime.InvalidEntrypoint"
    (layer / "bootstrap").touch()
    assert make(provided, code=code, layers=(layer,)).argv == ("/opt/bootstrap",)
    (code / "bootstrap").touch()
    assert make(provided, code=code, layers=(layer,)).argv == ("/var/task/bootstrap",)


def test_without_namespaces_dotnet_s_variables_name_this_machine_s_files(tmp_path: Path) -> None:
    installed = Choice(DOTNET, Interpreter(DOTNET, 8, Path("/usr/share/dotnet/dotnet")))
    environ = DOTNET.variables("dotnet8", "8", {})
    values: dict[str, Any] = {"environ": environ, "code": tmp_path, "handler": "App"}
    inside = make(installed, **values).environ
    assert inside["DOTNET_ROOT"] == "/var/lang/bin"
    assert inside["SSL_CERT_FILE"] == "/var/runtime/empty-certificates.crt"
    outside = make(installed, jailed=False, **values).environ
    assert outside["DOTNET_ROOT"] == "/usr/share/dotnet"
    assert outside["SSL_CERT_FILE"] == "/state/runtime/empty-certificates.crt"


def test_what_an_assembly_s_runtime_brings_is_joined_over_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUGET_PACKAGES", str(tmp_path))
    client = tmp_path / "amazon.lambda.runtimesupport/1.13.0/lib/net8.0"
    client.mkdir(parents=True)
    for name in ("Amazon.Lambda.RuntimeSupport.dll", "App.deps.json", "App.runtimeconfig.json"):
        (client / name).touch()
    installed = Choice(DOTNET, Interpreter(DOTNET, 8, Path("/root/.dotnet/dotnet")))
    launch = make(installed, code=client, handler="App::A.B::C")
    joined = [str(runtimes_folder() / "dotnet"), str(client)]
    assert launch.mounts[-1] == ["overlay", joined, "/var/runtime"]
    assert launch.argv[0] == "/var/lang/bin/dotnet"
    assert not launch.early
    assert not launch.channel


def test_an_installation_of_dotnet_is_in_aws_s_place_wherever_it_lies() -> None:
    seen = Path("/usr/lib")  # a folder that a sandbox sees at its own place, too
    built = jail_plan(user=False, first_uid=0, language=DOTNET, prefix=seen, argv=[])
    assert ("/usr/lib", "/var/lang/bin") in built["binds"]
    built = jail_plan(user=False, first_uid=0, language=PYTHON, prefix=seen, argv=[])
    assert "/usr/lib" not in dict(built["binds"])
