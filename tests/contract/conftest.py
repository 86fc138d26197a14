"""Each driver there is, and functions started on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.base import Driver
from emulator.driver.process.driver import ProcessDriver
from emulator.testing import ScriptedDriver
from tests.cluster import KUBERNETES as IN_CLUSTER
from tests.contract import docker_engine
from tests.contract.other_engines import OtherEngine, marked, other_engine
from tests.contract.pods import pods
from tests.contract.remote_engine import REMOTE, remote_engine
from tests.contract.sandboxes import Runtime, make_spec, run_python, write_code
from tests.needs import unavailable

__all__ = ["pods", "remote_engine"]

LINUX = sys.platform == "linux"
Start = Callable[..., Awaitable[Runtime]]

PROCESS = ["process-root", "process-user", "process-none"]
DOCKER = pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.xdist_group("docker")])
DOCKER_REMOTE = pytest.param("docker-remote", marks=REMOTE)
PODMAN = marked("podman")
KUBERNETES = pytest.param("kubernetes", marks=IN_CLUSTER)
#: What a driver whose runtimes are coroutines can promise, too.
SCRIPTED_TOO = pytest.mark.parametrize(
    "kind", ["scripted", *PROCESS, DOCKER, KUBERNETES], indirect=True
)
#: What depends on where the engine is.
REMOTE_TOO = pytest.mark.parametrize(
    "kind", [*PROCESS, DOCKER, DOCKER_REMOTE, KUBERNETES], indirect=True
)
#: What depends on which engine it is, and on that alone.
PODMAN_TOO = pytest.mark.parametrize("kind", [*PROCESS, DOCKER, PODMAN], indirect=True)
ENGINES_TOO = pytest.mark.parametrize(
    "kind", [*PROCESS, DOCKER, DOCKER_REMOTE, PODMAN, KUBERNETES], indirect=True
)
#: What the processes of this machine alone promise.
PROCESS_ONLY = pytest.mark.parametrize("kind", PROCESS, indirect=True)


def make_process_driver(kind: str, state: Path, **options: Any) -> ProcessDriver:
    """Return a process driver with the isolation that ``kind`` names."""
    isolation = kind.removeprefix("process-")
    if isolation != "none" and not LINUX:
        pytest.skip("needs Linux")
    if isolation == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    if isolation == "user":
        probe = subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False)
        if probe.returncode != 0:
            unavailable("needs user namespaces")
    return ProcessDriver(state=state, isolation=isolation, **options)


def make_driver(kind: str, state: Path, request: pytest.FixtureRequest) -> Driver:
    if kind == "scripted":
        return ScriptedDriver(run_python)
    if kind in ("docker", "docker-remote", "podman"):
        environ: Mapping[str, str] = os.environ
        if kind == "docker-remote":
            environ = request.getfixturevalue("remote_engine").environ()
        if kind == "podman":
            environ = request.getfixturevalue("podman").environ()
        docker_engine.need_engine()
        image = docker_engine.IMAGE
        images = {"python3.11": image, "provided.al2023": image}
        # One container for each test is enough; a stem cell is made when it is needed.
        return docker_engine.make_driver(images=images, stems=0, environ=environ)
    if kind == "kubernetes":
        found = request.getfixturevalue("pods")
        return found.driver()
    return make_process_driver(kind, state)


@pytest.fixture(scope="session")
def podman() -> Iterator[OtherEngine]:
    with other_engine("podman") as engine:
        yield engine


@pytest.fixture(params=[*PROCESS, DOCKER, KUBERNETES])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that the users of sandboxes can come to."""
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(0o755)
    return tmp_path


@pytest.fixture
async def driver(kind: str, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    driver = make_driver(kind, folder / "state", request)
    await driver.open()
    yield driver
    await driver.close()


@pytest.fixture
async def start(driver: Driver, folder: Path) -> AsyncIterator[Start]:
    """Start the Python function whose source is given; returns once it waits for work."""
    runtimes: list[Runtime] = []

    async def start(source: str, *, wait: bool = True, **changes: Any) -> Runtime:
        code = changes.pop("code", None) or write_code(folder, source)
        spec = make_spec(code, **changes)
        runtime = await Runtime.start(driver, spec)
        runtimes.append(runtime)
        if wait:
            await runtime.ready()
        return runtime

    yield start
    for runtime in runtimes:
        await runtime.stop()
