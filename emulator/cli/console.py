"""Prints what a running emulator tells its user, on the terminal that ``up`` runs in."""

from __future__ import annotations

from emulator.cli.live_printer import LivePrinter
from emulator.cli.pulls import PullPrinter
from emulator.cli.terminal import make_safe, note
from emulator.model.console import Progress


class TerminalConsole:
    """A :class:`emulator.model.console.Console` that prints.

    Args:
        printer: The one that prints functions' logs, too.
    """

    def __init__(self, printer: LivePrinter) -> None:
        self._printer = printer
        self._pulls = PullPrinter(printer)

    def warn(self, text: str) -> None:
        note(text)

    def info(self, text: str) -> None:
        self._printer.print(make_safe(text))

    def progress(self, progress: Progress) -> None:
        self._pulls.show(progress)
