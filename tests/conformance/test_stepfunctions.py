"""Step Functions answers as AWS was recorded to; pure states: test_workflow_language.py."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.api.conftest import Running
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION
from tests.conformance.replay_workflows import Workflow, prepared
from tests.conformance.scenarios_workflows import REPLAYS, replay_of
from tests.conformance.workflow_definitions import definitions_of, parameter_of

FILE = "stepfunctions"

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}"),
    pytest.mark.slow,
]

#: Scenarios that differ, and why.
_EXITED = "the event before MapStateExited was another one until 2024"
DIFFERENT = {
    "::test_map_item_reader_base_json": _EXITED,
    "test_map_state_config_inline_item_selector": _EXITED,
    "test_map_state_legacy_config_distributed_parameters": _EXITED,
    "test_map_state_tolerated_failure_values": _EXITED,
    "test_put_item_invalid_table_name": "DynamoDB has other words since",
}


def _recordings() -> dict[str, dict[str, Any]]:
    return load(FILE) if FOLDER.is_dir() else {}


_NAMES = [name for name in _recordings() if replay_of(name)]


def test_every_replay_has_a_recording() -> None:
    names = _recordings()
    assert [part for part in REPLAYS if not any(part in name for name in names)] == []


@pytest.mark.parametrize("name", _NAMES)
def test_scenario(name: str, talkative: Running) -> None:
    recording = prepared(_recordings()[name])
    replay = replay_of(name)
    assert replay is not None
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
    comparison = Comparison(recording)
    workflow = Workflow(comparison, clients, definitions_of(name), parameter_of(name))
    try:
        replay(workflow)
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        workflow.client.close()
        comparison.finish()
        RESULTS.setdefault(FILE, {})[name.rpartition("::")[2]] = comparison.differences
    reason = next(
        (why for part, why in DIFFERENT.items() if name.partition("[")[0].endswith(part)), ""
    )
    assert bool(comparison.differences) == bool(reason), comparison.differences
