"""Functions that run answer as AWS was recorded to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Running
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION, Scenario
from tests.conformance.scenarios_functions import SCENARIOS

#: Scenarios that differ, and why.
DIFFERENT = {
    "TestLambdaErrors::test_lambda_runtime_error": (
        "the trace has line numbers of another patch release of Python's own importlib"
    ),
}
#: Those that differ on some machines only.
BY_MACHINE = {"TestLambdaErrors::test_lambda_runtime_error"}

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}"),
]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_scenario(name: str, processes: Running) -> None:
    def clients(service: str, region: str = REGION) -> Any:
        return processes.client(service, account=ACCOUNT, region=region)

    recordings = {key.partition("::")[2]: each for key, each in load("lambda").items()}
    comparison = Comparison(recordings[name])
    try:
        SCENARIOS[name](Scenario(comparison, clients))
    finally:
        comparison.finish()
        RESULTS.setdefault("lambda", {})[name] = comparison.differences
    if name in DIFFERENT:
        assert comparison.differences or name in BY_MACHINE, f"{name} does not differ any more"
        pytest.xfail(DIFFERENT[name])
    assert comparison.differences == []
