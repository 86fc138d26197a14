"""Patterns of templates: quick ones are matched here, the others within bounds."""

from __future__ import annotations

import pytest

from emulator.stack import parameters, patterns
from emulator.stack.errors import TemplateError


@pytest.mark.parametrize(
    "pattern",
    [
        "[a-zA-Z][a-zA-Z0-9]*",
        "^[a-z0-9-]{3,63}$",
        r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})/(\d{1,2})",
        "dev|test|prod",
        r"^arn:aws:iam::\d{12}:role/.+$",
        r"[\w+=,.@-]+",
    ],
)
def test_patterns_of_every_day_take_no_process(pattern: str) -> None:
    assert patterns.is_quick(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|a)*b",
        "a*a*a*b",
        "(?=.*[A-Z]).+",
        r"(.)\1",
        "a{99999999}",
        "((a{0,99}){0,99}){0,99}",
        "a{2000,}",
        "(" * 500 + "a" + ")" * 500,
    ],
)
def test_others_do(pattern: str) -> None:
    assert not patterns.is_quick(pattern)


@pytest.mark.thorough
async def test_what_takes_too_long_or_too_much_ends() -> None:
    assert await patterns.match_all([("(?=.*[A-Z]).{3,}", "abC"), ("(?=.*[A-Z]).+", "abc")]) == [
        True,
        False,
    ]
    # Half a second of CPU, and half a gigabyte of memory.
    assert await patterns.match_all([("(a|a)*b", "a" * 40), ("a", "a")]) == [None, None]
    assert await patterns.match_all([("(", "a"), ("a", "a")]) == [None, True]


async def test_parameters_are_held_against_them() -> None:
    declared = {"P": {"Type": "String", "AllowedPattern": "(?=.*[A-Z]).+"}}
    good = parameters.read(declared, {"P": "aB"})
    await parameters.check_patterns(good, declared)
    bad = parameters.read(declared, {"P": "ab"})
    with pytest.raises(TemplateError, match="must match pattern"):
        await parameters.check_patterns(bad, declared)
    declared["P"]["ConstraintDescription"] = "one capital"
    with pytest.raises(TemplateError, match="failed to satisfy constraint: one capital"):
        await parameters.check_patterns(bad, declared)
    declared["P"]["AllowedPattern"] = "(a+)+b"
    slow = parameters.read(declared, {"P": "a" * 40})
    with pytest.raises(TemplateError, match="takes too long"):
        await parameters.check_patterns(slow, declared)


def test_javas_classes_are_known() -> None:
    assert patterns.matches(r"\p{Upper}[\p{Digit}_]{2}", "A1_")
    assert not patterns.matches(r"\p{Upper}[\p{Digit}_]{2}", "a1_")
    assert patterns.matches(r"[^\p{Punct}\[]+\\p{2}", "a b\\pp")
    with pytest.raises(ValueError, match="Nonsense"):
        patterns.matches(r"\p{Nonsense}", "x")


async def test_javas_classes_are_known_within_bounds() -> None:
    password = r"^(?=(.*\p{Print}){4,})(?!.*[ ,:=])[\p{Print}]{12,}$"
    assert await patterns.match_all([(password, "Passw0rd1234"), (password, "a,b")]) == [
        True,
        False,
    ]
