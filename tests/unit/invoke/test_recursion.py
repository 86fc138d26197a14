"""Lineage: how often a function has been in a chain of calls."""

from __future__ import annotations

from urllib.parse import quote_plus, unquote_plus

from emulator.invoke.recursion import advance

_A = "arn:aws:lambda:us-east-1:000000000000:function:a"
_B = "arn:aws:lambda:us-east-1:000000000000:function:b"
_ROOT = "Root=1-65a1b2c3-000000000000000000000001;Parent=0000000000000001;Sampled=0"


def test_a_chain_begins_at_zero_and_keeps_the_rest_of_the_header() -> None:
    header, times = advance(_ROOT, _A)
    assert times == 0
    assert header.startswith(f"{_ROOT};Lineage=1:")
    assert header.endswith(":0")


def test_each_function_of_a_chain_is_counted_for_itself() -> None:
    header, seen = _ROOT, []
    for arn in (_A, _B, _B, _A, _A):
        header, times = advance(header, arn)
        seen.append(times)
    assert seen == [0, 0, 1, 1, 2]


def test_fields_after_the_lineage_stay() -> None:
    header, times = advance(f"{advance('Root=1', _A)[0]};Sampled=1", _A)
    assert times == 1
    assert header.startswith("Root=1;Lineage=1:")
    assert header.endswith(":1;Sampled=1")


def test_garbage_is_no_lineage() -> None:
    header, times = advance("Root=1;Lineage=%%%,1:zz:3;Sampled=0", _A)
    assert times == 0
    assert header.endswith(":0;Sampled=0")


def test_a_lineage_does_not_grow_without_end() -> None:
    header = _ROOT
    for number in range(100):
        header, _ = advance(header, f"{_A}{number}")
    assert header.count("1:") <= 40
    assert advance(header, f"{_A}99")[1] == 1


def test_it_survives_what_botocore_does_to_the_header() -> None:
    header, _ = advance(advance(_ROOT, _A)[0], _B)
    quoted = quote_plus(header, safe="-=;:+&[]{}\"',")
    assert quoted == header == unquote_plus(quoted)
