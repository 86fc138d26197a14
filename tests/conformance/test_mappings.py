"""Event source mappings of queues do as AWS was recorded to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Running
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION, Scenario
from tests.conformance.scenarios_mappings import SCENARIOS

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}"),
]
_FILE = "lambda_integration_sqs"


def _recordings() -> dict[str, dict[str, Any]]:
    return {name.partition("::")[2]: each for name, each in load(_FILE).items()}


def test_every_recording_is_replayed() -> None:
    assert _recordings().keys() == SCENARIOS.keys()


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_scenario(name: str, talkative: Running) -> None:
    def clients(service: str, region: str = REGION) -> Any:
        return talkative.client(service, account=ACCOUNT, region=region)

    comparison = Comparison(_recordings()[name])
    try:
        SCENARIOS[name](Scenario(comparison, clients))
    finally:
        comparison.finish()
        RESULTS.setdefault(_FILE, {})[name] = comparison.differences
    assert comparison.differences == []
