"""``localfaas coldstart`` and the admin API behind it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.application import run
from emulator.cli.charts import png
from emulator.model.sandbox import Exit
from emulator.testing import RuntimeClient

from .conftest import Running, create
from .test_admin import ask

IMPORTS = [
    {"module": "app", "parent": None, "start_ms": 0.0, "total_ms": 90.0, "self_ms": 10.0},
    {"module": "facade", "parent": 0, "start_ms": 5.0, "total_ms": 60.0, "self_ms": 0.5},
    {"module": "engine", "parent": 1, "start_ms": 6.0, "total_ms": 59.5, "self_ms": 59.5},
    *(
        {"module": f"m{n}", "parent": 0, "start_ms": 70.0 + n, "total_ms": 1.5, "self_ms": 1.5}
        for n in range(12)
    ),
]


async def traced(runtime: RuntimeClient) -> Exit | None:
    if "LOCALFAAS_TRACE_IMPORTS" in runtime.environ:
        body = json.dumps({"total_ms": 90.0, "imports": IMPORTS}).encode()
        await runtime.call("POST", "init/imports", body)
    while True:
        request_id, payload = await runtime.next()
        await runtime.respond(request_id, payload)


@pytest.fixture
def hello(scripted: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    # Drawing takes a second each time; tests/unit/cli/charts does it once.
    monkeypatch.setattr(png, "is_possible", lambda: False)
    scripted.scripted_driver.script = traced
    client = scripted.client("lambda")
    create(client, "hello")
    client.get_waiter("function_active_v2").wait(FunctionName="hello")
    return scripted


def coldstart(running: Running, folder: Path, *words: str) -> int:
    plot = str(folder / "plot")
    return run(["coldstart", "hello", "--endpoint", running.url, "-o", plot, *words])


def test_parts_imports_and_plot(hello: Running, tmp_path: Path, capsys: Any) -> None:
    assert coldstart(hello, tmp_path, "-n", "3", "--warm", "2") == 0
    out = capsys.readouterr().out
    assert "3 cold starts on this machine, scripted driver" in out
    for part in ("Code and layers", "Sandbox", "Boot", "Imports", "INIT in REPORT", "Warm"):
        assert any(line.startswith(part) and " ms" in line for line in out.splitlines()), part
    assert max(map(len, out.splitlines())) <= 80
    flame = out.partition("Imports of INIT: the 10 most expensive\n")[2].splitlines()
    # "facade" only passes on to "engine".
    assert [line.split()[0] for line in flame][:3] == ["app", "engine", "m0"]
    assert len(flame) == 10
    assert "<svg" in (tmp_path / "plot.svg").read_text()


def test_what_is_measured_is_recorded_with_its_times(hello: Running, tmp_path: Path) -> None:
    before = time.time()
    assert coldstart(hello, tmp_path, "-n", "1") == 0
    assert run(["check", "hello", "-e", "1", "--endpoint", hello.url]) == 0
    _, _, body = ask(hello, "/_emulator/invocations?function=hello")
    recorded = json.loads(body)["invocations"]
    assert len(recorded) > 5
    for each in recorded:
        assert before - 1 <= each["requested"] <= each["started"] <= each["ended"]
        assert each["total_ms"] < 60_000


def test_memory_is_compared_and_figures_are_json(
    hello: Running, tmp_path: Path, capsys: Any
) -> None:
    assert coldstart(hello, tmp_path, "-n", "2", "--compare", "memory=256,512", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["simulated"] is False
    first, second = answer["variants"]
    assert (first["variant"], first["memory_mb"]) == ("memory=256", 256)
    assert (second["variant"], second["memory_mb"]) == ("memory=512", 512)
    assert first["cold_ms"]["count"] == len(first["runs"]) == 2
    assert first["cold_ms"]["low"] <= first["cold_ms"]["mean"] <= first["cold_ms"]["high"]
    assert first["parts"]["imports_ms"]["mean"] == 90.0
    # Its environments were those of its own, and are gone.
    assert not hello.emulator.pools.environments
    sizes = {each.spec.memory_mb for each in hello.scripted_driver.sandboxes}
    assert sizes == {256, 512}


def test_without_imports_no_runtime_is_asked(hello: Running, tmp_path: Path, capsys: Any) -> None:
    assert coldstart(hello, tmp_path, "-n", "1", "--no-imports") == 0
    assert "Imports of INIT" not in capsys.readouterr().out
    assert not any(
        "LOCALFAAS_TRACE_IMPORTS" in each.spec.environ for each in hello.scripted_driver.sandboxes
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--compare", "function=hello,nope"], "Function not found"),
        (["--compare", "memory=1"], "128"),
        (["--compare", "driver=process"], "--functions PATH"),
        (["--functions", "/does/not/exist"], "did not start"),
        (["-e", "{"], "not valid JSON"),
    ],
)
def test_what_can_not_be_measured_is_said(
    hello: Running, tmp_path: Path, capsys: Any, words: list[str], says: str
) -> None:
    assert coldstart(hello, tmp_path, *words) == 1
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""
    assert not list(tmp_path.iterdir())


def test_a_function_that_fails_is_named(hello: Running, tmp_path: Path, capsys: Any) -> None:
    async def fails(runtime: RuntimeClient) -> Exit | None:
        await runtime.next()
        return Exit(status=1)

    hello.scripted_driver.script = fails
    assert coldstart(hello, tmp_path, "-n", "1", "--warm", "0") == 1
    assert "hello fails with Runtime.ExitError" in capsys.readouterr().err


def test_requests_that_are_wrong_are_refused(hello: Running) -> None:
    for query, status in (
        ("function=nope", 404),
        ("function=hello&memory_mb=1", 422),
        ("function=hello&warm=-1", 422),
        ("", 422),
    ):
        assert ask(hello, f"/_emulator/coldstart?{query}", "POST")[0] == status


def test_a_value_that_can_not_be_measured_is_named(hello: Running, capsys: Any) -> None:
    words = ["coldstart", "hello", "--compare", "memory=12", "--endpoint", hello.url]
    assert run(words) == 1
    said = capsys.readouterr().err
    assert "memory_mb: input should be greater than or equal to 128, not '12'" in said
