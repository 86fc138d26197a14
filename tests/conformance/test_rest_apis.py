"""API Gateway answers as AWS was recorded to."""

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
from tests.conformance.scenarios_rest_apis import LEFT_OUT, SCENARIOS, ApiScenario

FILE = "apigateway"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}")

#: What of a scenario may differ, and why.
KNOWN = {
    # Six steps look at headers that came by CloudFront.
    "test_aws_proxy_response_payload_format_validation": "not replayed",
    # The words of AWS's JSON reader for a number, known of one place only.
    "test_integration_response_invalid_responsetemplates": "TruncatingBigNumber",
}


def _recordings() -> dict[str, dict[str, Any]]:
    if not FOLDER.is_dir():
        return {}
    return {name.rpartition("::")[2]: each for name, each in load(FILE).items()}


def test_every_recording_is_replayed() -> None:
    assert _recordings().keys() == SCENARIOS.keys() | LEFT_OUT.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, talkative: Running) -> None:
    clients = partial(
        boto3.client,
        endpoint_url=talkative.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )
    comparison = Comparison(_recordings()[name])
    try:
        SCENARIOS[name](ApiScenario(comparison, clients, talkative.url))
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        comparison.finish()
        left = KNOWN.get(name)
        kept = [each for each in comparison.differences if not left or left not in each]
        RESULTS.setdefault(FILE, {})[name] = kept
    assert kept == []
