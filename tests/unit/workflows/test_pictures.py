"""JSONata's pictures of numbers and times, and base64: the reference's examples, and more.

The results are those of jsonata-js 2.2.2 for the same expressions; of a month that is none, which
is refused here, it gives what is no number.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from emulator.workflows.frames import Moment
from emulator.workflows.query import jsonata, pictures
from emulator.workflows.query.limits import EvaluationFailed

GIVE: list[tuple[str, Any]] = [
    # the documentation's
    ("$formatNumber(12345.6, '#,###.00')", "12,345.60"),
    ('$formatNumber(1234.5678, "00.000e0")', "12.346e2"),
    ('$formatNumber(34.555, "#0.00;(#0.00)")', "34.56"),
    ('$formatNumber(-34.555, "#0.00;(#0.00)")', "(34.56)"),
    ('$formatNumber(0.14, "01%")', "14%"),
    ('$formatNumber(0.14, "###pm", {"per-mille": "pm"})', "140pm"),
    ("$formatInteger(2789, 'w')", "two thousand, seven hundred and eighty-nine"),
    ("$formatInteger(1999, 'I')", "MCMXCIX"),
    ("$parseInteger('twelve thousand, four hundred and seventy-six', 'w')", 12476),
    ("$parseInteger('12,345,678', '#,##0')", 12345678),
    ('$base64encode("myuser:mypass")', "bXl1c2VyOm15cGFzcw=="),
    ('$base64decode("bXl1c2VyOm15cGFzcw==")', "myuser:mypass"),
    ("$fromMillis(1510067557121)", "2017-11-07T15:12:37.121Z"),
    ("$fromMillis(1510067557121, '[M01]/[D01]/[Y0001] [h#1]:[m01][P]')", "11/07/2017 3:12pm"),
    ("$fromMillis(1510067557121, '[H01]:[m01]:[s01] [z]', '-0500')", "10:12:37 GMT-05:00"),
    ('$toMillis("2017-11-07T15:07:54.972Z")', 1510067274972),
    # numbers
    ('$formatNumber(2.5, "0")', "2"),
    ('$formatNumber(3.5, "0")', "4"),
    ('$formatNumber(1234.5, "#,##0")', "1,234"),
    ('$formatNumber(99.995, "0.00")', "100.00"),
    ('$formatNumber(0.125, "0.0%")', "12.5%"),
    ('$formatNumber(0.0005, "0.##‰")', "0.5‰"),
    ('$formatNumber(6, "#.#")', "6.0"),
    ('$formatNumber(0.14, "#.00")', ".14"),
    ('$formatNumber(0, "#,###.00")', ".00"),
    ('$formatNumber(0.5, "#")', "0"),
    ('$formatNumber(-0.3, "0")', "-0"),
    ('$formatNumber(-0.3, "0;(0)")', "(0)"),
    ('$formatNumber(12.5, "#0 items")', "12 items"),
    ('$formatNumber(1234.5, "#.##0,00", {"decimal-separator": ",", "grouping-separator": "."})',
     "1.234,50"),
    ('$formatNumber(1e10, "#,##0")', "10,000,000,000"),
    ('$formatInteger(-0.5, "0")', "-1"),
    ('$formatInteger(12.9, "0")', "12"),
    ('$formatInteger(123, "w;o")', "one hundred and twenty-third"),
    ('$formatInteger(21, "1;o")', "21st"),
    ('$formatInteger(28, "A")', "AB"),
    # times
    ('$toMillis("2017")', 1483228800000),
    ('$toMillis("2017-10")', 1506816000000),
    ('$toMillis("2017-10-30")', 1509321600000),
    ('$toMillis("2017-10-30T16:25:32.9351234Z")', 1509380732935),
    ('$toMillis("2017-10-30T16:25:32-0500")', 1509398732000),
    ('$toMillis("1969-12-31T23:59:59.999Z")', -1),
    ('$toMillis("2018-03-23 10:33 -0500", "[Y]-[M]-[D] [H]:[m] [Z0101]")', 1521819180000),
    ('$toMillis("Twenty-Seventh April, Two Thousand and Eighteen", "[DWwo] [MNn], [YWw]")',
     1524787200000),
    # base64
    ('$base64decode("aGVsbG8")', "hello"),
    ('$base64decode(" aGVs bG8= ")', "hello"),
    ('$base64decode("")', ""),
]  # fmt: skip

#: JSONata says UTF-8 of decoding and bytes of encoding: here both are UTF-8, so that the one undoes
#: the other.
OWN: list[tuple[str, Any]] = [
    ('$base64encode("é")', "w6k="),
    ('$base64decode("w6k=")', "é"),
    (r'$base64encode("\ud83d\ude00")', "8J+YgA=="),
    ('$base64decode("/w==")', "�"),
]

FAIL = [
    ('$formatNumber(1, "0#")', "D3090"),
    ('$formatNumber(1, "0.#0")', "D3091"),
    ('$formatNumber(1, "0.0.0")', "D3081"),
    ('$formatInteger(1, "x")', "D3130"),
    ('$fromMillis(0, "[Q]")', 'D3132: Unknown component specifier "Q"'),
    ('$fromMillis(0, "[YN]")', "D3133"),
    ('$fromMillis(0, "[Y")', "D3135"),
    ('$toMillis("2018", "[Y] [Q]")', "D3132"),
    ('$toMillis("10 3", "[Y] [D]")', "D3136"),
    ('$toMillis("2017-W44")', "D3110"),
    ('$toMillis("20171030")', "D3110"),
    ('$toMillis("2017-10-30 16:25:32")', "D3110"),
    ('$toMillis("foo")', "D3110"),
    ('$toMillis("2017-13-01")', "D3110"),
]


def given(text: str) -> Any:
    try:
        return jsonata.evaluate(text, {}, Moment(1_700_000_000_123, random.Random(1)))
    except jsonata.Undefined:
        return None


@pytest.mark.parametrize(("text", "wanted"), [*GIVE, *OWN])
def test_what_an_expression_gives(text: str, wanted: Any) -> None:
    assert given(text) == wanted


@pytest.mark.parametrize(("text", "code"), FAIL)
def test_what_is_refused(text: str, code: str) -> None:
    with pytest.raises(EvaluationFailed) as raised:
        given(text)
    assert str(raised.value).startswith(code)


@pytest.mark.parametrize(
    "text",
    ["$formatNumber(nothing, '0')", "$base64decode(nothing)", "$toMillis(nothing)",
     "$fromMillis(nothing, '[Y]')", "$formatInteger(nothing, '0')"],
)  # fmt: skip
def test_nothing_gives_nothing(text: str) -> None:
    assert given(text) is None


@pytest.mark.parametrize("call", ["$fromMillis(0, {})", "$toMillis('2018', {})"])
def test_a_picture_of_a_time_that_is_far_too_long_is_refused(call: str) -> None:
    with pytest.raises(EvaluationFailed, match="memory limit"):
        given(call.format(f'"{"[Y] " * 50_000}"'))


def test_brackets_that_nothing_closes_are_not_followed_one_by_one() -> None:
    pictures.check_times("[Y" * 1_000_000)  # with its square, this would not end


def test_base64_undoes_itself() -> None:
    draw = random.Random(5)
    for _ in range(200):
        text = "".join(draw.choice("aé日😀\n ") for _ in range(draw.randrange(9)))
        assert given(f"$base64decode($base64encode({text!r}))".replace("'", '"')) == text
