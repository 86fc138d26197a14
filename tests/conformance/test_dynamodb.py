"""DynamoDB and its streams answer as AWS was recorded to."""

from __future__ import annotations

import pytest

from tests.api.conftest import Running
from tests.conformance.replaying import clients_of, needs_recordings, recordings, replayed
from tests.conformance.scenarios_tables import STREAMS, TABLES, TableScenario

FILES = {"dynamodb": TABLES, "dynamodbstreams": STREAMS}
RECORDINGS = {file: recordings(file) for file in FILES}

pytestmark = needs_recordings


@pytest.mark.parametrize("file", FILES)
def test_every_recording_is_replayed(file: str) -> None:
    assert RECORDINGS[file].keys() == FILES[file].keys()


@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for file, scenarios in FILES.items() for name in scenarios]
)
def test_scenario(file: str, name: str, running: Running) -> None:
    with replayed(file, name, RECORDINGS[file][name]) as comparison:
        FILES[file][name](TableScenario(comparison, clients_of(running)))
