"""A runtime language is one module and one line: the drivers learn all of it from there."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import emulator.driver.languages
from emulator.driver.docker import launch
from emulator.driver.docker.images import Plan, own_image
from emulator.driver.docker.responses import ImageInfo
from emulator.driver.images import public_image
from emulator.driver.languages import table
from emulator.driver.process import checks
from emulator.driver.process.driver import ProcessDriver
from emulator.model.errors import ConfigurationError
from emulator.model.function import Code, FunctionVersion
from emulator.pool import environ
from tests.contract.sandboxes import Runtime, make_spec

#: The folder that the module lies in, where it would lie in emulator/driver/languages.
PLACE = Path(__file__).parent / "third"


@pytest.fixture(autouse=True)
def third(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The language, where the others are."""
    path = [*emulator.driver.languages.__path__, str(PLACE)]
    monkeypatch.setattr(emulator.driver.languages, "__path__", path)
    monkeypatch.setattr(table, "LANGUAGES", (*table.LANGUAGES, "mirror"))
    table.language.cache_clear()
    yield
    table.language.cache_clear()


@pytest.fixture
async def driver(tmp_path: Path) -> AsyncIterator[ProcessDriver]:
    driver = ProcessDriver(state=tmp_path / "state", stem_cells=1)
    await driver.open()
    yield driver
    await driver.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only Python and Node.js run")
async def test_its_functions_run_as_processes(driver: ProcessDriver, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    tmp_path.chmod(0o755)
    note = driver.check_runtime("mirror3")
    assert note is not None
    assert note.startswith("mirror3 functions run on mirror2 (")
    await driver.prepare("mirror2", "x86_64")
    runtime = await Runtime.start(driver, make_spec(code, runtime="mirror2", handler="a.glass"))
    await runtime.ready()
    assert (await runtime.invoke({"n": 1})).json() == ["a.glass", {"n": 1}]
    await runtime.stop()


def test_runtimes_that_no_module_declares_are_refused(driver: ProcessDriver) -> None:
    with pytest.raises(
        ConfigurationError,
        match="it serves python, nodejs, ruby, java, dotnet, provided and mirror",
    ):
        driver.check_runtime("lisp1")


def test_its_containers_start_with_its_bootstrap() -> None:
    plan = Plan(image="mirror:2", platform="linux/amd64", language="mirror", version="2")
    image = ImageInfo(id="", digest="", entrypoint=(), command=(), environ={}, architecture="amd64")
    stem = launch.stem(plan, image, "/run/control.sock")
    bootstrap, options, interpreter = stem.entrypoint[-3:]
    assert (bootstrap, options) == ("/var/localfaas/bootstrap --stem", "")
    assert interpreter == "/var/lang/bin/mirror2"
    assert own_image("mirror2") == "localfaas/mirror:2"
    assert public_image("mirror2") == "public.ecr.aws/lambda/mirror:2"


def test_its_variables_are_set() -> None:
    version = FunctionVersion(
        account="0" * 12,
        region="us-east-1",
        name="orders",
        runtime="mirror2",
        code=Code(sha256="x", size=1),
    )
    found = environ.build(
        version,
        log_group="g",
        log_stream="s",
        endpoint_url=None,
        initialization_type="on-demand",
    )
    assert (found["MIRROR_VERSION"], found["AWS_EXECUTION_ENV"]) == ("2", "AWS_Lambda_mirror2")


def test_the_doctor_looks_for_its_interpreters() -> None:
    assert any(each.subject == "Mirror" for each in checks.interpreters())
