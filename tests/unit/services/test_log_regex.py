"""Regular expressions of filter patterns: both searches say the same, and none takes for ever."""

from __future__ import annotations

import random
import re

import pytest

from emulator.model.errors import AwsError
from emulator.services.logs import regex

_ATOMS = ["a", "b", ".", r"\d", r"\w", "[ab]", "[^a]", r"\.", r"\x61", "[]a]", "}", "\\s"]
_TIMES = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "{,2}", "{0}", "*?", "+?", "??"]


def _all_at_once(pattern: str, text: str) -> bool:
    return regex._AllAtOnce(list(regex._ways(pattern))).search(text)


def _expression(chance: random.Random) -> str:
    def way() -> str:
        parts = [chance.choice(_ATOMS) + chance.choice(_TIMES) for _ in range(chance.randrange(6))]
        return chance.choice(["", "", "^"]) + "".join(parts) + chance.choice(["", "", "$"])

    return "|".join(way() for _ in range(chance.choice([1, 1, 2, 3])))


@pytest.mark.parametrize("seed", range(20))
def test_both_ways_to_search_say_the_same(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        pattern = _expression(chance)
        for _ in range(10):
            text = "".join(chance.choice("ab1. }\n") for _ in range(chance.randrange(12)))
            expected = re.search(pattern, text, re.ASCII) is not None
            assert _all_at_once(pattern, text) is expected, (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a.*" * 8 + "b", "a" * 20_000),
        ("a?" * 100 + "a" * 50, "a" * 49),
        (r"\w+\w+\w+\w+!", "a" * 20_000),
        ("[ab]{0,99}" * 8 + "c", "ab" * 10_000),
        ("a.*b", "a" * 100_000),
    ],
    ids=["any", "optional", "repeated", "bounded", "one"],
)
def test_no_expression_takes_for_ever(pattern: str, text: str) -> None:
    """Each of these would take Python's own engine hours, or years."""
    matches = regex.compile_regex(pattern)
    assert not matches(text)
    assert matches(f"{text}{'a' * 200}b!{'ab' * 500}c")


@pytest.mark.parametrize(
    "pattern",
    [r"\bword", r"a\Z", r"(a)", r"\1", "a^b", "a$b", "a*+", "a**", "[", "a{2,1}", "a{999}" * 2],
)
def test_what_cloudwatch_logs_has_not_is_refused(pattern: str) -> None:
    with pytest.raises(AwsError) as caught:
        regex.compile_regex(pattern)
    assert caught.value.code == "InvalidParameterException"


def test_characters_without_number_are_forgotten_again() -> None:
    follow = regex._AllAtOnce(list(regex._ways(".*x")))
    assert not follow.search("".join(map(chr, range(0x4E00, 0x9000))))
    assert len(follow._known) <= regex._REMEMBERED
