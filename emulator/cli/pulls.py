"""Shows the progress of pulls of images."""

from __future__ import annotations

from emulator.cli.live_printer import LivePrinter
from emulator.cli.terminal import make_safe
from emulator.model.console import Progress

#: Characters of a bar.
_BAR = 30


class PullPrinter:
    """Prints a line when a pull begins and one when it ends; on a terminal, a bar in between.

    Args:
        printer: Prints the lines, and keeps the bar below them.
    """

    def __init__(self, printer: LivePrinter) -> None:
        self._printer = printer
        #: The running pulls by image, in the order in which they began.
        self._begun: dict[str, Progress] = {}
        #: How the last pull of each image ended, as printed.
        self._told: dict[str, str] = {}

    def show(self, progress: Progress) -> None:
        """Show one report."""
        began = progress.image in self._begun
        if not (progress.over or began) and progress.verb:
            self._printer.print(f"{progress.image}: {progress.verb}")
        self._begun[progress.image] = progress
        if progress.over:
            del self._begun[progress.image]
            # Each call tries a failed pull again, and its caller gets the error: print it once.
            if began or self._told.get(progress.image) != progress.status:
                self._printer.print(f"{progress.image}: {make_safe(progress.status)}")
            self._told[progress.image] = progress.status
        # The status line has room for one bar.
        first = next(iter(self._begun.values()), None)
        self._printer.status("" if first is None else bar(first, self._printer.width))


def bar(progress: Progress, width: int) -> str:
    """Return a pull's progress in fewer than ``width`` characters."""
    if not progress.total or (progress.done == progress.total and progress.status):
        status = make_safe(progress.status)
        text = f": {status.lower() if progress.verb else status}"
    else:
        share = progress.done / progress.total
        filled = round(share * _BAR)
        text = (
            f" [{'#' * filled}{'-' * (_BAR - filled)}] {share:4.0%} "
            f"{progress.done / 1e6:.0f} of {progress.total / 1e6:.0f} MB"
        )
    room = width - 1
    name = progress.image.rpartition("/")[2]
    return (name[: max(0, room - len(text))] + text)[:room]
