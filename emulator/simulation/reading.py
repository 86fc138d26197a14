"""Traces in files: our own form, the timeline's export, CSV, and Azure's public traces.

The first line tells the format:

- JSON lines ``{"at": seconds, "function": name, "duration_ms": milliseconds}``; ``"start_ms"`` is
  there if the request waited for an environment's start;
- CSV with the header ``at,function,duration_ms``;
- a document of ``localfaas timeline export``;
- Azure Functions 2021, ``app,func,end_timestamp,duration``, and 2019, counts per minute
  (https://github.com/Azure/AzurePublicDataset, CC-BY).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import orjson

from emulator.model.errors import ConfigurationError
from emulator.simulation import recorded
from emulator.simulation.trace import UNKNOWN, Request, Trace

#: The largest trace file, bytes.
_LARGEST = 1 << 30
_AZURE = "Azure Functions {year}, Microsoft, CC-BY (https://github.com/Azure/AzurePublicDataset)"
#: The excerpt of a public trace that is shipped, and what is said of it.
_EXCERPT = Path(__file__).with_name("data") / "traces" / "azure-2021.csv"
_EXCERPT_TITLE = "21 minutes of Azure Functions in 2021"
#: What a line of JSON begins with.
_JSON = ("{", "[", '"')
#: The columns of Azure's trace of 2019 that precede the columns of minutes.
_AZURE_2019 = ("HashOwner", "HashApp", "HashFunction", "Trigger")
#: What stands in the place of durations, which the trace of 2019 has in another file, seconds: the
#: median of the lognormal distribution that Shahrad et al. fit to them (USENIX ATC 2020).
_AZURE_2019_DURATION_S = 0.68


class _Line(NamedTuple):
    """A line of a file."""

    path: Path
    number: int
    text: str

    def error(self, column: int, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path}: line {self.number}, column {column}: {problem}")


def read(path: Path, *, seed: int = 0) -> Trace:
    """Return the trace in a file.

    Args:
        path: The file.
        seed: The seed of the draws for a trace that has only counts.

    Raises:
        ConfigurationError: The file can't be read; the text names line and column.
    """
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise ConfigurationError(f"{path} has no requests")
    rest: Callable[[], Iterator[_Line]] = lambda: _chain(first, lines)  # noqa: E731
    columns = [each.strip() for each in first.text.split(",")]
    source = str(path)
    if recorded.FORMAT in first.text or first.text.strip() == "{":
        return _document(path)
    if columns[0] == "app":
        trace, source = Trace.of(_azure_2021(lines)), _AZURE.format(year=2021)
    elif columns[0] == _AZURE_2019[0]:
        trace, source = Trace.of(_azure_2019(first, lines, seed)), _AZURE.format(year=2019)
    elif {"at", "function"} <= set(columns):
        trace = Trace.of(_csv(first, lines))
    elif not first.text.lstrip().startswith("{") and len(columns) == 4:
        trace, source = Trace.of(_azure_2021(rest())), _AZURE.format(year=2021)
    elif first.text.lstrip()[:1] in _JSON:
        trace = Trace.of(_json_lines(rest()))
    else:
        raise first.error(1, "expected the columns at,function,duration_ms, or JSON")
    if not len(trace):
        raise ConfigurationError(f"{path} has no requests")
    trace.title, trace.source = path.name, source
    return trace


def excerpt() -> Trace:
    """Return the excerpt of a public trace that is shipped; data/traces/NOTICE says whose it is."""
    trace = read(_EXCERPT)
    trace.title = _EXCERPT_TITLE
    return trace


def _chain(first: _Line, rest: Iterator[_Line]) -> Iterator[_Line]:
    yield first
    yield from rest


def _lines(path: Path) -> Iterator[_Line]:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError(f"{path} is larger than {_LARGEST} bytes")
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _Line(path, number, line.rstrip("\n"))
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None


def _document(path: Path) -> Trace:
    text = path.read_bytes()
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path}: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    try:
        trace = recorded.of_document(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{path}: line 1, column 1: it is no document of `localfaas timeline export`: {error}"
        ) from None
    trace.title, trace.source = path.name, str(path)
    return trace


# --- JSON lines and CSV --------------------------------------------------------------------------


def _json_lines(lines: Iterator[_Line]) -> Iterator[Request]:
    for line in lines:
        try:
            given = orjson.loads(line.text)
        except orjson.JSONDecodeError as error:
            raise line.error(error.colno, error.msg) from None
        try:
            start_ms = given.get("start_ms")
            yield Request(
                _seconds(given["at"]),
                _name(given["function"]),
                _seconds(given["duration_ms"]) / 1000,
                UNKNOWN if start_ms is None else _seconds(start_ms) / 1000,
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise line.error(
                _column(line, given),
                'expected {"at": seconds, "function": name, "duration_ms": milliseconds}',
            ) from None


def _column(line: _Line, given: Any) -> int:
    """Return the column (from 1) of a line's first wrong member."""
    checks: dict[str, Callable[[Any], object]] = {
        "at": _seconds,
        "function": _name,
        "duration_ms": _seconds,
        "start_ms": lambda value: value is None or _seconds(value),
    }
    for name, check in checks.items():
        if isinstance(given, dict) and name in given:
            try:
                check(given[name])
            except (TypeError, ValueError):
                return line.text.find(f'"{name}"') + 1
    return 1


def _csv(header: _Line, lines: Iterator[_Line]) -> Iterator[Request]:
    columns = [each.strip() for each in header.text.split(",")]
    if not {"at", "function", "duration_ms"} <= set(columns):
        raise header.error(1, "expected the columns at,function,duration_ms")
    places = [columns.index(name) for name in ("at", "function", "duration_ms")]
    start = columns.index("start_ms") if "start_ms" in columns else None
    for line in lines:
        fields = _fields(line)
        at, function, duration = (_field(line, fields, place) for place in places)
        start_ms = _field(line, fields, start) if start is not None else ""
        yield Request(
            _parsed(line, fields, places[0], at),
            function,
            _parsed(line, fields, places[2], duration) / 1000,
            _parsed(line, fields, start or 0, start_ms) / 1000 if start_ms else UNKNOWN,
        )


def _fields(line: _Line) -> list[str]:
    try:
        return next(csv.reader([line.text], strict=True))
    except csv.Error as error:
        raise line.error(1, str(error)) from None


def _field(line: _Line, fields: list[str], place: int) -> str:
    if place >= len(fields):
        raise line.error(len(line.text) + 1, f"there are {len(fields)} columns, not {place + 1}")
    return fields[place].strip()


def _parsed(line: _Line, fields: list[str], place: int, text: str) -> float:
    try:
        return _seconds(float(text))
    except (TypeError, ValueError):
        column = 1 + sum(len(each) + 1 for each in fields[:place])
        raise line.error(column, f"{text!r} is no number of seconds or milliseconds") from None


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("no number")
    if not math.isfinite(value) or value < 0:
        raise ValueError("no time")
    return float(value)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no name")
    return value


# --- Azure ---------------------------------------------------------------------------------------


def _azure_2021(lines: Iterator[_Line]) -> Iterator[Request]:
    for line in lines:
        fields = _fields(line)
        end, duration = (
            _parsed(line, fields, place, _field(line, fields, place)) for place in (2, 3)
        )
        name = f"{fields[0][:8]}-{fields[1][:8]}"
        yield Request(max(0.0, end - duration), name, duration)


def _azure_2019(header: _Line, lines: Iterator[_Line], seed: int) -> Iterator[Request]:
    columns = [each.strip() for each in header.text.split(",")]
    if tuple(columns[:4]) != _AZURE_2019:
        raise header.error(1, f"expected the columns {','.join(_AZURE_2019)},1,2,…")
    random = Random(seed)
    for line in lines:
        fields = _fields(line)
        name = _field(line, fields, 2)[:12]
        for minute, place in enumerate(range(4, len(columns))):
            text = _field(line, fields, place)
            count = _parsed(line, fields, place, text) if text else 0.0
            for _ in range(int(count)):
                at = 60 * (minute + random.random())
                yield Request(at, name, _AZURE_2019_DURATION_S)
