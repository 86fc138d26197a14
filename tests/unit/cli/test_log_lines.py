"""Lines of functions' logs."""

from __future__ import annotations

import re

import pytest

from emulator.cli.log_lines import log_line

REPORT = (
    "REPORT RequestId: 7cbd1d44-0b39-4ea6-a296-7312ab537e7e\tDuration: 1234.56 ms\t"
    "Billed Duration: 1235 ms\tMemory Size: 128 MB\tMax Memory Used: 13 MB\t"
    "Init Duration: 25.68 ms\t"
)
STAMP = "2026-11-28T11:50:33.480Z 7cbd1d44-0b39-4ea6-a296-7312ab537e7e"
PLATFORM = [
    "START RequestId: 7cbd1d44-0b39-4ea6-a296-7312ab537e7e Version: $LATEST",
    "END RequestId: 7cbd1d44-0b39-4ea6-a296-7312ab537e7e",
    REPORT,
    "INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::x",
    "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout",
    f"{STAMP} Task timed out after 3.00 seconds",
    f"{STAMP} throttled for 2.5 of 3.0 s: 128 MB is 7 % of a vCPU (raise MemorySize, or …)",
    '{"time":"2026-11-28T11:50:33.480Z","type":"platform.start","record":{}}',
]


def test_a_function_keeps_its_colour() -> None:
    first, again = (log_line("hello", text, 80) for text in ("one", "two"))
    assert first.split("hello")[0] == again.split("hello")[0] != ""
    assert log_line("hello", "one\n", None) == "hello | one"


def test_line_ends_within_a_message_are_obeyed() -> None:
    assert log_line("hello", "a\rb\r\nc\r", None) == "hello | a\nb\nc"


@pytest.mark.parametrize("message", PLATFORM)
def test_the_platforms_lines_are_dimmed_on_a_terminal_only(message: str) -> None:
    assert "\x1b[2m" in log_line("hello", message, 80)
    assert log_line("hello", message, None) == f"hello | {message}"


@pytest.mark.parametrize(
    "message", ["got {'a': 1}", "START of the job", "REPORT: done", '{"time":"x","type":"order"}']
)
def test_a_functions_own_lines_are_not(message: str) -> None:
    assert "\x1b[2m" not in log_line("hello", message, 80)


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("name", ["hello", "allocates-too-much"])
def test_a_report_is_wrapped_between_its_fields(name: str, width: int) -> None:
    lines = log_line(name, REPORT, width).split("\n")
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
    assert max(map(len, plain)) <= width
    fields = [field for field in REPORT.split("\t") if field]
    text = "\n".join(plain)
    assert [field for field in fields[1:] if field not in text] == []
    assert all(line.startswith(" " * (len(name) + 3)) for line in plain[1:])


def test_a_functions_own_line_is_not_wrapped_so_that_it_can_be_copied() -> None:
    assert "x " * 100 in log_line("hello", "x " * 100, 60)


def test_the_time_comes_first() -> None:
    assert log_line("hello", "one", None, time="12:00:01.000") == "12:00:01.000 hello | one"
    first, second, *_ = log_line("hello", REPORT, 80, time="12:00:01.000").split("\n")
    assert first.startswith("12:00:01.000 \x1b[")
    assert second.startswith(" " * len("12:00:01.000 hello | "))
