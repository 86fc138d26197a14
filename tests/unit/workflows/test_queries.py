"""JSONPath, intrinsic functions, JSONata."""

from __future__ import annotations

import random
from typing import Any

import pytest

from emulator.workflows.errors import StatesError
from emulator.workflows.frames import Moment
from emulator.workflows.query import jsonata, limits
from emulator.workflows.query.intrinsics import InvalidCall, parse_call, run
from emulator.workflows.query.jsonpath import InvalidPath, PathMissing, evaluate, parse_path
from emulator.workflows.query.scope import Scope

DATA: Any = {
    "a": {"b": [1, 2, {"c": 3}], "d-e": "x", "it's": 1},
    "items": [{"n": 1, "t": "p"}, {"n": 5, "t": "q"}, {"t": "p"}],
    "none": None,
}


def scope(data: Any = DATA, **variables: Any) -> Scope:
    context = {"State": {"Name": "Here"}}
    return Scope(data, context, variables, Moment(1_700_000_000_123, random.Random(1)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", DATA),
        ("$.a.b[2].c", 3),
        ("$['a']['b'][-1]['c']", 3),
        ("$.a.d-e", "x"),
        ("$.a['it\\'s']", 1),
        ("$.none", None),
        ("$.a['b','d-e']", {"b": [1, 2, {"c": 3}], "d-e": "x"}),
        ("$.a.b[0,1]", [1, 2]),
        ("$.a.b.[0]", 1),
        ("$.a.b[0:2]", [1, 2]),
        ("$.a.b[:1]", [1]),
        ("$.a.b[-2:]", [2, {"c": 3}]),
        ("$.items[*].n", [1, 5]),
        ("$.items.*.t", ["p", "q", "p"]),
        ("$..n", [1, 5]),
        ("$..c", [3]),
        ("$.nothing[*].n", []),
        ("$.items[?(@.n > 2)].t", ["q"]),
        ("$.items[?(@.t == 'p' && @.n)].n", [1]),
        ("$.items[?(@.t == 'q' || !(@.n))].t", ["q", "p"]),
        ("$.items[?(@.t in ['q','r'])].n", [5]),
        ("$.items[?(@.t =~ /P/i)].t", ["p", "p"]),
        ("$.items[?(@.n == $.a.b[0])].t", ["p"]),
        ("$.items.length()", 3),
        ("$.items[*].n.sum()", 6),
        ("$$.State.Name", "Here"),
        ("$$.State", {"Name": "Here"}),
        ("$v.x[0]", 7),
    ],
)
def test_a_path_finds(path: str, expected: Any) -> None:
    assert evaluate(parse_path(path), scope(v={"x": [7]})) == expected


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("$.x", "No results for path: $['x']"),
        ("$.x.y", "Missing property in path $['x']"),
        ("$.a.b[9]", "No results for path: $['a']['b'][9]"),
        ("$.a.b.c", "Expected to find an object in path $['a']['b']['c'] but found 'array'"),
        ("$w", "The variable 'w' is not assigned"),
    ],
)
def test_a_definite_path_that_leads_nowhere_says_where(path: str, reason: str) -> None:
    with pytest.raises(PathMissing) as caught:
        evaluate(parse_path(path), scope())
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "path", ["a", "$.", "$[", "$['a", "$.a[x]", "$.a[?(", "$.a.b()", "$x y", ""]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        parse_path(path)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("States.Format('Hi {}, {}', $.a.d-e, 1)", "Hi x, 1"),
        (r"States.Format('\{\} {} \'q\' {}', true, $.a.b)", """{} true 'q' [1,2,{"c":3}]"""),
        ("States.Format($t, 'y')", "<y>"),
        ("States.StringToJson('{\"a\": [1]}')", {"a": [1]}),
        ("States.StringToJson('  ')", None),
        ("States.JsonToString($.a.b)", '[1,2,{"c":3}]'),
        ("States.Array(1, 'a', null, $.a.b[0], 1.5)", [1, "a", None, 1, 1.5]),
        ("States.Array()", []),
        ("States.ArrayPartition(States.Array(1,2,3), 2)", [[1, 2], [3]]),
        ("States.ArrayContains($.a.b, 2)", True),
        ("States.ArrayContains(States.Array(1), true)", False),
        ("States.ArrayRange(1, 9, 4)", [1, 5, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayGetItem($.a.b, 1)", 2),
        ("States.ArrayLength($.a.b)", 3),
        ("States.ArrayUnique(States.Array(1, 1.0, '1', true, 1))", [1, "1", True]),
        ("States.Base64Encode('héllo')", "aMOpbGxv"),
        ("States.Base64Decode('aMOpbGxv')", "héllo"),
        ("States.Hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("States.Hash('a', 'SHA-1')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("States.JsonMerge($.a, $m, false)", {**DATA["a"], "d-e": 2}),
        ("States.MathAdd(-1.5, 2.5)", 2),
        ("States.MathRandom(1, 2)", 1),
        ("States.StringSplit('a.b,c', '.,')", ["a", "b", "c"]),
        ("States.MathAdd(States.ArrayLength($.items), 1)", 4),
    ],
)
def test_an_intrinsic_function_gives(call: str, expected: Any) -> None:
    assert run(parse_call(call), scope(t="<{}>", m={"d-e": 2})) == expected


def test_chance_comes_from_the_moment() -> None:
    one, other = (run(parse_call("States.UUID()"), scope()) for _ in range(2))
    assert one == other
    assert one[14] == "4"
    seeded = "States.MathRandom(0, 1000000, 7)"
    assert run(parse_call(seeded), scope()) == run(parse_call(seeded), scope())


@pytest.mark.parametrize(
    "call",
    [
        "States.Format('{}')",
        "States.Format('x', 1)",
        "States.StringToJson('{')",
        "States.StringToJson(1)",
        "States.ArrayPartition($.a.b, 0)",
        "States.ArrayRange(0, 1000, 1)",
        "States.ArrayRange(0, 1, 0)",
        "States.ArrayGetItem($.a.b, 3)",
        "States.ArrayLength('x')",
        "States.Base64Decode('?')",
        "States.Base64Decode('é')",
        "States.Base64Encode('\ud800')",
        "States.Hash('\ud800', 'MD5')",
        "States.Hash('a', 'MD4')",
        "States.JsonMerge($.a, $.a, true)",
        "States.MathAdd('1', 1)",
        "States.MathRandom(2, 2)",
    ],
)
def test_an_intrinsic_function_that_fails_says_so(call: str) -> None:
    with pytest.raises(StatesError) as caught:
        run(parse_call(call), scope())
    assert caught.value.error == "States.IntrinsicFailure"
    assert caught.value.cause.startswith(f"The function '{call}' had the following error: ")


def test_a_path_in_a_call_that_leads_nowhere_is_a_runtime_error() -> None:
    with pytest.raises(StatesError) as caught:
        run(parse_call("States.Array($.x)"), scope({}))
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == (
        "The function 'States.Array($.x)' had the following error: The JsonPath argument for the"
        " field '$.x' could not be found in the input '{}'"
    )


@pytest.mark.parametrize(
    "call",
    [
        "States.Nope()",
        "States.UUID(1)",
        "States.Format()",
        "States.Array(",
        "States.Array(a)",
        "States.Array('a)",
        "States.Array(1) x",
        "Format('a')",
        "States.Array(" * 11 + ")" * 11,
    ],
)
def test_what_is_no_call_is_refused(call: str) -> None:
    with pytest.raises(InvalidCall):
        parse_call(call)


def _jsonata(text: str, **names: Any) -> Any:
    return jsonata.evaluate(text, names, Moment(1_700_000_000_123, random.Random(1)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$states.input.a + 1", 2),
        ("4 / 2", 2),
        ("$x", None),
        ("$map($l, function($v) { $v })", [None, 2]),
        ("$partition([1,2,3], 2)", [[1, 2], [3]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("$parse('{\"a\": null}')", {"a": None}),
        ("$random(7) = $random(7)", True),
        ("$random(42)", 0.7275636800328681),
        ("$millis()", 1_700_000_000_123),
        ("$now()", "2023-11-14T22:13:20.123Z"),
        ("$length($uuid())", 36),
    ],
)
def test_jsonata_gives(text: str, expected: Any) -> None:
    assert _jsonata(text, states={"input": {"a": 1}}, x=None, l=[None, 2]) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("'a' + 1", 'T2001: The left side of the "+" operator must evaluate to a number'),
        ("$sum(['a'])", 'T0412: Argument 1 of function "sum" must be an array of "numbers"'),
        ("$abs('x')", 'T0410: Argument 1 of function "abs" does not match function signature'),
        ("$number('x')", 'D3030: Unable to cast value to a number: "x"'),
        ("$toMillis('x')", 'formatted timestamp. Given "x"'),
        ("$sqrt(-1)", "D3060: The sqrt function cannot be applied to a negative number: -1"),
        ("$error('boom')", "D3137: boom"),
        ("$nope(1)", "T1006"),
        ("1 / 0", "D1001"),
        ("$sum", "function"),
        ("$eval('1')", "T1006: Attempted to invoke a non-function"),
        ("($f := function($n) { 1 + $f($n) }; $f(1))", "Stack overflow error: Check for"),
        ("[1..100000000]", "D2014"),
        ("$range(0, 100000000, 1)", "D2014"),
    ],
)
def test_jsonata_that_fails_says_how(text: str, code: str) -> None:
    with pytest.raises(limits.EvaluationFailed) as caught:
        _jsonata(text)
    assert code in str(caught.value)


def test_jsonata_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_STEPS", 5_000)
    with pytest.raises(limits.EvaluationFailed, match="Expression evaluation timeout"):
        _jsonata("($f := function($n) { $f($n + 1) }; $f(1))")


#: What `^(a|aa)+$` takes ages to refuse.
_HARD = "a" * 60 + "!"


@pytest.mark.parametrize(
    "text",
    [
        "($f := function($n) { $n = 0 ? 0 : $f($n - 1) }; $f(10000))",
        f"$contains('{_HARD}', /^(a|aa)+$/)",
        f"$match('{_HARD}', /^(a|aa)+$/)",
        f"$replace('{_HARD}', /^(a|aa)+$/, 'c')",
        f"$split('{_HARD}', /^(a|aa)+$/)",
    ],
)
def test_what_takes_long_is_told_of_within_a_moment(text: str) -> None:
    moment = Moment(0, random.Random(1), is_patient=False)
    with pytest.raises(limits.TakesLong):
        jsonata.evaluate(text, {}, moment)


def test_a_regular_expression_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REGEX_S", 0.05)
    with pytest.raises(limits.EvaluationFailed, match="Expression evaluation timeout"):
        _jsonata(f"$contains('{_HARD}', /^(a|aa)+$/)")


def test_no_match_begins_when_the_time_for_matches_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REGEX_S", 0.0)
    with pytest.raises(limits.EvaluationFailed, match="Expression evaluation timeout"):
        _jsonata("$contains('a', /a/)")


def test_the_matches_of_a_regular_expression_are_those_of_javascript() -> None:
    assert _jsonata("$match('ab12cd3', /[0-9]+/).match") == ["12", "3"]
    assert _jsonata("$replace('John Smith', /(\\w+)\\s(\\w+)/, '$2, $1')") == "Smith, John"
    # Of a group that there is none of, the first digits count, if they name one.
    assert _jsonata("$replace('abc', /(b)/, '$12$3')") == "ab2c"
    with pytest.raises(limits.EvaluationFailed, match="D1004"):
        _jsonata("$replace('abc', /x*?/, '-')")
    assert _jsonata("$split('a, b ,c', /\\s*,\\s*/)") == ["a", "b", "c"]
    assert _jsonata("$contains('Hello', /^HELLO$/i)") is True


def test_jsonata_that_gives_nothing_is_told_from_null() -> None:
    with pytest.raises(jsonata.Undefined):
        _jsonata("$states.input.x", states={"input": {}})


@pytest.mark.parametrize("text", ["", "(", "1 +", "$x :=", "'a"])
def test_what_is_no_jsonata_is_refused(text: str) -> None:
    with pytest.raises(jsonata.InvalidExpression):
        jsonata.compile_expression(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("$a + $states.input.b", {"a", "states"}),
        ("($q := 1; $q + $b)", {"b"}),
        ("$map($c, function($v) { $v + $d })", {"c", "d"}),
        ("$sum($e) & $now()", {"e"}),
        ("{'a': $h, 'b': [$i]}", {"h", "i"}),
    ],
)
def test_the_variables_of_an_expression_are_known(text: str, names: set[str]) -> None:
    assert jsonata.variables_of(text) == names


def _again(first: str, step: str, times: int = 40) -> str:
    return ";".join([first, *[step] * times])


_DOUBLED = _again("$a := 1", "$a := {'a': $a, 'b': $a}")

#: Each would make gigabytes, or take for ever, in a few steps.
LARGE = {
    "range": "$sum([1..9999999])",
    "range of ranges": "[1..100000].([1..100000])",
    "ranges of a function": "$count($map([1..30000], function($i){[1..3000]}))",
    "pad": "$length($pad('x', 1000000000))",
    "pad beyond numbers": "$pad('x', -1e300)",
    "text doubled": f"({_again('$a := $string(12345)', '$a := $a & $a')}; $length($a))",
    "list doubled": f"({_again('$a := [1]', '$a := [[$a],[$a]]')}; $a)",
    "list appended": f"({_again('$a := [1,2]', '$a := $append($a,$a)')}; $count($a))",
    "object doubled": f"({_DOUBLED}; $a)",
    "object written": f"({_DOUBLED}; $string($a))",
    "object joined": f"({_DOUBLED}; $a & 'x')",
    "object hashed": f"({_DOUBLED}; $hash($a,'MD5'))",
    "objects compared": "($a := 1; $b := 1; "
    + "$a := {'a':$a,'b':$a}; $b := {'a':$b,'b':$b};" * 40
    + " $a = $b)",
    "object looked for": f"({_DOUBLED}; {_DOUBLED.replace('$a', '$b')}; $a in [$b])",
    "join": "$length($join([1..100000].('a'), $pad('x', 100000)))",
    "replace": "$replace($pad('x', 100000, 'x'), 'x', $pad('y', 100000))",
    "replace by a pattern": "$replace($pad('x', 100000, 'x'), /x/, $pad('y', 100000))",
    "replace by what was found": "$replace($pad('x', 9000, 'x'), /.*/, $pad('$', 9000, '$0'))",
    "replace by a function": "($b := $pad('y', 9000); $replace($b, /y| /, function($m){$b}))",
    "variables joined by a path": "($a := [1..9000]; $count($a.$a))",
    "variables joined by a list": "($a := [1..9000]; [" + "$a," * 300 + "1])",
    "variables zipped": "($a := [1..9000]; $count($zip(" + "$a," * 300 + "$a)))",
    "descendants": f"({_DOUBLED}; $count($a.**))",
    "distinct": f"({_DOUBLED}; $count($distinct([$a, $a])))",
    "base64": f"({_again('$a := $string(12345)', '$a := $base64encode($a)', 90)}; $length($a))",
}


@pytest.mark.parametrize("name", LARGE)
def test_nothing_is_made_that_is_too_large(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_MADE", 1_000_000)
    with pytest.raises(limits.TakesLong):
        jsonata.evaluate(LARGE[name], {}, Moment(0, is_patient=False))
    with pytest.raises(limits.EvaluationFailed, match="memory limit exceeded"):
        jsonata.evaluate(LARGE[name], {}, Moment(0))


_LETTERS = [f"{at:04}" for at in range(1100)]
_LONG = "x" * 2500


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$count($filter($a, function($v) { $not($v in $b) }))", 1100),
        ("$count($filter($o.a, function($v) { $not($v in $o.b) }))", 1100),
        ("$count($map($a, function($v) { $number($v) / $count($a) }))", 1100),
        ("$count($map($a, function($v) { $o = $o }))", 1100),
        ("$count($map($a, function($v) { $length($long) }))", 1100),
        ("$count($distinct($append($a, $a)))", 1100),
        ("$length($replace($long & '{body}' & $long, /\\{body\\}/, $long))", 7500),
        ("$length($replace($long, /x/, $long, 3))", 9997),
        ("$length($replace($long, 'x', $long, 3))", 9997),
    ],
)
def test_what_is_only_read_is_not_made(
    text: str, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_MADE", 100_000)
    names: dict[str, Any] = {"a": _LETTERS, "b": ["no"] * 1100, "long": _LONG}
    assert jsonata.evaluate(text, {**names, "o": names}, Moment(0)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "$sum([1..1000].$sum($a))",
        "$count($a[$a])",
        "$count($filter($a, function($v) { [$v] in $lists }))",
    ],
)
def test_what_is_read_for_too_long_is_ended(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SECONDS", 0.01)
    many = list(range(5_000))
    names: dict[str, Any] = {"a": many, "lists": [[each, 0] for each in many]}
    with pytest.raises(limits.EvaluationFailed, match="Expression evaluation timeout"):
        jsonata.evaluate(text, names, Moment(0))
    with pytest.raises(limits.TakesLong):
        jsonata.evaluate(text, names, Moment(0, is_patient=False))


def test_only_the_first_matches_are_replaced_each_once() -> None:
    assert _jsonata("$replace('aaa', /a/, 'ab', 2)") == "ababa"
    assert _jsonata("$replace('aaa', /a/, function($m) { $m.match & '!' }, 1)") == "a!aa"
    assert _jsonata("$replace('aaa', /a/, 'b', 0)") == "aaa"
    assert _jsonata("$replace('aaa', /a/, 'b', 1e15)") == "bbb"


def test_what_is_equal_is_kept_once() -> None:
    text = "$distinct([2, 1, 2, true, 1.0, '1', [1], [1], {'a': [1]}, {'a': [1]}, null, null])"
    assert _jsonata(text) == [2, 1, True, "1", [1], {"a": [1]}, None]


@pytest.mark.parametrize("name", ["string", "replace", "join", "pad", "distinct", "zip", "sum"])
def test_variables_hide_functions_of_their_name(name: str) -> None:
    assert _jsonata(f"${name}", **{name: "mine"}) == "mine"


def test_functions_that_are_priced_still_do_what_they_did() -> None:
    text = (
        "$string([1, {'a': 'b'}]) & $pad('a', 3, '-') & ('x').$pad(-3) & $join(['a', 'b'], '+')"
        " & $replace('aba', 'a', 'c', 1) & $replace('ab', /(a)/, '$1$1')"
        " & $string($distinct([1, 1, 2])) & $string(1 in [1, 2]) & $string({'a': 1} = {'a': 1})"
    )
    found = jsonata.evaluate(text, {}, Moment(0))
    assert found == '[1,{"a":"b"}]a--  xa+bcbaaab[1,2]truetrue'
