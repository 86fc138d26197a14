"""Every operation of the Lambda API is either served or said not to be."""

from __future__ import annotations

import re
from pathlib import Path

from emulator.services.lambda_.operations import OPERATIONS, UNSUPPORTED
from tests.codecs import codec

TESTS = Path(__file__).parents[1]


def test_served_and_unsupported_are_the_whole_model() -> None:
    model = codec("lambda").operations
    assert OPERATIONS.keys().isdisjoint(UNSUPPORTED)
    assert OPERATIONS.keys() | UNSUPPORTED.keys() == model.keys()
    assert (len(model), len(OPERATIONS), len(UNSUPPORTED)) == (91, 79, 12)


def test_the_table_is_alphabetical_and_named_by_rule() -> None:
    model = codec("lambda").operations
    assert list(OPERATIONS) == sorted(OPERATIONS)
    assert {name: handler.__name__ for name, handler in OPERATIONS.items()} == {
        name: model[name].snake_name for name in OPERATIONS
    }


def test_every_served_operation_is_called_by_a_test_of_the_api() -> None:
    texts = "".join(path.read_text() for path in TESTS.glob("api/*.py"))
    model = codec("lambda").operations
    names = {name: model[name].snake_name for name in OPERATIONS}
    assert [name for name, called in names.items() if not re.search(rf"\b{called}\b", texts)] == []
