"""What a runtime tells of imports is checked: a function can write it as well."""

from __future__ import annotations

import orjson
import pytest

from emulator.model import imports

ONE = {"module": "a", "parent": None, "start_ms": 1, "total_ms": 5.0, "self_ms": 2}


def test_it_is_read() -> None:
    inner = {**ONE, "module": "b", "parent": 0, "self_ms": 3}
    read = imports.read(orjson.dumps({"total_ms": 9, "imports": [ONE, inner]}))
    assert read is not None
    assert read.total_ms == 9.0
    assert [read.depth(each) for each in read.imports] == [0, 1]
    assert [each.module for each in read.dearest(5)] == ["b", "a"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"{",
        b"null",
        b'{"total_ms": 1, "imports": 3}',
        b'{"total_ms": 1, "imports": [3]}',
        b" " * (imports.LARGEST + 1),
        *(
            orjson.dumps({"total_ms": 1, "imports": [{**ONE, **wrong}]})
            for wrong in (
                {"parent": 0},
                {"parent": -1},
                {"parent": True},
                {"total_ms": -1},
                {"self_ms": "x"},
                {"start_ms": None},
                {"total_ms": 1e300},
            )
        ),
    ],
)
def test_what_is_no_such_thing_is_ignored(body: bytes) -> None:
    assert imports.read(body) is None


def test_it_is_bounded() -> None:
    many = [{**ONE, "module": "m" * 1000}] * 1000
    read = imports.read(orjson.dumps({"total_ms": 1, "imports": many[:200]}))
    assert read is not None
    assert len(read.imports) == 200
    assert all(len(each.module) == 200 for each in read.imports)
