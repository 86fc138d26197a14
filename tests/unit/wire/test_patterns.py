"""Java's regular expressions in Python."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.wire import model, patterns, unicode_classes
from emulator.wire.java_regex import Inexpressible
from emulator.wire.patterns import matcher, translate
from tests.unit.wire.models import MODELS, every_model

#: Patterns that cannot be expressed, by model: they repeat an anchor or a repetition.
INEXPRESSIBLE = {
    "chime-sdk-voice": {"ClientRequestId"},
    "iotwireless": {"CertificatePEM"},
    "rbin": {"RuleArn"},
    "sagemaker": {"CustomerMetadataKey", "CustomerMetadataValue"},
}
#: The most seconds of CPU that a pattern may take of a hostile value.
_SLOWEST_S = 0.5


def shapes_with_patterns(service: str) -> dict[str, Any]:
    shapes = model.load(service).shapes
    return {name: shape for name, shape in shapes.items() if "pattern" in shape}


@pytest.mark.parametrize("service", MODELS)
def test_every_pattern_of_the_models_can_be_expressed(service: str) -> None:
    inexpressible = set()
    for name, shape in shapes_with_patterns(service).items():
        try:
            translate(shape["pattern"])
        except Inexpressible:
            inexpressible.add(name)
    assert inexpressible == INEXPRESSIBLE.get(service, set())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_pattern_of_every_model_can_be_expressed_but_for_those_listed() -> None:
    for service in every_model():
        test_every_pattern_of_the_models_can_be_expressed(service)
        model.load.cache_clear()


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (r"[\w-_]+", ["a-_"], ["+"]),
        (r"role\/[\w-\/.@]+", ["role/a-b/c"], ["role/ "]),
        (r"[\p{L}\p{N}_]+", ["Zoë_1", "Ⅷ", "日本"], ["-", "a b"]),
        (r"[^\p{L}\p{N}_]", ["-", " "], ["_", "é"]),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["", "a\u3000b", "ä\u2028"], ["a!", "✗"]),
        (r"\p{IsL}+\p{Lu}", ["éÉ"], ["éé"]),
        (r"\P{L}", ["1"], ["ä"]),
        (r"\pL", ["ä"], ["1"]),
        (r"[\p{M}\p{P}\p{S}\p{Zs}]+", ["\u0301!+ "], ["a", "\n"]),
        (r"\p{ASCII}*", ["\x00\x7f"], ["\x80"]),
        (r"\p{Print}+", [" ~"], ["\t", "é"]),
        (r"\p{Alpha}\p{Punct}", ["a!"], ["é!"]),
        (r"[\p{all}]", ["\n", "😀"], [""]),
        (r"(\p{LD}|\p{Punct}| )+", ["ä1 !"], ["\t"]),
        (r"[^\p{C}\p{IsWhitespace}]+", ["a"], [" ", "\x00"]),
        (
            "[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*",
            ["a😀\n"],
            ["\x00"],
        ),
        (r"[a-z&&[^aeiou]]+", ["xyz"], ["a", "X"]),
        (r"[a-z&&[def]]", ["e"], ["a"]),
        (r"[^a-z&&[^x]]", ["x", "1"], ["y"]),
        (r"[a[b-d]]+", ["abd"], ["e"]),
        (r"[\W&&[^ ]]", ["-"], [" ", "a"]),
        (r"[^\W]", ["a"], ["-"]),
        (r"[]a]+", ["]a"], ["b"]),
        (r"[\Q]-\Ea]+", ["]-a"], ["b"]),
        (r"\Qa.b\E", ["a.b"], ["axb"]),
        (r"a*+b", ["aab"], ["aac"]),
        (r"a*+a", [], ["aaa"]),
        (r"(?>a|ab)c", ["ac"], ["abc"]),
        (r"(?<x>a|b)\k<x>", ["aa"], ["ab"]),
        (r"(a|b)\1", ["bb"], ["ba"]),
        (r"(?<=a)?b", ["b"], ["ab"]),
        (r"^(?i)(true|false)$", ["TRUE"], ["yes"]),
        (r"(x(?i)a|b)c", ["xAc", "Bc"], ["XAc", "BC"]),
        (r"\d\s\w", ["1 a"], ["١ a", "1\u00a0a", "1 é"]),
        (r"\h\R", ["\u00a0\r\n"], ["\n\n"]),
        (r"\x41\x{1F600}\0101\e", ["A😀A\x1b"], ["A"]),
        (r".", ["a", "\v"], ["\n", "\r", "\u2028", "\x85"]),
        (r"\Aa\z", ["a"], ["a\n"]),
    ],
)
def test_what_matches(pattern: str, matching: list[str], others: list[str]) -> None:
    compiled = translate(pattern)
    for text in matching:
        assert compiled.fullmatch(text), (text, compiled.pattern)
    for text in others:
        assert not compiled.fullmatch(text), (text, compiled.pattern)


@pytest.mark.parametrize(
    "pattern", [r"\p{IsLatin}", r"\p{javaLetter}", r"\G", r"(?<=a*)b", r"[a", r"a${1,2}", r"\y"]
)
def test_what_cannot_be_expressed_is_said_and_not_checked(pattern: str) -> None:
    with pytest.raises(Inexpressible):
        translate(pattern)
    assert matcher(pattern, None)("any value")


@pytest.fixture(scope="module")
def characters() -> dict[str, str]:
    """Every character of the planes that have letters, and its category."""
    return {chr(code): unicodedata.category(chr(code)) for code in range(0x40000)}


@pytest.mark.parametrize("category", ["L", "Lu", "N", "M", "P", "S", "Z", "Zs", "Cf", "Co"])
def test_categories_are_pythons_own(category: str, characters: dict[str, str]) -> None:
    content = unicode_classes.class_content(category)
    ours = "".join(re.findall(f"[{content}]", "".join(characters)))
    theirs = "".join(each for each in characters if characters[each].startswith(category))
    assert ours == theirs


def test_letters_digits_and_underscore_are_pythons_word_characters(
    characters: dict[str, str],
) -> None:
    """Classes with all three are written so."""
    ours = "".join(re.findall(r"\w", "".join(characters)))
    assert ours == "".join(
        each for each in characters if characters[each][0] in "LN" or each == "_"
    )


@pytest.mark.parametrize("slow", patterns._LINEAR)
@given(text=st.text(" \t:a~\x1f", max_size=9))
def test_linear_expressions_match_what_the_slow_ones_do(slow: str, text: str) -> None:
    fast = patterns._LINEAR[slow]
    assert bool(re.fullmatch(fast, text)) is bool(re.fullmatch(slow, text))


def test_a_pattern_is_compiled_for_its_first_value() -> None:
    pattern = "made-once-[0-9]+"
    matches = matcher(pattern, None)
    before = translate.cache_info().currsize
    assert [matches(each) for each in ("made-once-1", "made-once-2", "else")] == [True, True, False]
    assert translate.cache_info().currsize == before + 1


def test_a_value_over_the_maximum_is_not_tried() -> None:
    matches = matcher("(a+)+b", 20)
    assert matches("a" * 100_000)
    assert not matches("c")


@pytest.mark.parametrize("service", MODELS)
def test_hostile_values_take_no_time(service: str) -> None:
    for name, shape in shapes_with_patterns(service).items():
        longest = shape.get("max")
        matches = matcher(shape["pattern"], longest)
        if shape["type"] != "string":
            continue
        for value in hostile_values(shape["pattern"], min(longest or 20_000, 20_000)):
            assert is_quick(matches, value), (name, value[:80])


def is_quick(matches: Callable[[str], bool], value: str) -> bool:
    """Say whether it is at least once: a pattern is slow each time, a machine is not."""
    for _ in range(10):
        begun = time.process_time()
        matches(value)
        if time.process_time() - begun < _SLOWEST_S:
            return True
    return False


def hostile_values(pattern: str, longest: int) -> Iterator[str]:
    """Yield values that nearly match: each repeat as often as it may be, then a wrong end."""
    parsed = re._parser.parse(translate(pattern).pattern, re.ASCII)  # type: ignore[attr-defined]
    for repeats in (longest, longest // 2, int(longest**0.5), 30, 8, 3):
        text = nearly(parsed, repeats)[: longest - 1]
        yield from (text + "\x00", text[: longest // 2] + "\x00", text + "!")
    for character in sorted({*re.sub(r"\\.", "", pattern), *"a0-./:_ A"})[:40]:
        yield character * (longest - 1) + "\x00"


def nearly(parsed: Any, repeats: int) -> str:
    """Return a text that a parsed expression matches, where its classes are simple."""
    out = []
    for kind, value in parsed:
        match str(kind):
            case "LITERAL":
                out.append(chr(value))
            case "ANY" | "NOT_LITERAL":
                out.append("a")
            case "IN":
                out.append(one_of(value))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                low, high, inner = value
                count = max(low, min(high, repeats))
                out.append(nearly(inner, repeats if count <= 1 else 1) * count)
            case "SUBPATTERN":
                out.append(nearly(value[3], repeats))
            case "BRANCH":
                out.append(nearly(value[1][-1], repeats))
    return "".join(out)


def one_of(members: Any) -> str:
    """Return a character of a class; any for one that is negated."""
    for kind, value in members:
        match str(kind):
            case "LITERAL":
                return chr(value)
            case "RANGE":
                return chr(value[0])
    return "a"
