"""An emulator on a free port, in a thread of its own, and clients for it."""

from __future__ import annotations

import asyncio
import io
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
import uvloop
from botocore.config import Config

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.stack.sam_worker import translate
from emulator.testing import RecordingConsole, ScriptedDriver, echo
from tests.api.stacks import Stacks
from tests.patience import PATIENCE_S


class Running:
    """An emulator that runs in a thread; ``call`` runs something on its loop.

    Attributes:
        console: What the emulator told its user.
    """

    #: Runs its loop. A FakeClock needs asyncio's own: ``asyncio.run``.
    run_loop: Callable[..., Any] = staticmethod(uvloop.run)
    #: The next call finds the environment that has answered the last one, however long its runtime
    #: takes to come back on a busy machine.
    settling_s = PATIENCE_S

    def __init__(self, settings: Settings, **parts: Any) -> None:
        self._ready = threading.Event()
        self._settings, self._parts = settings, parts
        self.console = RecordingConsole()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), "the emulator did not start"

    def _run(self) -> None:
        async def main() -> None:
            self.loop = asyncio.get_running_loop()
            self.emulator = Emulator(self._settings, console=self.console, **self._parts)
            pools = self.emulator.pools
            pools.settings = replace(pools.settings, settling_s=self.settling_s)
            await self.emulator.run(on_ready=self._ready.set)

        self.run_loop(main())

    @property
    def url(self) -> str:
        return f"http://localhost:{self.emulator.port}"

    @property
    def scripted_driver(self) -> ScriptedDriver:
        driver = self.emulator.driver
        assert isinstance(driver, ScriptedDriver)
        return driver

    def call(self, function: Callable[[], Any]) -> Any:
        """Run ``function`` on the emulator's loop and return its result."""

        async def on_loop() -> Any:
            result = function()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(on_loop(), self.loop).result(PATIENCE_S)

    def client(
        self,
        service: str,
        account: str = "000000000000",
        region: str = "us-east-1",
        **options: Any,
    ) -> Any:
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(
                retries={"max_attempts": 0},
                parameter_validation=False,
                read_timeout=170,
                **options,
            ),
        )
        client.get_waiter = partial(_eager, client.get_waiter)
        return client

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.emulator.stop)
        self.loop.call_soon_threadsafe(self.emulator.stop)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the emulator did not end"


def _eager(get_waiter: Callable[[str], Any], name: str) -> Any:
    """Return a waiter of boto3 that looks again soon, where theirs rest for seconds."""
    waiter = get_waiter(name)
    waiter.config.delay, waiter.config.max_attempts = 0.02, 6000
    return waiter


def zip_of(**files: str) -> bytes:
    """Return an archive; names are given with "__" for "."."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name.replace("__", "."))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


ECHO = zip_of(app__py="def handler(event, context):\n    return event\n")


def create(client: Any, name: str = "hello", /, **fields: Any) -> dict[str, Any]:
    """Create a function with what every function needs; one of an image needs less."""
    request = {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Handler": "app.handler",
        "Role": "arn:aws:iam::000000000000:role/role",
        "Code": {"ZipFile": ECHO},
        # A busy machine may do nothing for three seconds, which is AWS's default. No queue's
        # visibility timeout may be shorter: this is their default.
        "Timeout": 30,
    }
    if fields.get("PackageType") == "Image":
        del request["Runtime"], request["Handler"]
    return client.create_function(**{**request, **fields})


@pytest.fixture
def quick_sam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Translate SAM templates in this process: loading the translator once is enough."""

    async def run(request: bytes) -> dict[str, Any]:
        return await asyncio.to_thread(translate, **orjson.loads(request))

    monkeypatch.setattr("emulator.stack.transform._run", run)


@pytest.fixture
def scripted() -> Iterator[Running]:
    """An emulator whose runtimes echo: everything but the driver is real."""
    running = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver())
    yield running
    running.stop()


@pytest.fixture
def scripted_state(tmp_path: Path) -> Iterator[Running]:
    """As ``scripted``, with a state folder that lasts."""
    running = Running(
        Settings(port=0, state=tmp_path / "state", transition_seconds=0), driver=ScriptedDriver()
    )
    yield running
    running.stop()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """As ``scripted``, but one for all tests of a module."""
    running = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver())
    yield running
    running.stop()


@pytest.fixture
def emptied(running: Running) -> Running:
    """As ``running``, but emptied before each test."""
    request = urllib.request.Request(f"{running.url}/_emulator/reset", method="POST")
    urllib.request.urlopen(request, timeout=60).close()
    running.scripted_driver.script = echo
    running.console.warnings.clear()
    return running


@pytest.fixture
def stacks(running: Running) -> Stacks:
    return Stacks(running)
