"""aws-lambda-go's own extension, which lets a function do its last work."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import time
import uuid
import zipfile
from collections.abc import Iterator

import pytest

from emulator.model.causes import StopCause
from tests.acceptance.conftest import ROOT
from tests.acceptance.drivers import DRIVERS, settings
from tests.api.conftest import Running, create
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

SOURCE = """package main

import (
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.StartWithOptions(
		func() (string, error) { return "served", nil },
		lambda.WithEnableSIGTERM(func() { fmt.Println("the last work") }),
	)
}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The function's package."""
    if shutil.which("go") is None:
        pytest.skip("needs go")
    folder = tmp_path_factory.mktemp("go")
    for name in ("go.mod", "go.sum"):
        shutil.copy(ROOT / "sample_functions/languages/hello-go" / name, folder)
    (folder / "main.go").write_text(SOURCE)
    subprocess.run(
        ["go", "build", "-tags", "lambda.norpc", "-o", "bootstrap", "."],
        cwd=folder,
        env={**os.environ, "CGO_ENABLED": "0"},
        check=True,
        timeout=PATIENCE_S,
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "bootstrap", "bootstrap")
    return packed.getvalue()


@pytest.fixture(params=DRIVERS)
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(settings(request.param))
    yield running
    running.stop()


def test_a_go_function_does_its_last_work(running: Running, package: bytes) -> None:
    client, logs = running.client("lambda"), running.client("logs")
    name = f"go-{uuid.uuid4().hex[:8]}"
    create(client, name, Code={"ZipFile": package}, Runtime="provided.al2023", Timeout=60)
    client.get_waiter("function_active_v2").wait(FunctionName=name)

    async def evict() -> None:
        for each in list(running.emulator.pools.environments.values()):
            await each.stop(StopCause.EVICTED)

    deadline, told = time.monotonic() + PATIENCE_S, ""
    # Half a second is all that a function has: a machine that is busy may need more.
    while "the last work" not in told:
        assert time.monotonic() < deadline, told
        assert client.invoke(FunctionName=name)["Payload"].read() == b'"served"'
        running.call(evict)
        told = str(logs.filter_log_events(logGroupName=f"/aws/lambda/{name}"))
