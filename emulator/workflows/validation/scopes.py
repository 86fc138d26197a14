"""Variables: who sets them, who reads them, and in which scope.

https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from collections.abc import Iterator
from contextlib import suppress

from ..json_text import Document, Json
from ..query.intrinsics import parse_call, paths_of
from ..query.jsonata import variables_of
from ..query.jsonpath import Path, parse_path
from ..query.templates import expression_text, is_expression
from .checker import Checker
from .graph import programs_in

_NOT_READ = {
    "Branches",
    "ItemProcessor",
    "Iterator",
    "Comment",
    "Result",
    "Type",
    "Next",
    "Default",
}


def check_scopes(checker: Checker, definition: Document) -> None:
    """Report variables that are set where a scope around has one of their name."""
    _check(checker, definition, "", frozenset())


def _check(checker: Checker, definition: Document, location: str, outer: frozenset[str]) -> None:
    own: set[str] = set()
    for name, state in definition["States"].items():
        for variable in _assigned(state):
            if variable in outer:
                checker.report(
                    f"Variable '{variable}' is already assigned in an outer scope",
                    f"{location}/States/{name}/Assign",
                )
            own.add(variable)
    for name, state in definition["States"].items():
        for program, at in programs_in(state, f"{location}/States/{name}"):
            mode = program.get("ProcessorConfig", {}).get("Mode")
            seen = frozenset() if mode == "DISTRIBUTED" else outer | own
            _check(checker, program, at, seen)


def _assigned(state: Document) -> Iterator[str]:
    for holder in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        for name in holder.get("Assign", {}):
            yield name.removesuffix(".$")


def variable_references(definition: Document) -> dict[str, list[str]]:
    """Return the variables that states read, by the names of the states (DescribeStateMachine).

    Args:
        definition: A definition that had no errors when it was given.
    """
    found: dict[str, list[str]] = {}
    waiting = [(definition, "JSONPath")]
    while waiting:
        program, language = waiting.pop(0)
        language = program.get("QueryLanguage", language)
        for name, state in program["States"].items():
            own = state.get("QueryLanguage", language)
            read: set[str] = set()
            with suppress(ValueError):  # kept by an earlier release, and not read today
                read.update(_read_by(state, own))
            if read:
                found[name] = sorted(read)
            waiting.extend((inner, language) for inner, _ in programs_in(state, ""))
    return found


def _read_by(state: Document, language: str) -> Iterator[str]:
    for field, value in state.items():
        if field not in _NOT_READ:
            yield from _in_expressions(value) if language == "JSONata" else _in_paths(field, value)


def _in_expressions(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _in_expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from _in_expressions(each)
    elif is_expression(value):
        yield from variables_of(expression_text(value)) - {"states"}


def _in_paths(field: str, value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _in_paths(name, each)
    elif isinstance(value, list):
        for each in value:
            yield from _in_paths(field, each)
    elif isinstance(value, str) and (field.endswith((".$", "Path")) or field == "Variable"):
        paths: list[Path]
        paths = paths_of(parse_call(value)) if value.startswith("States.") else [parse_path(value)]
        yield from (path.variable for path in paths if path.variable is not None)
