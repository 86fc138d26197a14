"""Tables at any width."""

from __future__ import annotations

import pytest

from emulator.cli.tables import display_width, layout, show_table

URL = "http://" + "a" * 32 + ".lambda-url.us-east-1.localhost:4566/"
COLUMNS = ("FUNCTION", "STATE", "NOT ACTED ON", "URL")
ROWS = [("hello", "Active", "Tracing", URL), ("other-one", "Pending", "-", "-")]


def text(width: int | None, *, details: int = 2) -> str:
    return "\n".join(layout(COLUMNS, ROWS, width, details=details))


def test_without_a_terminal_each_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("NAME", "STATE"), [("a", "ready"), ("longer", "x\x1b[2J\n")])
    assert capsys.readouterr().out == "NAME    STATE\na       ready\nlonger  x\\x1b[2J\n"
    assert [line.split()[-1] for line in text(None).splitlines()] == ["URL", URL, "-"]


def test_details_go_below_their_row_where_the_line_is_too_short() -> None:
    assert text(80) == (
        "FUNCTION   STATE    NOT ACTED ON\n"
        "hello      Active   Tracing\n"
        f"  url: {URL}\n"
        "other-one  Pending  -"
    )
    assert text(30) == (
        "FUNCTION   STATE\n"
        "hello      Active\n"
        "  not acted on: Tracing\n"
        f"  url: {URL}\n"
        "other-one  Pending"
    )


@pytest.mark.parametrize("width", [None, 20, 80])
def test_details_that_no_row_has_are_left_out(width: int | None) -> None:
    rows = [("a", "-", "-"), ("b", "-", "")]
    assert layout(("ID", "NEEDED", "URL"), rows, width, details=1) == [
        "ID  NEEDED",
        "a   -",
        "b   -",
    ]


def test_then_the_widest_columns_go() -> None:
    lines = layout(("ID", "LONG", "SHORT"), [("1", "x" * 30, "y")], 20)
    assert lines == ["ID  SHORT", "1   y", f"  long: {'x' * 30}"]


def test_the_last_column_is_wrapped_between_words() -> None:
    sentence = "one two three four five six seven eight nine ten eleven twelve"
    lines = layout(("CHECK", "FOUND"), [("disk", sentence)], 40)
    assert lines == [
        "CHECK  FOUND",
        "disk   one two three four five six seven",
        "       eight nine ten eleven twelve",
    ]


@pytest.mark.parametrize("width", [1, 10, 33, 60, 80, 120, 300])
def test_nothing_is_ever_cut(width: int) -> None:
    shown = text(width)
    words = [word for row in ROWS for cell in row for word in cell.split() if word != "-"]
    assert [word for word in words if word not in shown] == []
    names = shown.lower()
    assert [name for name in COLUMNS if name.lower() not in names] == []


def test_wide_characters_are_counted_as_two() -> None:
    assert display_width("日本") == 4
    assert display_width("e\u0301") == 1
    assert layout(("A", "B"), [("日本", "x"), ("abcd", "y")], None) == [
        "A     B",
        "日本  x",
        "abcd  y",
    ]
