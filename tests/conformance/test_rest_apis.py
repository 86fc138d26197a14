"""API Gateway answers as AWS was recorded to."""

from __future__ import annotations

import pytest

from tests.api.conftest import Running
from tests.conformance.replaying import clients_of, needs_recordings, recordings, replayed
from tests.conformance.rest_api_scenario import ApiScenario
from tests.conformance.scenarios_rest_apis import LEFT_OUT, SCENARIOS

FILE = "apigateway"
RECORDINGS = recordings(FILE)

pytestmark = needs_recordings

#: What of a scenario may differ, and why.
KNOWN = {
    # Six steps look at headers that came by CloudFront.
    "test_aws_proxy_response_payload_format_validation": "not replayed",
    # The words of AWS's JSON reader for a number, known of one place only.
    "test_integration_response_invalid_responsetemplates": "TruncatingBigNumber",
}


def test_every_recording_is_replayed() -> None:
    assert RECORDINGS.keys() == SCENARIOS.keys() | LEFT_OUT.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, talkative: Running) -> None:
    with replayed(FILE, name, RECORDINGS[name], known=KNOWN.get(name, "")) as comparison:
        SCENARIOS[name](ApiScenario(comparison, clients_of(talkative), talkative.url))
