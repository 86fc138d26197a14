"""What documents say and code decides is the same."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import documents
from tests.benchmarks import figures

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "sample_functions/**/*.md", "runtimes/*/*.md")
    for path in ROOT.glob(pattern)
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def test_the_figures_are_the_ones_that_were_measured() -> None:
    kept = json.loads((figures.DOCS / "figures.json").read_text())
    assert (figures.DOCS / "figures.md").read_text() == figures.render(kept), "run make bench"


@pytest.mark.parametrize("page", documents.PAGES)
def test_pages_that_code_decides_say_what_it_says(page: str) -> None:
    assert (documents.DOCS / page).read_text() == documents.PAGES[page](), "run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in _links(page) if not (page.parent / link).exists()]
    assert not missing


def _links(page: Path) -> Iterator[str]:
    """Yield the paths that a page links to, without their fragments."""
    for link in _LINK.findall(page.read_text()):
        path = link.partition("#")[0]
        if path and "://" not in link:
            yield path


def test_the_picture_of_the_floors_is_the_import_contract() -> None:
    design = (documents.DOCS / "design.md").read_text()
    picture = design.partition("```floors\n")[2].partition("```")[0].splitlines()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (each["layers"] for each in contracts["contracts"] if each["type"] == "layers")
    assert picture == layers
    described = {
        name
        for row in re.findall(r"^\| (`.*?`) \|", design, re.M)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert described == {name for floor in layers for name in floor.split(" | ")}


@pytest.mark.parametrize("page", ["SPECIFICATION.md", "SECURITY.md"])
def test_promises_name_tests_that_exist(page: str) -> None:
    named = re.findall(
        r"`((?:tests/)?[\w/*]*test_[\w*]+\.py|tests/[\w/.]+)`", (ROOT / page).read_text()
    )
    missing = {each for each in named if not any((ROOT / "tests").rglob(Path(each).name))}
    missing |= {each for each in named if "tests/" in each and not any(ROOT.glob(each))}
    assert not missing
