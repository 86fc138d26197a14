"""Which template or assembly a path means."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.model.errors import ConfigurationError
from emulator.stack.finding import find_template


@pytest.mark.parametrize(
    ("name", "text"),
    [("app.py", "give the folder that holds it"), ("app.jar", "a template with CodeUri: app.jar")],
)
def test_code_in_place_of_a_template_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ConfigurationError, match=f"is code, no template.*{text}"):
        find_template(tmp_path / name)
