"""What is shown of pulls."""

from __future__ import annotations

import io

import pytest

from emulator.cli.live_printer import LivePrinter
from emulator.cli.pulls import PullPrinter, bar
from emulator.model.console import Progress

MB = 1_000_000
IMAGE = "public.ecr.aws/lambda/python:3.12"


@pytest.mark.parametrize(
    ("status", "done", "total", "shown"),
    [
        ("Pulling fs layer", 0, 0, "python:3.12: pulling fs layer"),
        ("Downloading", 0, 40, f"python:3.12 [{'-' * 30}]   0% 0 of 40 MB"),
        ("Downloading", 10, 40, f"python:3.12 [{'#' * 8}{'-' * 22}]  25% 10 of 40 MB"),
        ("Extracting", 40, 40, "python:3.12: extracting"),
    ],
)
def test_a_bar(status: str, done: int, total: int, shown: str) -> None:
    assert bar(Progress(image=IMAGE, status=status, done=done * MB, total=total * MB), 80) == shown


@pytest.mark.parametrize("width", [80, 60, 20, 1])
@pytest.mark.parametrize("total", [0, 4000])
def test_a_bar_takes_one_line(width: int, total: int) -> None:
    image = f"registry/team/function@sha256:{'0123456789abcdef' * 4}"
    progress = Progress(image=image, status="x" * 200, done=9 * MB, total=total * MB)
    assert len(bar(progress, width)) < width


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, *reports: Progress) -> str:
    printer = LivePrinter(stream)
    pulls = PullPrinter(printer)
    for report in reports:
        pulls.show(report)
    printer.close(60)
    return stream.getvalue()


def test_no_terminal_gets_two_lines_for_a_pull() -> None:
    going_on = [
        Progress(image=IMAGE, status="Downloading", done=n, total=100 * MB) for n in range(100)
    ]
    over = Progress(image=IMAGE, status="pulled", over=True)
    assert shown(io.StringIO(), *going_on, over) == f"{IMAGE}: pulling\n{IMAGE}: pulled\n"


def test_one_that_fails_before_it_begins_is_told() -> None:
    over = Progress(image=IMAGE, status="could not be pulled: not\x1bfound", over=True)
    assert shown(io.StringIO(), over) == f"{IMAGE}: could not be pulled: not\\x1bfound\n"


def test_the_same_failure_is_told_once() -> None:
    refused, absent, pulled = (
        Progress(image=IMAGE, status=status, over=True)
        for status in ("refused", "absent", "pulled")
    )
    reports = (refused, refused, refused, absent, absent, pulled, refused)
    told = [line.rpartition(": ")[2] for line in shown(io.StringIO(), *reports).splitlines()]
    assert told == ["refused", "absent", "pulled", "refused"]


def test_of_two_at_once_the_first_has_the_bar() -> None:
    first = Progress(image="a/first:1", status="Downloading", done=MB, total=2 * MB)
    second = Progress(image="b/second:1", status="Downloading", done=MB, total=2 * MB)
    text = shown(Terminal(), first, second)
    assert text.endswith(bar(first, 80))
    over = Progress(image="a/first:1", status="pulled", over=True)
    assert shown(Terminal(), first, second, over).endswith(bar(second, 80))
