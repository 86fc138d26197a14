"""Definitions of machines, checked and prepared once."""

from __future__ import annotations

from functools import lru_cache

from emulator.model.errors import AwsError
from emulator.workflows.errors import InvalidDefinition
from emulator.workflows.program import Program, compile_definition
from emulator.workflows.validation.scopes import variable_references as references


@lru_cache(256)
def program(text: str, kind: str) -> Program:
    """Return a definition's program; the last ones are kept.

    Args:
        text: The definition.
        kind: ``STANDARD`` or ``EXPRESS``.

    Raises:
        InvalidDefinition: It is none.
    """
    return compile_definition(text, kind=kind)


def check(text: str, kind: str) -> Program:
    """Check a definition that a caller gives.

    Raises:
        AwsError: InvalidDefinition.
    """
    try:
        return program(text, kind)
    except InvalidDefinition as error:
        raise AwsError("InvalidDefinition", error.message) from error


def variable_references(text: str, kind: str) -> dict[str, list[str]]:
    """Return which variables the states of a definition use, by the names of the states."""
    return references(program(text, kind).definition)
