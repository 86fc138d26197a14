"""The pytest plugin's tools for an account with many functions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.pytest_plugin.kit import Localfaas
from tests.api.conftest import Running, create


def test_claims_find_functions_on_every_page(scripted: Running) -> None:
    server = SimpleNamespace(url=scripted.url, region="us-east-1", ending=lambda: "")
    kit = Localfaas(cast(Any, server))
    for number in range(51):
        create(kit.client("lambda"), FunctionName=f"f{number:02}")
    kit.assert_cold(0, "f50")
    with pytest.raises(AssertionError, match="there is no function f51"):
        kit.assert_cold(0, "f51")
    kit.close()
