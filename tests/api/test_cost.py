"""``localfaas cost`` over what an emulator has recorded, and over logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.application import run

from .conftest import Running, create

REPORT = (
    "REPORT RequestId: x\tDuration: 1.00 ms\tBilled Duration: 120 ms\tMemory Size: 1536 MB\t"
    "Max Memory Used: 30 MB\t\n"
)


def test_of_what_was_recorded(scripted: Running, capsys: Any) -> None:
    client = scripted.client("lambda")
    for name, memory_mb in (("one", 512), ("two", 1024)):
        create(client, name, MemorySize=memory_mb)
        client.get_waiter("function_active_v2").wait(FunctionName=name)
        for _ in range(3):
            client.invoke(FunctionName=name)
    assert run(["cost", "--endpoint", scripted.url, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["currency"] == "USD"
    assert told["prices"]["dated"]
    assert {each["function"]: (each["calls"], each["cold"]) for each in told["functions"]} == {
        "one": (3, 1),
        "two": (3, 1),
    }
    for each in told["functions"]:
        gb_s = each["memory_mb"] / 1024 * each["billed_ms"] * 3 / 1000
        assert each["duration"] == pytest.approx(gb_s * 0.0000166667)
        assert each["requests"] == pytest.approx(3 * 0.0000002)
        assert each["month"] > each["total"] > 0
    assert run(["cost", "--endpoint", scripted.url, "--function", "one", "--last", "1h"]) == 0
    captured = capsys.readouterr()
    assert "one" in captured.out
    assert "two" not in captured.out
    assert "prices: us-east-1" in captured.err
    assert "free tier" in captured.err


def test_nothing_is_recorded(scripted: Running, capsys: Any) -> None:
    assert run(["cost", "--endpoint", scripted.url]) == 1
    assert "call a function first" in capsys.readouterr().err


def test_of_a_log(tmp_path: Path, capsys: Any) -> None:
    log = tmp_path / "orders.log"
    log.write_text(REPORT * 10)
    assert run(["cost", str(log), "--calls", "3000000", "--json"]) == 0
    [only] = json.loads(capsys.readouterr().out)["functions"]
    assert only["function"] == "orders"
    assert only["month"] == pytest.approx(9.60, abs=0.01)
    assert run(["cost", str(log)]) == 0
    captured = capsys.readouterr()
    assert "a month" not in captured.out + captured.err
    (tmp_path / "empty.log").write_text("noise\n")
    for words, says in (
        (["none.log"], "can't read none.log"),
        ([str(tmp_path / "empty.log")], "none of the lines is a REPORT"),
        ([str(log), "--prices", str(log)], "orders.log"),
    ):
        assert run(["cost", *words]) == 1
        assert says in capsys.readouterr().err


def test_a_function_that_was_never_called_is_named(scripted: Running, capsys: Any) -> None:
    assert run(["cost", "--function", "nobody", "--endpoint", scripted.url]) == 1
    assert "no call of a function nobody is recorded" in capsys.readouterr().err
