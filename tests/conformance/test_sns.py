"""SNS answers as AWS was recorded to."""

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
from tests.conformance.scenarios_sns import LEFT_OUT, SCENARIOS, SnsScenario

FILE = "sns"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}")


def _recordings() -> dict[str, dict[str, Any]]:
    if not FOLDER.is_dir():
        return {}
    return {name.partition(".py::")[2]: each for name, each in load(FILE).items()}


def test_every_recording_is_replayed_or_left_out() -> None:
    assert _recordings().keys() == SCENARIOS.keys() | LEFT_OUT.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, running: Running) -> None:
    config = Config(retries={"max_attempts": 0}, parameter_validation=False)
    clients = partial(
        boto3.client,
        endpoint_url=running.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=config,
    )
    comparison = Comparison(_recordings()[name])
    try:
        SCENARIOS[name](SnsScenario(comparison, clients, running.url))
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        comparison.finish()
        RESULTS.setdefault(FILE, {})[name] = comparison.differences
    assert comparison.differences == []
