"""JSONata, by jsonata-python: expressions compiled once, and bounded in steps and depth.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import math
import operator
import re
import sys
import threading
import uuid
from ast import literal_eval
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from ..frames import Moment
from ..json_text import Json, read, write
from .intrinsic_functions import HASHES
from .limits import (
    TOO_DEEP,
    Budget,
    EvaluationFailed,
    TakesLong,
    budget,
    compile_pattern,
    spending,
    weight,
)

PYTHON_CALLS = 10_000

LONGEST_RANGE = 1_000_000

_is_not = operator.is_not


class InvalidExpression(ValueError):
    """The text is no JSONata."""


class Undefined(Exception):
    """An expression gives nothing."""


def evaluate(text: str, names: Mapping[str, Json], moment: Moment, document: Json = None) -> Json:
    """Return what an expression gives.

    Args:
        text: The expression, without `{%` and `%}`.
        names: The variables it sees, without the `$`; `states` is one of them.
        moment: Time and chance.
        document: `$`. Expressions of workflows have none.

    Raises:
        Undefined: It gives nothing.
        EvaluationFailed: It fails, or gives what is no JSON (a function, a number that is not
            finite).
        TakesLong: It takes longer than the moment has patience for.
    """
    with _deep_stack():
        return _evaluate(text, names, moment, document)


_depth_lock = threading.Lock()
#: How many threads evaluate, and Python's limit before the first of them did.
_deep = [0, 0]


@contextmanager
def _deep_stack() -> Iterator[None]:
    """Let Python nest calls deeply inside; the library would set this for good."""
    with _depth_lock:
        if not _deep[0]:
            _deep[1] = sys.getrecursionlimit()
        _deep[0] += 1
        sys.setrecursionlimit(max(_deep[1], PYTHON_CALLS))
    try:
        yield
    finally:
        with _depth_lock:
            _deep[0] -= 1
            if not _deep[0]:
                sys.setrecursionlimit(_deep[1])


def _evaluate(text: str, names: Mapping[str, Json], moment: Moment, document: Json) -> Json:
    from jsonata.jexception import JException

    from . import natives

    expression = compile_expression(text)
    own = Budget(is_patient=moment.is_patient)
    # Variables hide the functions of JSONata, and not those of Step Functions.
    bindings: dict[str, Any] = dict(natives.functions())
    bindings |= {name: _inward(value) for name, value in names.items()}
    bindings |= _functions(moment)
    bindings["__evaluate_entry"] = own.enter
    bindings["__evaluate_exit"] = own.leave
    try:
        with spending(own):
            result = expression.evaluate(None if document is None else _inward(document), bindings)
            # What stands in it many times is one in memory, and many once it is written.
            own.make(weight(result, own.left))
    except JException as error:
        raise EvaluationFailed(f"{error.error}: {_sentence(error)}") from None
    except (EvaluationFailed, TakesLong):
        raise
    except RecursionError:
        raise EvaluationFailed(TOO_DEEP) from None
    except (ZeroDivisionError, OverflowError):
        raise EvaluationFailed("D1001: Number out of range: Infinity") from None
    except Exception as error:  # noqa: BLE001 (the library lets Python's own errors through)
        raise EvaluationFailed(_of_python(error)) from None
    if result is None:
        raise Undefined
    return _outward(result)


def compile_expression(text: str) -> Any:
    """Return a compiled expression.

    Raises:
        InvalidExpression: It is no JSONata.
    """
    return _compiled(text, threading.get_ident())


@lru_cache(maxsize=1024)
def _compiled(text: str, thread: int) -> Any:
    """Return an expression of a thread: an evaluation leaves notes in it."""
    with _deep_stack():
        return _compile(text)


def _compile(text: str) -> Any:
    from jsonata.jexception import JException

    from . import natives

    try:
        expression = natives.library()(text, compile_pattern)
    except JException as error:
        raise InvalidExpression(_sentence(error)) from None
    except RecursionError:
        raise InvalidExpression("it is nested too deeply") from None
    except Exception as error:  # noqa: BLE001 (the parser lets Python's own errors through)
        raise InvalidExpression(str(error) or type(error).__name__) from None
    expression.set_output_convert_nulls(False)
    expression.set_validate_input(False)
    return expression


def _sentence(error: Any) -> str:
    """Return what is wrong as JSONata itself says it: the library has "Object" for "function"."""
    template = type(error).error_codes.get(error.error)
    if template is None:
        return str(error)
    values = iter((error.current, error.expected, error.extra))

    def fill(found: re.Match[str]) -> str:
        value = next(values, None)
        if found[1]:
            return str(value)
        return _shown(_SUBTYPES.get(str(value), value) if found[2] == "type" else value)

    return _PLACE.sub(fill, re.sub(r"\bObject\b", "function", template))


#: A place of a template: raw between three braces, as JSON between two.
_PLACE = re.compile(r"\{\{(\{)?(\w+)\}?\}\}")
_SUBTYPES = {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects",
             "s": "strings"}  # fmt: skip


def _shown(value: Any) -> str:
    try:
        return write(_outward(value))
    except (EvaluationFailed, TypeError, ValueError):
        return str(value)


#: What the library says of pictures without JSONata's code.
_CODES = {
    "Formatting or parsing an integer": "D3130",
    "In a decimal digit pattern": "D3131",
    "Unknown component specifier": "D3132",
    "The 'name' modifier": "D3133",
    "The timezone integer format specifier": "D3134",
    "No matching closing bracket": "D3135",
    "The date/time picture string is missing": "D3136",
}
#: Errors of Python that the library lets through, and what JSONata says instead.
_PYTHONS = (
    (
        re.compile(r"could not convert string to float: (.+)", re.DOTALL),
        "D3030: Unable to cast value to a number: ",
    ),
    (
        re.compile(r"Invalid isoformat string: (.+)", re.DOTALL),
        "D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp."
        " Given ",
    ),
)


def _of_python(error: Exception) -> str:
    text = str(error)
    for pattern, message in _PYTHONS:
        if found := pattern.fullmatch(text):
            return message + write(literal_eval(found[1]))
    for beginning, code in _CODES.items():
        if text.startswith(beginning):
            return f"{code}: {text}"
    return text or type(error).__name__


def top_level_names(text: str) -> list[str]:
    """Return the names that an expression reads of a document, where it has none to read.

    Raises:
        InvalidExpression: It is no JSONata.
    """
    found: dict[str, None] = {}
    waiting: list[Any] = [compile_expression(text).ast]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list | tuple):
            waiting.extend(reversed(node))
        elif getattr(node, "type", None) == "path":
            # What follows the first step reads what that has given.
            waiting.append(node.steps[0])
        elif getattr(node, "type", None) == "name":
            found[str(node.value)] = None
        elif hasattr(node, "type"):
            parts = (getattr(node, part, None) for part in _PARTS)
            waiting.extend(reversed([part for part in parts if part is not None]))
    return list(found)


#: The parts of an expression that read what the whole of it reads.
_PARTS = ("condition", "then", "_else", "lhs", "rhs", "lhs_object", "expression", "expressions",
          "arguments", "body")  # fmt: skip


def variables_of(text: str) -> set[str]:
    """Return the names of variables an expression reads and does not set itself."""
    names: set[str] = set()
    set_inside: set[str] = set()
    waiting: list[Any] = [compile_expression(text).ast]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, list | tuple):
            waiting.extend(node)
            continue
        if not hasattr(node, "__dict__") or id(node) in seen:
            continue
        seen.add(id(node))
        kind, value = getattr(node, "type", None), getattr(node, "value", None)
        if kind == "variable" and isinstance(value, str) and value not in ("", "$"):
            names.add(value)
        if kind == "bind":
            set_inside.add(str(getattr(node.lhs, "value", "")))
        if kind == "lambda":
            set_inside |= {str(each.value) for each in node.arguments or []}
        waiting.extend(
            each
            for each in vars(node).values()
            if isinstance(each, list | tuple) or hasattr(each, "__dict__")
        )
    return names - set_inside - _built_in()


@lru_cache(maxsize=1)
def _built_in() -> frozenset[str]:
    from jsonata import jsonata

    own = set(_functions(Moment(0)))
    return frozenset(own | set(jsonata.Jsonata.static_frame.bindings))


def _functions(moment: Moment) -> dict[str, Any]:
    """Return the functions that Step Functions adds or changes."""
    from jsonata.functions import Functions
    from jsonata.jsonata import Jsonata

    def now(picture: str | None = None, timezone: str | None = None) -> str | None:
        shown: str | None = Functions.datetime_from_millis(moment.now_ms, picture, timezone)
        return shown

    def chance(seed: Json = None) -> float:
        return moment.chance.random() if seed is None else _java_random(seed)

    functions: dict[str, Callable[..., Any]] = {
        **_PURE,
        "now": now,
        "millis": lambda: moment.now_ms,
        "random": chance,
        "uuid": lambda: str(uuid.UUID(int=moment.chance.getrandbits(128), version=4)),
    }
    return {name: Jsonata.JLambda(function) for name, function in functions.items()}


def _java_random(seed: Any) -> float:
    """Return the first number of ``java.util.Random``, by which AWS draws lots."""
    if isinstance(seed, bool) or not isinstance(seed, int | float):
        raise EvaluationFailed('T0410: Argument 1 of function "random" must be a number')
    state = (math.floor(seed) ^ 0x5DEECE66D) & _MASK
    state, high = _java_next(state, 26)
    _, low = _java_next(state, 27)
    return ((high << 27) + low) / (1 << 53)


_MASK = (1 << 48) - 1


def _java_next(state: int, bits: int) -> tuple[int, int]:
    state = (state * 0x5DEECE66D + 0xB) & _MASK
    return state, state >> (48 - bits)


def _partition(items: Any = None, size: Any = None) -> Any:
    if items is None:
        return None
    items = items if isinstance(items, list) else [items]
    if isinstance(size, bool) or not isinstance(size, int | float) or size < 1:
        raise EvaluationFailed(
            f"T0410: Argument 2 of function partition must be a positive number: {size}"
        )
    step = math.floor(size)
    return [list(items[at : at + step]) for at in range(0, len(items), step)]


def _range(first: Any = None, last: Any = None, step: Any = 1) -> Any:
    for position, number in enumerate((first, last, step), 1):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise EvaluationFailed(f"T0410: Argument {position} of function range must be a number")
    if not step:
        raise EvaluationFailed("T0410: Argument 3 of function range must not be 0")
    count = math.floor((last - first) / step) + 1
    if count > LONGEST_RANGE:
        raise EvaluationFailed(f"D2014: The size of the sequence must not exceed {LONGEST_RANGE}")
    return [first + step * at for at in range(max(0, count))]


def _hash(data: Any = None, algorithm: Any = None) -> Any:
    if data is None:
        return None
    budget().make(weight(data, budget().left))
    text = data if isinstance(data, str) else write(_outward(data))
    if not isinstance(algorithm, str) or algorithm not in HASHES:
        raise EvaluationFailed(f"Invalid hashing algorithm: {algorithm}")
    return HASHES[algorithm](text.encode(), usedforsecurity=False).hexdigest()


def _parse(text: Any = None) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise EvaluationFailed("T0410: Argument 1 of function parse must be a string")
    try:
        return _inward(read(text))
    except ValueError:
        raise EvaluationFailed(f"The text is not valid JSON: {text}") from None


def _eval(*arguments: Any) -> Any:
    raise EvaluationFailed("T1006: Attempted to invoke a non-function")


_PURE: dict[str, Callable[..., Any]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "parse": _parse,
    "eval": _eval,
}


def _inward(value: Json) -> Any:
    """Return a value in which null is JSONata's own null; the value itself if it has none."""
    from jsonata.utils import Utils

    null = Utils.NULL_VALUE

    def convert(value: Any) -> Any:
        if value is None:
            return null
        if isinstance(value, dict):
            converted = {name: convert(each) for name, each in value.items()}
            return converted if any(converted[name] is not value[name] for name in value) else value
        if isinstance(value, list):
            members = [convert(each) for each in value]
            return members if any(map(_is_not, members, value)) else value
        return value

    return convert(value)


def _outward(value: Any) -> Json:
    """Return a result as JSON: numbers that are whole are integers, as in JavaScript.

    Raises:
        EvaluationFailed: It holds a function, or a number that is not finite.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise EvaluationFailed("D1001: Number out of range: " + str(value))
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    if isinstance(value, dict):
        return {str(name): _outward(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_outward(each) for each in value]
    if type(value).__name__ == "NullValue":
        return None
    raise EvaluationFailed("The result is a function")
