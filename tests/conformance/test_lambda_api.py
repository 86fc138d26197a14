"""The Lambda API answers as AWS was recorded to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Running
from tests.conformance import (
    scenarios_event_invoke,
    scenarios_layers,
    scenarios_permissions,
    scenarios_tags,
    scenarios_versions,
)
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION, Scenario

SCENARIOS = {
    **scenarios_event_invoke.SCENARIOS,
    **scenarios_layers.SCENARIOS,
    **scenarios_permissions.SCENARIOS,
    **scenarios_tags.SCENARIOS,
    **scenarios_versions.SCENARIOS,
}
#: Scenarios that differ, and why.
DIFFERENT: dict[str, str] = {}
#: Recorded before AWS changed what they show; a later recording of the same stands.
SUPERSEDED = {
    # In 2022 a policy had its function's RevisionId, since then it has its own
    # (TestLambdaPermissions::test_lambda_permission_fn_versioning, 2025).
    "TestLambdaPermissions::test_lambda_permission_revisions",
    "TestLambdaPermissions::test_lambda_permission_versioning",
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}")


def _recordings() -> dict[str, dict[str, Any]]:
    if not FOLDER.is_dir():
        return {}
    found = {name.partition("::")[2]: each for name, each in load("lambda_api").items()}
    return {name: each for name, each in found.items() if each["recorded-content"]}


RECORDINGS = _recordings()


def test_every_recording_is_replayed() -> None:
    assert RECORDINGS.keys() - SCENARIOS.keys() == SUPERSEDED


@pytest.mark.parametrize("name", sorted(RECORDINGS.keys() - SUPERSEDED))
def test_scenario(name: str, running: Running) -> None:
    def clients(service: str, region: str = REGION) -> Any:
        return running.client(service, account=ACCOUNT, region=region)

    comparison = Comparison(RECORDINGS[name])
    try:
        SCENARIOS[name](Scenario(comparison, clients))
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        if name not in DIFFERENT:
            raise
    finally:
        comparison.finish()
        RESULTS.setdefault("lambda_api", {})[name] = comparison.differences
    if name in DIFFERENT:
        assert comparison.differences, f"{name} does not differ any more"
        pytest.xfail(DIFFERENT[name])
    assert comparison.differences == []
