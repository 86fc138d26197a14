"""CloudFormation answers as AWS was recorded to."""

from __future__ import annotations

import pytest

from tests.api.conftest import Running
from tests.conformance.replaying import clients_of, needs_recordings, recordings, replayed
from tests.conformance.scenarios_stack_resources import RESOURCES
from tests.conformance.scenarios_stacks import SCENARIOS
from tests.conformance.stack_updates import UPDATES, StackScenario

FILE = "cloudformation"
RECORDINGS = recordings(FILE)

pytestmark = needs_recordings


@pytest.mark.parametrize("name", [*UPDATES, *SCENARIOS, *RESOURCES])
def test_scenario(name: str, running: Running) -> None:
    with replayed(FILE, name, RECORDINGS[name]) as comparison:
        scenario = StackScenario(comparison, clients_of(running))
        if name in UPDATES:
            scenario.update(UPDATES[name])
        else:
            {**SCENARIOS, **RESOURCES}[name](scenario)
