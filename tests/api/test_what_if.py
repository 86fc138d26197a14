"""``localfaas what-if`` over what an emulator has recorded, and over files."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.application import run
from emulator.cli.charts import png
from emulator.cli.commands import what_if as command
from emulator.model.jumping_clock import JumpingClock
from emulator.model.sandbox import Exit
from emulator.settings import Settings
from emulator.simulation.synthetic import synthetic
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.patience import until

from .conftest import Running, create
from .test_admin import get


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Drawing takes a second each time; tests/unit/cli/charts does it once.
    monkeypatch.setattr(png, "is_possible", lambda: False)
    monkeypatch.chdir(tmp_path)


def test_a_recorded_run_is_predicted_exactly(capsys: Any) -> None:
    begun, together = 0, 1
    clock = JumpingClock()

    async def script(runtime: RuntimeClient) -> Exit | None:
        nonlocal begun
        await clock.sleep(0.02)
        while True:
            request_id, payload = await runtime.next()
            begun += 1
            while begun < together:  # those of a burst run at once, however slow their callers are
                await clock.sleep(0.005)
            await clock.sleep(0.03)
            await runtime.respond(request_id, payload)

    driver = ScriptedDriver(script)
    running = Running(Settings(port=0, idle_timeout=600), driver=driver, clock=clock)

    def are_idle_for_too_long() -> bool:
        running.call(lambda: clock.jump(600))
        return not running.emulator.pools.count

    try:
        client = running.client("lambda")
        create(client, "hello", MemorySize=512)
        client.get_waiter("function_active_v2").wait(FunctionName="hello")
        with ThreadPoolExecutor(4) as callers:
            for burst in (1, 4, 2, 3):
                begun, together = 0, burst
                calls = [callers.submit(client.invoke, FunctionName="hello") for _ in range(burst)]
                assert all(call.result()["StatusCode"] == 200 for call in calls)
            until(are_idle_for_too_long)
            client.invoke(FunctionName="hello")
        pool = get(running, "pool")
        assert pool["idle_timeout_s"] == 600
        assert (
            pool["functions"]["arn:aws:lambda:us-east-1:000000000000:function:hello:$LATEST"][
                "memory_mb"
            ]
            == 512
        )
        words = ["what-if", "--endpoint", running.url, "--json"]
        assert run([*words, "--set", "idle=100000", "--set", "policy=fixed,none"]) == 0
    finally:
        running.stop()
    told = json.loads(capsys.readouterr().out)
    assert told["trace"]["requests"] == 11
    assert told["trace"]["synthetic"] is False
    assert told["profile"] is None
    as_recorded, longer, none = told["scenarios"]
    assert as_recorded["cold"] == told["trace"]["observed_cold"] >= 5
    assert longer["cold"] == as_recorded["cold"] - 1
    assert none["cold"] == 11
    assert as_recorded["cost"] > 0


def test_an_emulator_that_has_recorded_nothing(scripted: Running, capsys: Any) -> None:
    assert run(["what-if", "--endpoint", scripted.url]) == 1
    assert "localfaas what-if synthetic" in capsys.readouterr().err


def test_a_file_as_table_and_plot(tmp_path: Path, capsys: Any) -> None:
    trace = tmp_path / "trace.csv"
    lines = [f"{n * 400},f,100" for n in range(50)]
    trace.write_text("\n".join(["at,function,duration_ms", *lines, ""]))
    assert run(["what-if", str(trace), "--set", "idle=300,600", "--profile", "aws"]) == 0
    captured = capsys.readouterr()
    table = [line.split() for line in captured.out.splitlines() if line.startswith("idle=")]
    assert [row[1] for row in table] == ["100.00%", "2.00%"]
    assert "prices: us-east-1" in captured.err
    assert "<svg" in (tmp_path / "what-if.svg").read_text()


def test_the_same_seed_gives_the_same_bytes(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    small = lambda seed: synthetic(functions=5, hours=2, seed=seed)  # noqa: E731
    monkeypatch.setattr("emulator.simulation.synthetic.synthetic", small)
    outs = []
    for seed in ("3", "3", "4"):
        words = ["what-if", command._SYNTHETIC, "--seed", seed, "--last", "1h", "--json"]
        assert run(words) == 0
        outs.append(capsys.readouterr().out)
    assert outs[0] == outs[1] != outs[2]
    told = json.loads(outs[0])
    assert told["trace"]["synthetic"] is True
    assert told["profile"] == "aws"


def test_the_excerpt_of_a_public_trace_is_shipped(capsys: Any) -> None:
    assert run(["what-if", "azure", "--set", "idle=60,600", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["trace"]["requests"] == 199
    assert told["trace"]["synthetic"] is False
    assert "CC-BY" in told["trace"]["source"]
    _, short, long = told["scenarios"]
    assert short["cold"] > long["cold"] > 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.jsonl"], "none.jsonl can't be read"),
        (["synthetic", "--set", "idle=x"], "idle is seconds"),
        (["synthetic", "--profile", "gcp"], "there is no profile 'gcp'"),
        (["synthetic", "--prices", "none.toml"], "none.toml can't be read"),
        (["broken.csv"], "broken.csv: line 2, column 1: 'x' is no number"),
    ],
)
def test_bad_input_is_said(words: list[str], says: str, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "broken.csv").write_text("at,function,duration_ms\nx,f,1\n")
    assert run(["what-if", *words]) == 1
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


def test_under_a_profile_the_idle_times_are_drawn_and_said_so(capsys: Any) -> None:
    running = Running(Settings(port=0, profile="aws"), driver=ScriptedDriver())
    try:
        client = running.client("lambda")
        create(client, "hello")
        client.get_waiter("function_active_v2").wait(FunctionName="hello")
        client.invoke(FunctionName="hello")
        assert run(["what-if", "--endpoint", running.url]) == 0
    finally:
        running.stop()
    assert "the profile aws keeps environments for 300 to 420 s" in capsys.readouterr().err
