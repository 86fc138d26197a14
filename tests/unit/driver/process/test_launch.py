from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.driver.conventions import LD_LIBRARY_PATH
from emulator.driver.languages.base import Interpreter
from emulator.driver.languages.nodejs import LANGUAGE as NODEJS
from emulator.driver.languages.provided import LANGUAGE as PROVIDED
from emulator.driver.languages.python import LANGUAGE as PYTHON
from emulator.driver.process.interpreters import Choice
from emulator.driver.process.launch import Paths, ProcessLaunch, plan
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
    "name", ["PYTHONHASHSEED", "PYTHONDEVMODE", "LD_PRELOAD", "MALLOC_ARENA_MAX", "NODE_OPTIONS"]
)
def test_what_only_a_new_process_reads_needs_one(name: str) -> None:
    assert not make(environ={name: "1"}).early


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
