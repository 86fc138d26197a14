"""SQS answers as AWS was recorded to, in both protocols."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.conformance import scenarios_move_tasks, scenarios_sqs
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION
from tests.conformance.replay_sqs import SqsScenario
from tests.old_sqs import old_client

FILES = {"sqs": scenarios_sqs.SCENARIOS, "sqs_move_task": scenarios_move_tasks.SCENARIOS}
#: Scenarios that differ, and why.
DIFFERENT = {"test_move_task_cancel": "AWS had moved six more messages by when it was cancelled"}

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}"),
]


@pytest.fixture(scope="module")
def jumping() -> Iterator[Running]:
    """An emulator whose clock can be moved ahead."""
    running = Running(Settings(port=0), driver=ScriptedDriver(), clock=JumpingClock())
    yield running
    running.stop()


def _recordings(file: str) -> dict[str, dict[str, Any]]:
    """Return the scenarios of a file in which anything was recorded."""
    if not FOLDER.is_dir():
        return {}
    found = {name.rpartition("::")[2]: each for name, each in load(file).items()}
    return {name: each for name, each in found.items() if each["recorded-content"]}


@pytest.mark.parametrize("file", FILES)
def test_every_recording_is_replayed(file: str) -> None:
    assert _recordings(file).keys() == FILES[file].keys()


@pytest.mark.parametrize(("file", "name"), [(f, name) for f in FILES for name in FILES[f]])
def test_scenario(file: str, name: str, jumping: Running) -> None:
    def jump(seconds: float) -> None:
        clock = jumping.emulator.clock
        assert isinstance(clock, JumpingClock)
        jumping.call(lambda: clock.jump(seconds))

    new_client = old_client if "sqs_query" in name else partial(boto3.client, "sqs")
    client = new_client(
        endpoint_url=jumping.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )
    comparison = Comparison(_recordings(file)[name])
    try:
        FILES[file][name](SqsScenario(comparison, client, name, jump))
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        client.close()
        comparison.finish()
        RESULTS.setdefault(file, {})[name] = comparison.differences
    if name in DIFFERENT:
        assert comparison.differences, f"{name} does not differ any more"
        pytest.xfail(DIFFERENT[name])
    assert comparison.differences == []
