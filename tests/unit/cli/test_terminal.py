"""What the commands print."""

from __future__ import annotations

import io

import pytest

from emulator.cli.terminal import age, escape_controls, make_safe, megabytes, terminal_width, wrap


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


class Terminal(io.StringIO):
    """A terminal that does not know how wide it is."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("given", "width"), [("60", 60), ("0", 80), ("wide", 80), ("", 80)])
def test_a_terminals_width(given: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", given)
    assert terminal_width(Terminal()) == width
    assert terminal_width(io.StringIO()) is None


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
