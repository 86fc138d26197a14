"""Fields of states as expressions: payload templates of JSONPath, and values with `{% … %}`."""

import re
from collections.abc import Callable

from .. import errors
from ..errors import StatesError
from ..json_text import Json, type_name, write
from . import jsonata
from .intrinsics import parse_call, run
from .jsonpath import Path, PathMissing, evaluate, parse_path
from .limits import EvaluationFailed
from .scope import Query, Scope

OPEN, CLOSE = "{%", "%}"


def is_expression(value: Json) -> bool:
    """Return whether a value is a JSONata expression: `{% … %}`."""
    return isinstance(value, str) and value.startswith(OPEN) and value.endswith(CLOSE)


def expression_text(value: str) -> str:
    """Return a JSONata expression without its brackets."""
    return value[len(OPEN) : -len(CLOSE)].strip()


def constant(value: Json) -> Query:
    """Return a query that always gives this value."""
    return lambda scope: value


def whole(scope: Scope) -> Json:
    """Give `$`."""
    return scope.data


def path_or_call(text: str, field: str) -> Query:
    """Return the query of a path or an intrinsic function, in a field such as `name.$`."""
    if text.startswith("States."):
        call = parse_call(text)
        return lambda scope: run(call, scope)
    path = parse_path(text)

    def query(scope: Scope) -> Json:
        try:
            return evaluate(path, scope)
        except PathMissing:
            raise not_found(path, field, scope) from None

    return query


def not_found(path: Path, field: str, scope: Scope) -> StatesError:
    """Return the error of a path that leads nowhere."""
    cause = (
        f"The JSONPath '{path.text}' specified for the field '{field}' could not be found in the"
        f" input '{write(scope.data)}'"
    )
    return StatesError(errors.RUNTIME, cause)


def select_path(text: str) -> Query:
    """Return the query of InputPath, OutputPath or ItemsPath."""
    path = parse_path(text)
    if not path.segments and path.variable is None and not path.is_context:
        return whole

    def query(scope: Scope) -> Json:
        try:
            return evaluate(path, scope)
        except PathMissing as error:
            cause = f"Invalid path '{path.text}' : {error}"
            raise StatesError(errors.RUNTIME, cause) from None

    return query


def payload_template(template: Json) -> Query:
    """Return the query of a payload template: members whose names end in `.$` are worked out."""
    if not _has_paths(template):
        return constant(template)
    if isinstance(template, list):
        members = [payload_template(each) for each in template]
        return lambda scope: [member(scope) for member in members]
    fields: list[tuple[str, Query]] = []
    for name, value in template.items():
        if name.endswith(".$") and isinstance(value, str):
            fields.append((name[:-2], path_or_call(value, name)))
        else:
            fields.append((name, payload_template(value)))
    return lambda scope: {name: query(scope) for name, query in fields}


def _has_paths(template: Json) -> bool:
    if isinstance(template, dict):
        return any(name.endswith(".$") or _has_paths(each) for name, each in template.items())
    return isinstance(template, list) and any(map(_has_paths, template))


def expressions(value: Json, location: str) -> Query:
    """Return the query of a value in which strings may be JSONata expressions.

    Args:
        value: The value of the field.
        location: The field: `Output`; members are at `Output/name`, items at `Output/names[0]`.
    """
    if is_expression(value):
        return expression(value, location)
    if not _has_expressions(value):
        return constant(value)
    if isinstance(value, list):
        members = [expressions(each, f"{location}[{at}]") for at, each in enumerate(value)]
        return lambda scope: [member(scope) for member in members]
    fields = [(name, expressions(each, f"{location}/{name}")) for name, each in value.items()]
    return lambda scope: {name: query(scope) for name, query in fields}


def _has_expressions(value: Json) -> bool:
    if isinstance(value, dict):
        return any(map(_has_expressions, value.values()))
    if isinstance(value, list):
        return any(map(_has_expressions, value))
    return is_expression(value)


#: What fails with a code of JSONata is a sentence of its own.
_CODED = re.compile(r"[A-Z]\d{4}: ")


def expression(value: str, location: str) -> Query:
    """Return the query of one JSONata expression."""
    text = expression_text(value)
    jsonata.compile_expression(text)
    about = f"The JSONata expression '{text}' specified for the field '{location}'"

    def query(scope: Scope) -> Json:
        states = {**(scope.states or {}), "context": scope.context}
        try:
            return jsonata.evaluate(text, {**scope.variables, "states": states}, scope.moment)
        except jsonata.Undefined:
            cause = f"{about} returned nothing (undefined)."
        except EvaluationFailed as error:
            separator = "." if _CODED.match(str(error)) else ":"
            cause = f"{about} threw an error during evaluation{separator} {error}"
        raise StatesError(errors.QUERY_EVALUATION_ERROR, cause, location)

    return query


def typed_expression(
    value: Json, location: str, wanted: str, fits: Callable[[Json], bool]
) -> Query:
    """Return the query of a field that has to be of a type.

    Args:
        value: A literal or a JSONata expression.
        location: The field.
        wanted: The type, as the error names it: `array`.
        fits: Whether a value is of it.
    """
    query = expressions(value, location)
    shown = expression_text(value) if is_expression(value) else write(value)

    def checked(scope: Scope) -> Json:
        result = query(scope)
        if not fits(result):
            cause = (
                f"The JSONata expression '{shown}' specified for the field '{location}' returned an"
                f" unexpected result type. Expected '{wanted}', but was '{type_name(result)}' for"
                f" value: {write(result)}"
            )
            raise StatesError(errors.QUERY_EVALUATION_ERROR, cause, location)
        return result

    return checked
