"""Definitions, checked and made into programs."""

from . import quotas
from .compiling import build
from .errors import INVALID_JSON, Diagnostic, InvalidDefinition
from .json_text import Document, Json, read
from .kept import in_todays_words
from .machine import JSONATA, JSONPATH, Program, Retrier, State
from .validation import check
from .validation.checker import Calls

__all__ = [
    "JSONATA",
    "JSONPATH",
    "Program",
    "Retrier",
    "State",
    "compile_definition",
    "compile_kept",
    "validate_definition",
]


def compile_definition(text: str, *, kind: str = "STANDARD", calls: Calls | None = None) -> Program:
    """Return the program of a definition in the Amazon States Language.

    Args:
        text: The definition, as JSON.
        kind: `STANDARD` or `EXPRESS`: what the machine may do depends on it.
        calls: Tells what calls of services take; None: any call may be.

    Raises:
        InvalidDefinition: It has errors; the exception lists them.
    """
    definition: Document
    definition, diagnostics = _examined(text, kind, calls)
    problems = [each for each in diagnostics if each.severity == "ERROR"]
    if problems:
        raise InvalidDefinition(problems)
    return build(definition)


def compile_kept(text: str) -> Program:
    """Return the program of a definition that had no errors when it was given.

    By today's rules it may have some; what runs is not held against them. A state that can't be
    read any more fails when it is reached.
    """
    return build(in_todays_words(read(text)), is_forgiving=True)


def _checked(definition: Json, kind: str, calls: Calls | None) -> list[Diagnostic]:
    try:
        return check(definition, kind, calls)
    except RecursionError:
        return [Diagnostic(INVALID_JSON, "Syntax error: it is nested too deeply")]


def validate_definition(
    text: str, *, kind: str = "STANDARD", calls: Calls | None = None
) -> list[Diagnostic]:
    """Return all findings about a definition, warnings included (ValidateStateMachineDefinition).

    Args:
        text: The definition, as JSON.
        kind: `STANDARD` or `EXPRESS`.
        calls: Tells what calls of services take; None: any call may be.
    """
    return _examined(text, kind, calls)[1]


def _examined(text: str, kind: str, calls: Calls | None) -> tuple[Json, list[Diagnostic]]:
    if len(text.encode("utf-8", "surrogatepass")) > quotas.DEFINITION_BYTES:
        message = f"The definition is larger than {quotas.DEFINITION_BYTES} bytes"
        return None, [Diagnostic("DEFINITION_SIZE_LIMIT_EXCEEDED", message)]
    try:
        definition = read(text)
    except ValueError as error:
        return None, [Diagnostic(INVALID_JSON, f"Syntax error: {error}")]
    if not isinstance(definition, dict):
        message = "Syntax error: the definition is no JSON object"
        return None, [Diagnostic(INVALID_JSON, message)]
    return definition, _checked(definition, kind, calls)
