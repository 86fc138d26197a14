"""Writes a figure to files."""

from __future__ import annotations

from pathlib import Path

from emulator.cli.charts import png, svg
from emulator.cli.charts.chart import Figure
from emulator.cli.terminal import CommandError


def write(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as SVG and, where matplotlib is installed, as PNG.

    Args:
        figure: What is drawn.
        path: Where, with or without ``.svg``.

    Returns:
        The files.

    Raises:
        CommandError: They can't be written.
    """
    base = path.with_suffix("") if path.suffix in (".svg", ".png") else path
    written = [base.with_name(base.name + ".svg")]
    try:
        written[0].write_text(svg.draw(figure), "utf-8")
        if png.is_possible():
            written.append(base.with_name(base.name + ".png"))
            png.draw(figure, written[-1])
    except OSError as failure:
        raise CommandError(f"can't write {written[-1]}: {failure.strerror}") from failure
    return written
