"""EventBridge answers as AWS was recorded to."""

from __future__ import annotations

import pytest

from tests.api.conftest import Running
from tests.conformance.replaying import clients_of, needs_recordings, recordings, replayed
from tests.conformance.scenarios_events import LEFT_OUT, SCENARIOS, EventScenario

FILE = "events"
RECORDINGS = recordings(FILE, classes=True)

pytestmark = needs_recordings


def test_every_recording_is_replayed_or_left_out() -> None:
    assert RECORDINGS.keys() == SCENARIOS.keys() | LEFT_OUT.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, running: Running) -> None:
    with replayed(FILE, name, RECORDINGS[name]) as comparison:
        SCENARIOS[name](EventScenario(comparison, clients_of(running)))
