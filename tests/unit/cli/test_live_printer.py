"""Lines for a terminal that is slow, or does not read at all."""

from __future__ import annotations

import io
import threading

import pytest

from emulator.cli.live_printer import LivePrinter


class _Slow(io.StringIO):
    """Takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()

    def write(self, text: str, /) -> int:
        self.asked.set()
        self.go_on.wait(60)
        return super().write(text)


@pytest.mark.parametrize("length", [0, 200_000])
def test_what_waits_for_a_slow_terminal_is_bounded_in_bytes(length: int) -> None:
    stream = _Slow()
    printer = LivePrinter(stream)
    printer.print("first")
    assert stream.asked.wait(60)
    lines = 100_000 if not length else 1000
    for number in range(lines):
        printer.print(f"{number} " + "x" * length)
    assert printer._put - printer._taken <= 4 * 1024 * 1024
    stream.go_on.set()
    printer.close(60)
    shown = stream.getvalue().splitlines()
    assert shown[0] == "first"
    counts = [
        line for line in shown if line.endswith("lines not shown: the terminal was too slow)")
    ]
    skipped = sum(int(line[1:].partition(" ")[0]) for line in counts)
    assert len(shown) - 1 - len(counts) + skipped == lines
    assert len(shown) > 10


def test_a_line_longer_than_all_that_may_wait_is_printed() -> None:
    stream = io.StringIO()
    printer = LivePrinter(stream)
    printer.print("x" * (5 * 1024 * 1024))
    printer.print("last")
    printer.close(60)
    assert stream.getvalue().endswith("x\nlast\n") or "not shown" in stream.getvalue()


def test_a_closed_pipe_ends_the_printing_only() -> None:
    stream = io.StringIO()
    stream.close()
    printer = LivePrinter(stream)
    printer.print("lost")
    printer.close()
