"""Secrets Manager answers as AWS was recorded to."""

from __future__ import annotations

import pytest

from tests.api.conftest import Running
from tests.conformance.replaying import clients_of, needs_recordings, recordings, replayed
from tests.conformance.scenarios_secrets import SCENARIOS, SecretScenario

FILE = "secretsmanager"
RECORDINGS = recordings(FILE)

pytestmark = needs_recordings


def test_every_recording_is_replayed() -> None:
    assert RECORDINGS.keys() == SCENARIOS.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, talkative: Running) -> None:
    with replayed(FILE, name, RECORDINGS[name]) as comparison:
        SCENARIOS[name](SecretScenario(comparison, clients_of(talkative), talkative.url))
