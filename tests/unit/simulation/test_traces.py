"""Traces in files of every form, and what is wrong with them by line and column."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from emulator.model.errors import ConfigurationError
from emulator.simulation.reading import read
from emulator.simulation.synthetic import synthetic
from emulator.simulation.trace import Trace


def written(folder: Path, text: str) -> Path:
    path = folder / "trace"
    path.write_text(text)
    return path


def rows(trace: Trace) -> list[tuple[float, str, float]]:
    return [
        (arrival, trace.functions[target], duration)
        for arrival, target, duration in zip(
            trace.arrivals, trace.targets, trace.durations, strict=True
        )
    ]


WANTED = [(1.5, "f", 0.01), (2.0, "g", 0.005)]


@pytest.mark.parametrize(
    "text",
    [
        '{"at": 2, "function": "g", "duration_ms": 5}\n\n'
        '{"at": 1.5, "function": "f", "duration_ms": 10, "start_ms": 80}\n',
        "at,function,duration_ms,start_ms\n2,g,5,\n1.5,f,10,80\n",
        "function, at, more, duration_ms, start_ms\ng,2,x,5,\nf,1.5,,10.0,80.0\n",
    ],
)
def test_json_lines_and_csv(tmp_path: Path, text: str) -> None:
    trace = read(written(tmp_path, text))
    assert rows(trace) == WANTED
    assert trace.starts[0] == 0.08
    assert math.isnan(trace.starts[1])
    assert trace.observed_cold == 1
    assert not trace.synthetic


@pytest.mark.parametrize("header", ["app,func,end_timestamp,duration\n", ""])
def test_azure_2021(tmp_path: Path, header: str) -> None:
    trace = read(written(tmp_path, f"{header}a1,f1,10.5,0.5\na1,f1,9.0,2.0\n"))
    assert rows(trace) == [(7.0, "a1-f1", 2.0), (10.0, "a1-f1", 0.5)]
    assert "CC-BY" in trace.source


def test_azure_2019_spreads_a_minutes_count(tmp_path: Path) -> None:
    text = "HashOwner,HashApp,HashFunction,Trigger,1,2,3\no,a,f,http,2,0,3\no,a,g,timer,0,1,\n"
    path = written(tmp_path, text)
    trace = read(path, seed=4)
    by_minute = [(int(at // 60), name) for at, name, _ in rows(trace)]
    assert by_minute == [(0, "f")] * 2 + [(1, "g")] + [(2, "f")] * 3
    assert rows(trace) == rows(read(path, seed=4))
    assert rows(trace) != rows(read(path, seed=5))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no requests"),
        ("\n \n", "has no requests"),
        ('{"at": 1}\n', "line 1, column 1: expected"),
        ('{"at": 1,\n', "line 1, column"),
        ('{"at": 1, "function": "f", "duration_ms": 1}\n\n[', "line 3, column 2"),
        ('{"at": 1, "function": "f", "duration_ms": -1}\n', "line 1, column 28: expected"),
        ('{"at": "x", "function": "f", "duration_ms": 1}\n', "line 1, column 2: expected"),
        ('{"at": 1, "function": "f", "duration_ms": true}\n', "line 1, column 28: expected"),
        ("3\n", "line 1, column 1: expected"),
        ("function,foo\na,1\n", "line 1, column 1: expected the columns at,function,duration_ms"),
        ("at,function\n1,f\n", "line 1, column 1: expected the columns"),
        ("at,function,duration_ms\n1,f\n", "line 2, column 4: there are 2 columns, not 3"),
        ("at,function,duration_ms\n1,f,x\n", "line 2, column 5: 'x' is no number"),
        ("at,function,duration_ms\n1,f,nan\n", "line 2, column 5: 'nan' is no number"),
        ("app,func,end_timestamp,duration\na,f,1\n", "line 2, column 6: there are 3 columns"),
        ("app,func,end_timestamp,duration\na,f,1,y\n", "line 2, column 7: 'y' is no number"),
        ("HashOwner,HashApp,1,2\na,b,1,2\n", "line 1, column 1: expected the columns HashOwner"),
        (
            "HashOwner,HashApp,HashFunction,Trigger,1\na,b,c,d,x\n",
            "line 2, column 9: 'x' is no number",
        ),
        ('{\n "format": 3,\n', "line"),
        ('{"format": "localfaas-timeline/1"}', "line 1, column 1: it is no document"),
        ('{"format": "localfaas-timeline/1", "environments": [3], "invocations": []}', "line 1"),
    ],
)
def test_a_broken_trace_is_said_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(written(tmp_path, text))
    assert says in str(raised.value)
    assert str(tmp_path / "trace") in str(raised.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read: No such file"):
        read(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        read(tmp_path / "binary")


def test_a_synthetic_trace_says_so_and_is_the_same_for_the_same_seed() -> None:
    made = synthetic(functions=20, hours=6, seed=3)
    assert made.synthetic
    assert "synthetic" in made.title
    assert rows(made) == rows(synthetic(functions=20, hours=6, seed=3))
    assert rows(made) != rows(synthetic(functions=20, hours=6, seed=4))
    assert made.seconds <= 6 * 3600
    assert all(duration > 0 for duration in made.durations)
    counts = sorted(list(made.targets).count(at) for at in range(len(made.functions)))
    assert sum(counts[-4:]) > 0.6 * len(made), "few functions get most of the calls"
