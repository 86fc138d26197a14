""".NET functions run as processes: what they see, log and answer, and how they fail."""

from __future__ import annotations

import io
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.conventions import runtimes_folder
from emulator.driver.languages.dotnet import LANGUAGE as DOTNET
from emulator.settings import Settings
from tests import dotnet, dotnet_functions
from tests.acceptance.test_faults import again, whole_log
from tests.acceptance.test_snap_start_spares import call, publish
from tests.api.conftest import Running, create, zip_of

pytestmark = [
    pytest.mark.xdist_group("dotnet"),  # one worker makes what they need
    pytest.mark.timeout(1200),  # the first one fetches a .NET, and compiles
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs a Runtime API that tells who calls"),
]


#: With the least memory, and its share of a CPU, a first call takes many seconds.
LIMITS = {"MemorySize": 512, "Timeout": 60}
#: What AWS sets to the same value in each of its runtimes.
OF_ALL = {
    "DOTNET_ROOT": "/var/lang/bin",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:"
    "/var/task/lib:/opt/lib",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "PWD": "/var/task",
    "SHLVL": "0",
    "TZ": ":UTC",
}
OF_EACH: dict[str, dict[str, str]] = {
    "dotnet6": {},
    "dotnet8": {"SSL_CERT_FILE": "/var/runtime/empty-certificates.crt"},
    "dotnet10": {},
}
#: What AWS sets to other values in each function.
COMMON = """
    AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_MEMORY_SIZE
    AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE
    AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_LAMBDA_RUNTIME_API AWS_REGION
    AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_XRAY_CONTEXT_MISSING AWS_XRAY_DAEMON_ADDRESS
    LAMBDA_RUNTIME_NAME _AWS_XRAY_DAEMON_ADDRESS _AWS_XRAY_DAEMON_PORT _HANDLER
    _LAMBDA_TELEMETRY_LOG_FD
""".split()
#: What is set here alone, as everywhere; TMPDIR where there are no namespaces.
OWN_NAMES = ("AWS_ENDPOINT_URL", "AWS_DISABLE_HOST_PREFIX_INJECTION", "TMPDIR")


@pytest.fixture(scope="module")
def built() -> Path:
    return dotnet_functions.build()


@pytest.fixture(scope="module")
def code(built: Path) -> dict[str, bytes]:
    """The function's archive, as an API takes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in (built / "publish").iterdir():
            archive.write(path, path.name)
    return {"ZipFile": buffer.getvalue()}


@pytest.fixture(scope="module")
def emulator(built: Path) -> Iterator[Running]:
    with dotnet_functions.on_this_machine(built):
        running = Running(Settings(port=0, cpu_limit="none"))
        yield running
        running.stop()


@pytest.fixture(scope="module")
def client(emulator: Running) -> Any:
    return emulator.client("lambda")


@pytest.fixture(scope="module")
def hello(client: Any, code: dict[str, bytes]) -> str:
    """The name of an executable assembly's function."""
    own = {"Variables": {"OWN": "mine"}}
    fields = {"Runtime": "dotnet8", "Handler": "Hello", "Environment": own}
    create(client, "hello", Code=code, **LIMITS, **fields)
    client.get_waiter("function_active_v2").wait(FunctionName="hello")
    return "hello"


def test_an_executable_assembly_answers_and_stays_warm(
    client: Any, emulator: Running, hello: str
) -> None:
    first = again(client, hello, {"a": "ü"}).payload
    assert first["event"] == {"a": "ü"}
    assert first["version"] == dotnet.RELEASE
    assert first["variables"]["OWN"] == "mine"
    if os.geteuid() == 0:
        assert first["folder"] == "/var/task"
    assert again(client, hello).payload["calls"] == first["calls"] + 1
    logged = whole_log(emulator, hello)
    assert logged.index("lines") == logged.index("two") + 1, "what is printed is logged by lines"
    assert sum(line.startswith("INIT_START") for line in logged) == 1


@pytest.mark.parametrize("runtime", ["dotnet6", "dotnet8", "dotnet10"])
def test_it_sees_the_variables_that_it_sees_on_aws(
    client: Any, code: dict[str, bytes], runtime: str
) -> None:
    """As recorded from AWS on 2026-01-12, in all three runtimes."""
    create(client, runtime, Runtime=runtime, Handler="Hello", Code=code, **LIMITS)
    answer = again(client, runtime).payload
    seen = answer["variables"]
    assert seen.keys() - {*OWN_NAMES} == {*OF_ALL, *COMMON, *OF_EACH[runtime]}
    if os.geteuid() == 0:
        wanted = OF_ALL | OF_EACH[runtime] | {"AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}"}
        wanted |= {"LAMBDA_RUNTIME_NAME": runtime}
        assert {name: seen[name] for name in wanted} == wanted
        assert answer["files"] == ["/var/lang/bin/dotnet", *OF_EACH[runtime].values()]


def test_errors_exits_and_timeouts(client: Any, hello: str) -> None:
    failed = again(client, hello, {"raise": 1})
    assert failed.error == "Unhandled"
    assert failed.payload == {"errorType": "Asked", "errorMessage": "asked for"}
    assert again(client, hello, {"exit": 1}).payload["errorType"] == "Runtime.ExitError"
    client.update_function_configuration(FunctionName=hello, Timeout=12)
    client.get_waiter("function_updated_v2").wait(FunctionName=hello)
    again(client, hello)
    said = again(client, hello, {"sleep": 1}).payload["errorMessage"]
    assert "Task timed out after 12.00 seconds" in said
    assert again(client, hello).error is None


def test_a_class_library_runs_under_the_client_of_this_machine(
    client: Any, code: dict[str, bytes]
) -> None:
    handler = "Hello::Hello.Function::Greet"
    create(client, "library", Runtime="dotnet10", Handler=handler, Code=code, **LIMITS)
    assert again(client, "library", "you").payload == "Hello, you!"


def test_a_wrapper_is_given_the_command(client: Any, code: dict[str, bytes]) -> None:
    buffer = io.BytesIO(code["ZipFile"])
    with zipfile.ZipFile(buffer, "a") as archive:
        entry = zipfile.ZipInfo("wrapper")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, '#!/bin/sh\nexport OWN="$2"\nexec "$@"\n')
    own = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}
    fields = {"Runtime": "dotnet8", "Handler": "Hello.dll", "Environment": own}
    create(client, "wrapped", Code={"ZipFile": buffer.getvalue()}, **LIMITS, **fields)
    assert again(client, "wrapped").payload["variables"]["OWN"] == "exec"


def test_with_snap_start_a_spare_goes_on(
    client: Any, emulator: Running, code: dict[str, bytes]
) -> None:
    name = publish(client, "dotnet8", code["ZipFile"], "Hello")
    variables = call(client, name)["variables"]
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
    logged = whole_log(emulator, name)
    assert any(line.startswith("RESTORE_REPORT") for line in logged)


def test_what_is_not_in_the_code_ends_as_aws_s_start_script_does(
    client: Any, emulator: Running
) -> None:
    create(client, "absent", Runtime="dotnet8", Handler="Nowhere", Code={"ZipFile": zip_of(a="")})
    failed = again(client, "absent").payload
    assert failed["errorType"] == "Runtime.ExitError"
    assert failed["errorMessage"].endswith("exit status 104")
    said = "executable assembly /var/task/Nowhere.dll or binary /var/task/Nowhere not found."
    if os.geteuid() == 0:
        assert f"Error: {said}" in whole_log(emulator, "absent")


def test_a_class_library_without_a_client_says_how_to_get_it(
    client: Any, code: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUGET_PACKAGES", str(tmp_path))
    create(client, "bare", Runtime="dotnet8", Handler="Hello::Hello.Function::Greet", Code=code)
    with pytest.raises(client.exceptions.ServiceException, match="dotnet add package"):
        again(client, "bare", "you")


def test_the_program_that_starts_the_client_is_what_its_source_says(built: Path) -> None:
    shipped = runtimes_folder() / "dotnet/bootstrap.dll"
    assert (built / "bootstrap.dll").read_bytes() == shipped.read_bytes()


def test_an_installation_s_releases_are_its_folders() -> None:
    assert DOTNET.releases_of(dotnet.root() / "dotnet") == [dotnet.RELEASE]
    assert shutil.which("dotnet", path=dotnet.root())
