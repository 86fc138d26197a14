"""The function, called as its users call it: `pytest`."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_it_greets(localfaas):
    localfaas.deploy(ROOT / "template.yaml")
    event = json.loads((ROOT / "events" / "hello.json").read_text())
    answer = localfaas.invoke("hello", event)
    assert answer.payload == {"message": "Hello, you!"}
    assert "greeting you" in answer.log


def test_the_second_call_is_warm(localfaas):
    localfaas.deploy(ROOT / "template.yaml")
    for _ in range(2):
        localfaas.invoke("hello", {})
    localfaas.assert_cold(1)
