"""Functions see from inside what AWS was recorded to show them, in every runtime that is here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Running
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION, Scenario
from tests.conformance.scenarios_common import SCENARIOS

#: They call another emulator's endpoint, by a variable of that one.
NOT_APPLICABLE = {"test_manual_endpoint_injection"}
#: Runtimes that nothing here serves.
NOT_SERVED = ("java", "ruby", "dotnet")

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}"),
]


def _recordings() -> dict[str, dict[str, Any]]:
    if not FOLDER.is_dir():
        return {}
    found = {name.rpartition("::")[2]: each for name, each in load("lambda_common").items()}
    return {
        name: each
        for name, each in found.items()
        if _kind(name) not in NOT_APPLICABLE and not _runtime(name).startswith(NOT_SERVED)
    }


def _kind(name: str) -> str:
    return name.partition("[")[0]


def _runtime(name: str) -> str:
    return name.partition("[")[2].removesuffix("]")


RECORDINGS = _recordings()


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_scenario(name: str, processes: Running) -> None:
    def clients(service: str, region: str = REGION) -> Any:
        return processes.client(service, account=ACCOUNT, region=region)

    comparison = Comparison(RECORDINGS[name])
    try:
        SCENARIOS[_kind(name)](Scenario(comparison, clients), _runtime(name))
    finally:
        comparison.finish()
        RESULTS.setdefault("lambda_common", {})[name] = comparison.differences
    assert comparison.differences == []
