"""Spans of time as options take them: ``90``, ``90s``, ``10m``, ``2h``, ``1d``."""

from __future__ import annotations

import re

import typer

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float:
    """Return a span in seconds.

    Raises:
        typer.BadParameter: It is none.
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text} is no span of time; one looks like 10m (ms, s, m, h, d)")
    return float(match[1]) * _SECONDS[match[2]]
