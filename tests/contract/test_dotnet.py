"""Assemblies of .NET in each kind of sandbox that processes of this machine have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.driver.base import Driver
from emulator.driver.process.driver import ProcessDriver
from tests import dotnet, dotnet_functions
from tests.contract.conftest import LINUX, PROCESS_ONLY
from tests.contract.sandboxes import Runtime, is_jailed, make_spec

pytestmark = [
    pytest.mark.xdist_group("dotnet"),  # one worker makes what they need
    pytest.mark.timeout(1200),  # the first one fetches a .NET, and compiles
    pytest.mark.slow,
    pytest.mark.skipif(not LINUX, reason="the peer of a connection is unknown elsewhere"),
]

CERTIFICATES = "/var/runtime/empty-certificates.crt"


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    folder = dotnet_functions.build()
    with dotnet_functions.on_this_machine(folder):
        yield folder


@PROCESS_ONLY
async def test_an_executable_assembly_finds_its_code_and_its_runtime(
    built: Path, driver: Driver
) -> None:
    code = built / "publish"
    environ = {"DOTNET_ROOT": "/var/lang/bin", "SSL_CERT_FILE": CERTIFICATES}
    spec = make_spec(code, runtime="dotnet8", handler="Hello", memory_mb=512, environ=environ)
    runtime = await Runtime.start(driver, spec)
    await runtime.ready()
    answer = (await runtime.invoke({})).json()
    assert answer["folder"] == ("/var/task" if is_jailed(driver) else str(code))
    own = "/var/lang/bin" if is_jailed(driver) else str(dotnet.root())
    assert answer["variables"]["DOTNET_ROOT"] == own
    assert answer["files"] == [f"{own}/dotnet", answer["variables"]["SSL_CERT_FILE"]]
    await runtime.stop()


@PROCESS_ONLY
async def test_a_class_library_finds_the_client(built: Path, driver: Driver) -> None:
    handler = "Hello::Hello.Function::Greet"
    spec = make_spec(built / "publish", runtime="dotnet8", handler=handler, memory_mb=512)
    runtime = await Runtime.start(driver, spec)
    await runtime.ready()
    assert (await runtime.invoke("you")).json() == "Hello, you!"
    await runtime.stop()


@PROCESS_ONLY
async def test_a_newer_release_serves_with_a_note(built: Path, driver: Driver) -> None:
    assert isinstance(driver, ProcessDriver)
    note = driver.check_runtime("dotnet8") or ""
    assert note.startswith(f"dotnet8 functions run on dotnet{dotnet.RELEASE} (")
    assert note.endswith("no .NET 8 here.")
