"""How often a test kills: a few times in each run, and a hundred times under ``make soak``."""

from __future__ import annotations

import os

import pytest

#: How often ``make soak`` kills.
MANY = int(os.environ.get("LOCALFAAS_KILLS", "100"))


def kills(few: int, *, seconds_each: float = 30) -> pytest.MarkDecorator:
    """Run a test twice, with other numbers of ``kills``.

    Args:
        few: How often where ``make soak`` does not run it.
        seconds_each: How long one kill may take at most.
    """

    def patience(count: int) -> pytest.MarkDecorator:
        return pytest.mark.timeout(300 + seconds_each * count)

    short = pytest.param(few, id=str(few), marks=patience(few))
    soak = pytest.param(MANY, id="soak", marks=[pytest.mark.soak, patience(MANY)])
    return pytest.mark.parametrize("kills", [short, soak])
