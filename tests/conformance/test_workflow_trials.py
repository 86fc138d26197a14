"""TestState, and the language beside functions and buckets, do what AWS was recorded to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.api.conftest import Running
from tests.conformance import scenarios_language, scenarios_trials
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION
from tests.conformance.replay_workflows import Workflow, prepared
from tests.conformance.workflow_definitions import definitions_of, parameter_of

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}"),
    pytest.mark.slow,
]


#: Scenarios that differ, and why.
_EXITED = "the event before MapStateExited was another one until 2024"
DIFFERENT = {
    "test_lambda_service_invoke_with_retry_extended_input": "there was no RedriveCount then",
    "test_map_item_reader_base_csv": _EXITED,
    "test_map_item_reader_csv": _EXITED,
    "test_map_item_reader_base_list_objects_v2": _EXITED,
    "test_map_state_label_invalid_char_fail": "another emulator's words were recorded, not AWS's",
}


def _recordings() -> dict[str, Any]:
    return load("stepfunctions") if FOLDER.is_dir() else {}


def _replay_of(name: str) -> Callable[[Workflow], None] | None:
    file = scenarios_trials if "v2/test_state/" in name else scenarios_language
    return next((replay for part, replay in file.REPLAYS.items() if part in name), None)


_NAMES = [name for name in _recordings() if _replay_of(name)]


def test_every_scenario_of_trials_is_replayed() -> None:
    trials = [name for name in _recordings() if "v2/test_state/" in name]
    assert [name for name in _NAMES if "v2/test_state/" in name] == trials


@pytest.mark.parametrize("name", _NAMES)
def test_a_scenario_goes_as_it_was_recorded(name: str, talkative: Running) -> None:
    clients = partial(
        boto3.client,
        endpoint_url=talkative.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(
            retries={"max_attempts": 0}, parameter_validation=False, inject_host_prefix=False
        ),
    )
    comparison = Comparison(prepared(_recordings()[name]))
    workflow = Workflow(comparison, clients, definitions_of(name), parameter_of(name))
    replay = _replay_of(name)
    assert replay is not None
    try:
        replay(workflow)
    finally:
        workflow.client.close()
        comparison.finish()
        RESULTS.setdefault("stepfunctions, TestState", {})[name.rpartition("::")[2]] = (
            comparison.differences
        )
    reason = next((why for part, why in DIFFERENT.items() if part in name), "")
    assert bool(comparison.differences) == bool(reason), comparison.differences
