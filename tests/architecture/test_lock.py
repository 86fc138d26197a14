"""CI installs exactly what was tested together."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_is_in_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        asked += extra
    # An extra may name this project itself, for what another of its extras has.
    names = {re.match(r"[\w.-]+", each)[0].lower() for each in asked} - {project["name"]}  # type: ignore[index]
    locked = (ROOT / ".ci" / "constraints.txt").read_text().lower()
    missing = {name for name in names if not re.search(rf"^{re.escape(name)}==", locked, re.M)}
    assert not missing, "run make lock"
