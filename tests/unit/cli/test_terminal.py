"""What the commands print."""

from __future__ import annotations

import io
import threading

import pytest

from emulator.cli.live_printer import LivePrinter
from emulator.cli.terminal import age, escape_controls, make_safe, megabytes, wrap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode, 日本", "plain, ünïcode, 日本"),
        ("tab\tstays", "tab\tstays"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b[2J\x1b[H", "\\x1b[2J\\x1b[H"),
        ("one\rtwo\x08", "one\\x0dtwo\\x08"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_output_of_functions_does_not_drive_the_terminal(text: str, shown: str) -> None:
    assert make_safe(text) == shown


def test_a_cell_of_a_table_has_no_colours_either() -> None:
    assert escape_controls("\x1b[31mred\x1b[0m\n") == "\\x1b[31mred\\x1b[0m\\x0a"


def test_a_command_that_is_named_is_not_broken() -> None:
    text = "hello has no URL: run `aws lambda create-function-url-config --name hello` or wait."
    assert wrap(text, 30) == (
        "hello has no URL: run\n`aws lambda create-function-url-config --name hello`\nor wait."
    )
    assert wrap("one\ntwo three", 5) == "one\ntwo\nthree"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (200_000, "2d")]
)
def test_ages(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


def test_megabytes() -> None:
    assert megabytes(None) == "-"
    assert megabytes(10 * 1024 * 1024) == "10 MB"


class Slow(io.StringIO):
    """A terminal that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = threading.Event()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        self.taken.set()
        assert self.go.wait(10)
        return super().write(text)


def test_a_slow_terminal_holds_nobody_up_and_is_told_what_it_missed() -> None:
    terminal = Slow()
    printer = LivePrinter(terminal)
    printer.print("first")
    assert terminal.taken.wait(10)
    for number in range(10_010):
        printer.print(str(number))
    terminal.go.set()
    printer.close(10)
    lines = terminal.getvalue().splitlines()
    assert lines[:3] == ["first", "0", "1"]
    assert any("10 lines not shown" in line for line in lines)
    assert "9999" in lines


def test_a_closed_pipe_ends_the_printing_only() -> None:
    stream = io.StringIO()
    stream.close()
    printer = LivePrinter(stream)
    printer.print("lost")
    printer.close()
