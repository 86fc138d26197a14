"""State machines for tests: made, started and waited for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.patience import until

from .conftest import Running

ROLE = "arn:aws:iam::000000000000:role/workflows"
_NUMBERS = count()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = tmp_path_factory.mktemp("workflows") / "state"
    running = Running(Settings(port=0, state=state, transition_seconds=0), driver=ScriptedDriver())
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
        client = running.client("stepfunctions")
    yield client
    client.close()


def chain(*states: dict[str, Any], **more: Any) -> str:
    """Return a definition of states that follow one another: A, B, C …"""
    names = [chr(ord("A") + index) for index in range(len(states))]
    made = {}
    for name, following, state in zip(names, [*names[1:], None], states, strict=True):
        follows: dict[str, Any] = {"Next": following} if following else {"End": True}
        if state["Type"] in ("Choice", "Succeed", "Fail"):
            follows = {}
        made[name] = {**follows, **state}
    return json.dumps({"StartAt": names[0], "States": made, **more})


PASS = {"Type": "Pass", "Result": {"done": True}}
WAIT = {"Type": "Wait", "Seconds": 3600}


def machine(client: Any, definition: str = "", **fields: Any) -> str:
    """Create a machine and return its ARN."""
    fields.setdefault("name", f"machine-{next(_NUMBERS)}")
    made = client.create_state_machine(definition=definition or chain(PASS), roleArn=ROLE, **fields)
    arn: str = made["stateMachineArn"]
    return arn


def until_over(client: Any, arn: str, status: str = "") -> dict[str, Any]:
    """Wait for the end of an execution and return what describing it says."""
    found: dict[str, Any] = until(
        lambda: client.describe_execution(executionArn=arn),
        lambda found: found["status"] != "RUNNING",
    )
    assert not status or found["status"] == status, found
    return found


def start(client: Any, arn: str, value: Any = None, **fields: Any) -> str:
    text = json.dumps({} if value is None else value)
    found: str = client.start_execution(stateMachineArn=arn, input=text, **fields)["executionArn"]
    return found


def run(client: Any, definition: str, value: Any = None, status: str = "SUCCEEDED") -> Any:
    """Run a definition to its end; return its output, or its error and cause."""
    found = until_over(client, start(client, machine(client, definition), value), status)
    return json.loads(found["output"]) if status == "SUCCEEDED" else found


def types(client: Any, arn: str) -> list[str]:
    return [each["type"] for each in client.get_execution_history(executionArn=arn)["events"]]


def refused(code: str, call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    message: str = caught.value.response["Error"]["Message"]
    return message


def _sub(*states: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(chain(*states))
    return found
