"""S3 answers as AWS was recorded to."""

from __future__ import annotations

import pytest

from tests.api.conftest import Running
from tests.conformance.replaying import clients_of, needs_recordings, recordings, replayed
from tests.conformance.scenarios_s3 import SCENARIOS, BucketScenario

FILE = "s3"
#: Those of buckets and objects; notifications are replayed by test_s3_notifications.py.
RECORDINGS = recordings(FILE, without="notifications")
#: What differs, and why.
DIFFERS = {
    "test_s3_bucket_encryption_sse_kms_aws_managed_key": "keys of KMS are not asked for: the"
    " answer names none, and the ETag is the MD5, as of an object that KMS has no part in",
}

pytestmark = needs_recordings


def test_every_recording_is_replayed() -> None:
    assert RECORDINGS.keys() == SCENARIOS.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, running: Running, request: pytest.FixtureRequest) -> None:
    if name in DIFFERS:
        request.applymarker(pytest.mark.xfail(reason=DIFFERS[name], strict=True))
    with replayed(FILE, name, RECORDINGS[name]) as comparison:
        SCENARIOS[name](BucketScenario(comparison, clients_of(running)))
