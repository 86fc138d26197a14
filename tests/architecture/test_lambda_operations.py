"""Every operation of the Lambda API is either served or said not to be."""

from __future__ import annotations

from emulator.control.lambda_.operations import OPERATIONS, UNSUPPORTED
from emulator.edge import codec


def test_served_and_unsupported_are_the_whole_model():
    model = codec.service("lambda").operations
    assert OPERATIONS.keys().isdisjoint(UNSUPPORTED)
    assert OPERATIONS.keys() | UNSUPPORTED.keys() == model.keys()
    assert (len(model), len(OPERATIONS), len(UNSUPPORTED)) == (91, 79, 12)


def test_the_table_is_alphabetical_and_named_by_rule():
    model = codec.service("lambda").operations
    assert list(OPERATIONS) == sorted(OPERATIONS)
    assert {name: handler.__name__ for name, handler in OPERATIONS.items()} == {
        name: model[name].snake_name for name in OPERATIONS
    }
