"""Rules of composite alarms."""

from __future__ import annotations

import pytest

from emulator.services.cloudwatch.alarms.rules import RuleError, parse_rule

_STATES = {"a": "ALARM", "b": "OK", "odd name": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("ALARM(a)", True),
        ('ALARM("a") AND ALARM("b")', False),
        ("ALARM(a) AND NOT ALARM(b)", True),
        ("ALARM(b) OR ALARM(a) AND FALSE", False),
        ("(ALARM(b) OR ALARM(a)) AND TRUE", True),
        ('INSUFFICIENT_DATA("odd name")', True),
        ("OK(arn:aws:cloudwatch:us-east-1:000000000000:alarm:b)", True),
        ("ok(gone)", False),
        ("NOT (NOT ALARM(a))", True),
    ],
)
def test_rules_hold_by_the_states_of_alarms(text: str, holds: bool) -> None:
    assert parse_rule(text).holds(lambda name: _STATES.get(name, "")) is holds


def test_a_rule_knows_its_alarms() -> None:
    assert parse_rule("ALARM(b) OR OK(a) OR ALARM(b)").children == ("b", "a")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "ALARM",
        "ALARM()",
        "ALARM(a) ALARM(b)",
        "(ALARM(a)",
        "AND",
        "NOT",
        "(" * 99 + "TRUE",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        parse_rule(text)
