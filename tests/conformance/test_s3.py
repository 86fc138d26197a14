"""S3 answers as AWS was recorded to."""

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
from tests.conformance.scenarios_s3 import SCENARIOS, BucketScenario

FILE = "s3"
#: What differs, and why.
DIFFERS = {
    "test_s3_bucket_encryption_sse_kms_aws_managed_key": "keys of KMS are not asked for: the"
    " answer names none, and the ETag is the MD5, as of an object that KMS has no part in",
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}")


def _recordings() -> dict[str, dict[str, Any]]:
    """Return those of buckets and objects; those of notifications are replayed elsewhere."""
    if not FOLDER.is_dir():
        return {}
    return {
        name.rpartition("::")[2]: each
        for name, each in load(FILE).items()
        if "notifications" not in name
    }


def test_every_recording_is_replayed() -> None:
    assert _recordings().keys() == SCENARIOS.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, running: Running, request: pytest.FixtureRequest) -> None:
    clients = partial(
        boto3.client,
        endpoint_url=running.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )
    if name in DIFFERS:
        request.applymarker(pytest.mark.xfail(reason=DIFFERS[name], strict=True))
    comparison = Comparison(_recordings()[name])
    try:
        SCENARIOS[name](BucketScenario(comparison, clients))
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        comparison.finish()
        RESULTS.setdefault(FILE, {})[name] = comparison.differences
    assert comparison.differences == []
