"""DynamoDB and its streams answer as AWS was recorded to."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from emulator.services.table import SERVICES
from tests.api.conftest import Running
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION
from tests.conformance.scenarios_tables import STREAMS, TABLES, TableScenario

FILES = {"dynamodb": TABLES, "dynamodbstreams": STREAMS}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}")


def _recordings(file: str) -> dict[str, dict[str, Any]]:
    if not FOLDER.is_dir():
        return {}
    return {name.rpartition("::")[2]: each for name, each in load(file).items()}


@pytest.mark.parametrize("file", FILES)
def test_every_recording_is_replayed(file: str) -> None:
    assert _recordings(file).keys() == FILES[file].keys()


@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for file, scenarios in FILES.items() for name in scenarios]
)
def test_scenario(file: str, name: str, running: Running) -> None:
    if "kinesis" in name and "kinesis" not in SERVICES:
        pytest.skip("Kinesis is not served yet")
    clients = partial(
        boto3.client,
        endpoint_url=running.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )
    comparison = Comparison(_recordings(file)[name])
    try:
        FILES[file][name](TableScenario(comparison, clients))
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        comparison.finish()
        RESULTS.setdefault(file, {})[name] = comparison.differences
    assert comparison.differences == []
