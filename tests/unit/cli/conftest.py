"""Commands as they are without settings of the shell that runs the tests."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def without_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings that whoever runs the tests, or another test's folder, has set."""
    for name in [each for each in os.environ if each.startswith("LOCALFAAS_")]:
        monkeypatch.delenv(name)
