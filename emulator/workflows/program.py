"""Definitions, checked and made into programs."""

from . import quotas
from .compiling import build
from .errors import Diagnostic, InvalidDefinition
from .json_text import Json, read
from .machine import JSONATA, JSONPATH, Program, Retrier, State
from .validation import check

__all__ = [
    "JSONATA",
    "JSONPATH",
    "Program",
    "Retrier",
    "State",
    "compile_definition",
    "validate_definition",
]


def compile_definition(text: str, *, kind: str = "STANDARD") -> Program:
    """Return the program of a definition in the Amazon States Language.

    Args:
        text: The definition, as JSON.
        kind: `STANDARD` or `EXPRESS`: what the machine may do depends on it.

    Raises:
        InvalidDefinition: It has errors; the exception lists them.
    """
    definition, diagnostics = _examined(text, kind)
    problems = [each for each in diagnostics if each.severity == "ERROR"]
    if problems:
        raise InvalidDefinition(problems)
    return build(definition)


def _checked(definition: Json, kind: str) -> list[Diagnostic]:
    try:
        return check(definition, kind)
    except RecursionError:
        return [Diagnostic("INVALID_JSON_DESCRIPTION", "Syntax error: it is nested too deeply")]


def validate_definition(text: str, *, kind: str = "STANDARD") -> list[Diagnostic]:
    """Return all findings about a definition, warnings included (ValidateStateMachineDefinition).

    Args:
        text: The definition, as JSON.
        kind: `STANDARD` or `EXPRESS`.
    """
    return _examined(text, kind)[1]


def _examined(text: str, kind: str) -> tuple[Json, list[Diagnostic]]:
    if len(text.encode("utf-8", "surrogatepass")) > quotas.DEFINITION_BYTES:
        message = f"The definition is larger than {quotas.DEFINITION_BYTES} bytes"
        return None, [Diagnostic("DEFINITION_SIZE_LIMIT_EXCEEDED", message)]
    try:
        definition = read(text)
    except ValueError as error:
        return None, [Diagnostic("INVALID_JSON_DESCRIPTION", f"Syntax error: {error}")]
    if not isinstance(definition, dict):
        message = "Syntax error: the definition is no JSON object"
        return None, [Diagnostic("INVALID_JSON_DESCRIPTION", message)]
    return definition, _checked(definition, kind)
