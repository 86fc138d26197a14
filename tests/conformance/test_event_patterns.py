"""Event patterns match as AWS was recorded to match them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from emulator.sources.patterns import InvalidPattern, Pattern
from tests.conformance.recorded import FOLDER

PATTERNS = FOLDER / "event_patterns"
pytestmark = pytest.mark.skipif(not PATTERNS.is_dir(), reason=f"no recordings at {PATTERNS}")


def load_pattern(path: Path) -> tuple[str, object]:
    """Return a recorded pattern, as JSON, and its event."""
    # JSON5 as it is used there is YAML, but for its comments and exponents without a sign.
    text = re.sub(r"(?m)^\s*//.*$", "", path.read_text())
    found = yaml.safe_load(re.sub(r"(: .*\.\d+e)(\d)", r"\1+\2", text))
    return json.dumps(found["EventPattern"]), found["Event"]


@pytest.mark.parametrize("name", sorted(path.stem for path in PATTERNS.glob("*.json5")))
def test_pattern(name: str) -> None:
    pattern, event = load_pattern(PATTERNS / f"{name}.json5")
    if "_EXC" in name:
        with pytest.raises(InvalidPattern):
            Pattern(pattern)
    else:
        assert Pattern(pattern).matches(event) is ("_NEG" not in name)


def test_of_a_key_that_is_there_twice_the_last_one_counts() -> None:
    pattern = Pattern((PATTERNS / "complex_multi_key_event_pattern.json").read_bytes())
    assert pattern.matches(json.loads((PATTERNS / "complex_multi_key_event.json").read_bytes()))
