"""S3 answers as AWS was recorded to."""

from __future__ import annotations

import pytest

from tests.api.conftest import Running
from tests.conformance.replaying import clients_of, needs_recordings, recordings, replayed
from tests.conformance.scenarios_s3 import SCENARIOS, BucketScenario

FILE = "s3"
#: Those of buckets and objects; notifications are replayed by test_s3_notifications.py.
RECORDINGS = recordings(FILE, without="notifications")

pytestmark = needs_recordings


def test_every_recording_is_replayed() -> None:
    assert RECORDINGS.keys() == SCENARIOS.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, running: Running) -> None:
    with replayed(FILE, name, RECORDINGS[name]) as comparison:
        SCENARIOS[name](BucketScenario(comparison, clients_of(running)))
