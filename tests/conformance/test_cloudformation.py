"""CloudFormation answers as AWS was recorded to."""

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
from tests.conformance.scenarios_stacks import SCENARIOS
from tests.conformance.stack_updates import UPDATES, StackScenario

FILE = "cloudformation"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}")


def _recordings() -> dict[str, dict[str, Any]]:
    if not FOLDER.is_dir():
        return {}
    return {name.rpartition("::")[2]: each for name, each in load(FILE).items()}


@pytest.mark.parametrize("name", [*UPDATES, *SCENARIOS])
def test_scenario(name: str, running: Running) -> None:
    clients = partial(
        boto3.client,
        endpoint_url=running.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )
    comparison = Comparison(_recordings()[name], name)
    try:
        scenario = StackScenario(comparison, clients)
        if name in UPDATES:
            scenario.update(UPDATES[name])
        else:
            SCENARIOS[name](scenario)
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        comparison.finish()
        RESULTS.setdefault(FILE, {})[name] = comparison.differences
    assert comparison.differences == []
