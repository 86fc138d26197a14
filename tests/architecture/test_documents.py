"""What documents say and code decides is the same."""

from __future__ import annotations

import json

from tests.benchmarks import figures


def test_the_figures_are_the_ones_that_were_measured() -> None:
    kept = json.loads((figures.DOCS / "figures.json").read_text())
    assert (figures.DOCS / "figures.md").read_text() == figures.render(kept), "run make bench"
