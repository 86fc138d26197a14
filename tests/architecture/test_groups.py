"""Tests that share what there is once, e.g. an engine, run in one worker."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("named")
def test_a_group_is_part_of_a_test_s_name(request: pytest.FixtureRequest) -> None:
    """By that name pytest-xdist keeps a group together: without it nothing does, silently."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("needs pytest-xdist's workers")
    assert request.node.nodeid.endswith("@named")
