"""What documents say and code decides is the same."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from emulator.cli.application import application
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_fragments_of_links_are_headings(page: Path) -> None:
    missing = []
    for link in _LINK.findall(page.read_text()):
        path, _, fragment = link.partition("#")
        target = page.parent / path if path else page
        if fragment and "://" not in link and target.suffix == ".md":
            missing += [] if fragment in _anchors(target) else [link]
    assert not missing


def _anchors(page: Path) -> set[str]:
    """Return what the headings of a page are called in links, as GitHub does."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = [
        re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each)
        for each in re.findall(r"^#+ (.*)$", text, re.M)
    ]
    return {re.sub(r"[^\w\- ]", "", each.strip().lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_pages_show_exist_with_their_options(page: Path) -> None:
    if page.name in ("CHANGELOG.md", "commands.md") or "decisions" in page.parts:
        return  # what was, and what the commands themselves say
    assert [each for each in _shown(page.read_text()) if not _exists(each)] == []


def _shown(text: str) -> Iterator[str]:
    """Yield the commands of localfaas in a page's text and in its blocks."""
    yield from re.findall(r"`(localfaas [^`\n]+)`", text)
    for block in re.findall(r"^ *```(?:console|text)?\n(.*?)^ *```", text, re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.strip().removeprefix("$ ")
            if command.startswith("localfaas "):
                yield command


@cache
def _all_commands() -> Any:
    return typer.main.get_command(application())


def _exists(shown: str) -> bool:
    """Say whether there is such a command, and whether it takes the options that are shown."""
    group = command = _all_commands()
    words = re.split(r"\s#|\s\||;|&&|\)", shown)[0].split()[1:]
    while words and hasattr(command, "commands") and words[0] not in ("…", "COMMAND"):
        if words[0].startswith("-"):
            break
        command = command.commands.get(words.pop(0))
        if command is None:
            return False
    taken = {"--help"}
    for each in (*group.params, *command.params):
        taken.update(each.opts, each.secondary_opts)
    own = words[: words.index("--")] if "--" in words else words
    given = {found[0] for word in own if (found := re.match(r"--[a-z][\w-]*", word))}
    return command is group or given <= taken
