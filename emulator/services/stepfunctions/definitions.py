"""Definitions of machines, checked and prepared once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from emulator.model.errors import AwsError
from emulator.services.sdk_shapes import members
from emulator.workflows.errors import Diagnostic, InvalidDefinition
from emulator.workflows.program import (
    Program,
    compile_definition,
    compile_kept,
    validate_definition,
)
from emulator.workflows.validation.scopes import variable_references as references

_T = TypeVar("_T")

#: What stands in the names of all services that tasks call.
_CALLS = ":states:"

#: By their texts, the definitions that were made or run last.
_programs: OrderedDict[str, Program] = OrderedDict()
_MOST_PROGRAMS = 256


def program(text: str) -> Program:
    """Return the program of a definition that was checked once; the last ones are kept."""
    return _kept(text, _programs.get(text) or compile_kept(text))


def _kept(text: str, made: Program) -> Program:
    _programs[text] = made
    _programs.move_to_end(text)
    if len(_programs) > _MOST_PROGRAMS:
        _programs.popitem(last=False)
    return made


async def check(text: str, kind: str) -> None:
    """Check a definition that a caller gives; its program is kept for the first execution.

    Args:
        text: The definition.
        kind: ``STANDARD`` or ``EXPRESS``.

    Raises:
        AwsError: InvalidDefinition.
    """
    try:
        made = await _beside(partial(compile_definition, text, kind=kind, calls=members), text)
    except InvalidDefinition as error:
        raise AwsError("InvalidDefinition", error.message) from error
    _kept(text, made)


async def validate(text: str, kind: str) -> list[Diagnostic]:
    """Return all findings about a definition, warnings included."""
    return await _beside(partial(validate_definition, text, kind=kind, calls=members), text)


async def _beside(work: Callable[[], _T], text: str) -> _T:
    """Do work on a definition; in a thread where it may need models of services."""
    return await asyncio.to_thread(work) if _CALLS in text else work()


def variable_references(text: str) -> dict[str, list[str]]:
    """Return which variables the states of a definition use, by the names of the states."""
    return references(program(text).definition)
