"""Drawn machines, run by the product and by an independent interpreter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from emulator.workflows.effects import Fail
from emulator.workflows.errors import InvalidDefinition
from emulator.workflows.program import compile_definition

from .oracle import INPUTS, Failed, interpret, machines
from .simulator import Simulator

pytestmark = pytest.mark.thorough

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def _agree(definition: Any, value: Any) -> None:
    program = compile_definition(json.dumps(definition))
    end = Simulator().run(program, value)
    expected = _expected(definition, value)
    if isinstance(expected, Failed):
        event(f"fails with {expected.error}")
        assert isinstance(end, Fail), end
        assert end.error == expected.error, end
    else:
        event("succeeds")
        assert not isinstance(end, Fail), end
        assert json.dumps(_without_causes(end.output)) == json.dumps(expected)


def _without_causes(value: Any) -> Any:
    """Return a value in which errors have the cause that the oracle gives all of them."""
    if isinstance(value, dict):
        made = {name: _without_causes(each) for name, each in value.items()}
        return {**made, "Cause": "why"} if "Cause" in made else made
    return [_without_causes(each) for each in value] if isinstance(value, list) else value


def _expected(definition: Any, value: Any) -> Any:
    try:
        return interpret(definition, value)
    except Failed as failure:
        return failure


@settings(max_examples=100, suppress_health_check=_QUIET)
@given(machines(), INPUTS)
def test_a_drawn_machine_ends_as_the_oracle_says(definition: Any, value: Any) -> None:
    _agree(definition, value)


@pytest.mark.slow
@pytest.mark.timeout(400)
@settings(max_examples=700, suppress_health_check=_QUIET)
@given(machines(), INPUTS)
def test_many_drawn_machines_end_as_the_oracle_says(definition: Any, value: Any) -> None:
    _agree(definition, value)


@settings(max_examples=100, suppress_health_check=_QUIET)
@given(machines(), st.data())
def test_a_spoiled_definition_is_refused_with_a_sentence_or_runs(
    definition: Any, data: Any
) -> None:
    text = json.dumps(definition)
    junk = data.draw(
        st.sampled_from(["null", "[]", "{}", '"x"', "-1", "1e9", '"$.["', '"{% ( %}"'])
    )
    place = data.draw(st.integers(0, max(0, text.count(":") - 1)))
    parts = text.split(":")
    spoiled = ":".join([*parts[: place + 1], junk + ", " + '"Zz":' + parts[place + 1].lstrip()])
    spoiled = ":".join([spoiled, *parts[place + 2 :]]) if place + 2 < len(parts) else spoiled
    try:
        program = compile_definition(spoiled)
    except InvalidDefinition:
        event("refused")
    else:
        event("accepted")
        Simulator().run(program, {})
