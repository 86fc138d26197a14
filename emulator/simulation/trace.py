"""Requests over time: recorded here, imported from public traces, or made up.

A trace in a file is one JSON object a line: ``{"at": seconds, "function": name, "duration_ms":
milliseconds}``. Lines of another recorder are imported; see :func:`read_azure_2021`.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import orjson

from emulator.model.errors import ConfigurationError

#: Bytes of a trace's file at most.
_LARGEST = 1 << 30


@dataclass(slots=True)
class Trace:
    """Requests in the order of their arrival."""

    #: Names of functions; requests refer to them by index.
    functions: list[str] = field(default_factory=list)
    #: Seconds since the trace began, rising.
    arrivals: array[float] = field(default_factory=lambda: array("d"))
    #: The index of each request's function.
    targets: array[int] = field(default_factory=lambda: array("L"))
    #: Seconds each request takes in a warm environment.
    durations: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.arrivals)

    @classmethod
    def of(cls, requests: Iterable[tuple[float, str, float]]) -> Trace:
        """Return the trace of ``(arrival_s, function, duration_s)``, in any order."""
        trace = cls()
        numbers: dict[str, int] = {}
        for arrival, name, duration in sorted(requests):
            number = numbers.setdefault(name, len(numbers))
            trace.arrivals.append(arrival)
            trace.targets.append(number)
            trace.durations.append(duration)
        trace.functions = list(numbers)
        return trace


def poisson(
    rate: float, seconds: float, mean_duration_s: float, seed: int, *, function: str = "f"
) -> Trace:
    """Return requests at random moments, with exponential durations.

    Args:
        rate: Requests a second.
        seconds: How long.
        mean_duration_s: Of a warm request.
        seed: Of all that is drawn; the same seed gives the same outcome.
        function: The function's name.
    """
    random = Random(seed)

    def requests() -> Iterator[tuple[float, str, float]]:
        now = random.expovariate(rate)
        while now < seconds:
            yield now, function, random.expovariate(1 / mean_duration_s)
            now += random.expovariate(rate)

    return Trace.of(requests())


def read(path: Path) -> Trace:
    """Return the trace in a file of JSON lines.

    Raises:
        ConfigurationError: It can't be read; the text names line and what is wrong with it.
    """
    return Trace.of(_json_lines(path))


def _json_lines(path: Path) -> Iterator[tuple[float, str, float]]:
    for number, line in _lines(path):
        try:
            request = orjson.loads(line)
            yield float(request["at"]), str(request["function"]), request["duration_ms"] / 1000
        except orjson.JSONDecodeError as error:
            raise ConfigurationError(
                f"{path}: line {number}, column {error.colno}: {error.msg}"
            ) from None
        except (KeyError, TypeError, ValueError):
            raise ConfigurationError(
                f'{path}: line {number}, column 1: expected {{"at": seconds, "function": name,'
                ' "duration_ms": milliseconds}'
            ) from None


def read_azure_2021(path: Path) -> Trace:
    """Import the form of the Azure Functions trace of 2021.

    Its columns are app, func, end_timestamp and duration (seconds, CC-BY):
    https://github.com/Azure/AzurePublicDataset

    Raises:
        ConfigurationError: It can't be read; the text names line and column.
    """
    return Trace.of(_azure_lines(path))


def _azure_lines(path: Path) -> Iterator[tuple[float, str, float]]:
    first: float | None = None
    for number, line in _lines(path):
        fields = next(csv.reader([line]))
        if number == 1 and fields[0] == "app":
            continue
        try:
            end, duration = float(fields[2]), float(fields[3])
        except (IndexError, ValueError):
            column = 1 + sum(len(each) + 1 for each in fields[:2])
            raise ConfigurationError(
                f"{path}: line {number}, column {column}: expected app,func,end_timestamp,duration"
            ) from None
        arrival = max(0.0, end - duration)
        first = arrival if first is None else first
        yield arrival, f"{fields[0][:8]}-{fields[1][:8]}", duration


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError(f"{path} is larger than {_LARGEST} bytes")
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None
