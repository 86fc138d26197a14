"""The commands ``profile …``."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.application import run
from emulator.simulation import profile

REPORT = (
    "2026-01-01\tREPORT RequestId: x\tDuration: 1.00 ms\tBilled Duration: 2 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 30 MB\tInit Duration: {} ms\t\n"
)


def test_list_and_show_name_source_and_licence(capsys: Any) -> None:
    assert run(["profile", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in listed] == profile.names()
    assert all(each["source"] and each["licence"] for each in listed)
    assert run(["profile", "show", "aws", "--runtime", "python3.12"]) == 0
    shown = capsys.readouterr()
    assert "Apache-2.0" in shown.err
    row = next(line for line in shown.out.splitlines() if "zip" in line and "x86_64" in line)
    assert row.split()[:5] == ["python3.12", "zip", "x86_64", "89", "ms"]
    assert run(["profile", "show", "aws", "--runtime", "cobol"]) == 1
    assert "no runtime that begins with cobol" in capsys.readouterr().err


@pytest.mark.parametrize("from_stdin", [True, False])
def test_fit_makes_a_profile_that_up_takes(
    from_stdin: bool, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    lines = "".join(REPORT.format(100 + n) for n in range(21))
    own, source = tmp_path / "own.toml", tmp_path / "report.log"
    source.write_text(lines)
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    given = [] if from_stdin else [str(source)]
    assert run(["profile", "fit", *given, "--runtime", "nodejs22.x", "-o", str(own)]) == 0
    assert f"localfaas up --profile {own}" in capsys.readouterr().err
    row = profile.load(str(own)).row("nodejs22.x", "zip", "x86_64")
    assert row.init_ms.quantile(0.5) == pytest.approx(110, abs=0.5)


def test_bad_input_is_said(tmp_path: Path, capsys: Any) -> None:
    few = tmp_path / "few.log"
    few.write_text(REPORT.format(1) + "noise\n")
    assert run(["profile", "fit", str(few)]) == 1
    assert "1 cold starts were found" in capsys.readouterr().err
    assert run(["profile", "fit", str(tmp_path / "none.log")]) == 1
    assert "can't read" in capsys.readouterr().err
    assert run(["profile", "fit", str(few), "--package", "rpm"]) == 2
    broken = tmp_path / "broken.toml"
    broken.write_text("[init]\nday_factor = -1\n")
    assert run(["up", "--profile", str(broken), "--port", "0"]) == 1
    assert "broken.toml: line 2, column 1: day_factor" in capsys.readouterr().err
    assert run(["up", "--profile", "gcp", "--port", "0"]) == 1
    assert "give a file, or one of aws, aws-bad-day, aws-good-day" in capsys.readouterr().err
