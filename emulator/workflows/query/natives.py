"""What jsonata-python does in one step may make gigabytes of a few bytes: it is priced before."""

import copy
import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from . import pictures
from .limits import Pattern, budget, weight

#: Characters that are copied in the time in which one is made otherwise.
_COPIED_AT_ONCE = 1024

#: By function, what a call makes at most, in characters and items, of its arguments.
_Price = Callable[[Sequence[Any]], int]


def _pad(arguments: Sequence[Any]) -> int:
    width = arguments[1] if len(arguments) > 1 else 0
    # Beyond any budget where it is no finite number.
    return int(abs(width)) if isinstance(width, int | float) and abs(width) < 1e18 else 1 << 60


def _join(arguments: Sequence[Any]) -> int:
    texts = arguments[0] if arguments and isinstance(arguments[0], list) else ()
    separator = arguments[1] if len(arguments) > 1 else ""
    each = len(separator) if isinstance(separator, str) else 0
    return sum(len(text) if isinstance(text, str) else 0 for text in texts) + each * len(texts)


def _replace(arguments: Sequence[Any]) -> int:
    text, pattern, by, limit = (*arguments, *[None] * 4)[:4]
    if not (isinstance(text, str) and isinstance(pattern, str) and isinstance(by, str)):
        return 0  # A regular expression counts what it makes at each match.
    times = text.count(pattern) if pattern else 0
    if limit is not None:
        times = math.ceil(max(0, min(times, limit)))
    # What replaces may name what was found once in two characters.
    return len(text) + times * (len(by) + by.count("$") * len(pattern))


def _zip(arguments: Sequence[Any]) -> int:
    return len(arguments) * min(
        (len(each) if isinstance(each, list) else 1 for each in arguments), default=0
    )


def _weight(arguments: Sequence[Any]) -> int:
    return weight(arguments[0], budget().left) if arguments else 0


def _picture(arguments: Sequence[Any]) -> int:
    picture = arguments[1] if len(arguments) > 1 else None
    # The library copies what is left of a picture at each of its parts.
    return len(picture) ** 2 // _COPIED_AT_ONCE if isinstance(picture, str) else 0


def _free(arguments: Sequence[Any]) -> int:
    return 0


_PRICES: dict[str, _Price] = {
    "fromMillis": _picture,
    "toMillis": _picture,
    "pad": _pad,
    "join": _join,
    "replace": _replace,
    "distinct": _weight,
    "string": _weight,
    "zip": _zip,
}


def _find_distinct(native: Any, input: Any, arguments: Any) -> Any:
    """Do what ``$distinct`` does; the library holds each item against all before it."""
    from jsonata.utils import Utils

    items = arguments[0] if arguments else None
    if not isinstance(items, list) or len(items) <= 1:
        return items
    found = Utils.create_sequence() if isinstance(items, Utils.JList) else []
    first: dict[Any, Any] = {}
    for each in items:
        first.setdefault(_key(each), each)
    found.extend(first.values())
    return found


def _key(value: Any) -> Any:
    """Return something with a hash that is equal for equal values only."""
    if isinstance(value, dict):
        return ("object", frozenset((name, _key(each)) for name, each in value.items()))
    if isinstance(value, list):
        return ("array", *map(_key, value))
    return (value,) if isinstance(value, bool) else value


def _replace_first(native: Any, input: Any, arguments: Any) -> Any:
    """Do what ``$replace`` does; the library replaces in what it has just put there, too."""
    text, pattern, by, limit = (*(arguments or ()), *[None] * 4)[:4]
    if not isinstance(text, str) or not isinstance(pattern, Pattern) or limit is None or limit < 0:
        return native.call(input, arguments)
    if limit == 0:
        return text
    most = math.ceil(min(limit, len(text) + 1))
    return native.call(input, [text, pattern.first(most), by, None])


def _of_text(work: Callable[[str], Any]) -> Callable[[Any, Any, Any], Any]:
    """Return a function of one text that does its work by itself."""

    def run(native: Any, input: Any, arguments: Any) -> Any:
        given = list(arguments or ())
        text = given[0] if given else None
        is_alone = all(each is None for each in given[1:])
        return work(text) if isinstance(text, str) and is_alone else native.call(input, arguments)

    return run


def _format_integer(native: Any, input: Any, arguments: Any) -> Any:
    value, *more = arguments or (None,)
    return native.call(input, [pictures.floor(value), *more])


def _format_number(native: Any, input: Any, arguments: Any) -> Any:
    value, text, options = [*(arguments or ()), None, None, None][:3]
    if isinstance(value, bool) or not isinstance(value, int | float) or not isinstance(text, str):
        return native.call(input, arguments)
    picture = pictures.Picture(text, options, is_negative=value < 0)
    if not picture.is_plain:
        return native.call(input, arguments)
    made = native.call(input, [picture.rounded(value), picture.text, options])
    return picture.finished(made) if isinstance(made, str) else made


def _time(work: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    def run(native: Any, input: Any, arguments: Any) -> Any:
        pictures.check_times(arguments[1] if arguments and len(arguments) > 1 else None)
        return work(native, input, arguments)

    return run


#: By function, what does its work instead.
_OWN: dict[str, Callable[[Any, Any, Any], Any]] = {
    "base64decode": _of_text(pictures.decode),
    "base64encode": _of_text(pictures.encode),
    "distinct": _find_distinct,
    "formatInteger": _format_integer,
    "formatNumber": _format_number,
    "fromMillis": _time(lambda native, input, arguments: native.call(input, arguments)),
    "replace": _replace_first,
    "toMillis": _time(_of_text(pictures.millis)),
}


@lru_cache(maxsize=1)
def functions() -> dict[str, Any]:
    """Return the library's functions that are priced, or done otherwise, by name."""
    from jsonata.jsonata import Jsonata

    def priced(name: str, price: _Price) -> Any:
        native = Jsonata.static_frame.lookup(name)
        made = copy.copy(native)
        run = partial(_OWN[name], native) if name in _OWN else native.call

        def call(input: Any, arguments: Any) -> Any:
            budget().make(price(arguments or ()))
            return run(input, arguments)

        made.call = call
        return made

    return {name: priced(name, _PRICES.get(name, _free)) for name in (*_PRICES, *_OWN)}


@lru_cache(maxsize=1)
def library() -> Any:
    """Return the class of expressions, whose operators are priced, too."""
    from jsonata.jsonata import Jsonata

    class Priced(Jsonata):  # type: ignore[misc]
        def evaluate_string_concat(self, lhs: Any, rhs: Any) -> Any:
            for side in (lhs, rhs):
                budget().make(weight(side, budget().left))
            return super().evaluate_string_concat(lhs, rhs)

        def evaluate_equality_expression(self, lhs: Any, rhs: Any, op: Any) -> Any:
            if isinstance(lhs, dict | list) and isinstance(rhs, dict | list):
                budget().read(lhs)
            return super().evaluate_equality_expression(lhs, rhs, op)

        def evaluate_includes_expression(self, lhs: Any, rhs: Any) -> Any:
            if not isinstance(lhs, dict | list):
                return super().evaluate_includes_expression(lhs, rhs)
            for each in rhs if isinstance(rhs, list) else [rhs]:
                budget().read(lhs)
                if each == lhs:
                    return True
            return False

        def evaluate_unary(self, expr: Any, input: Any, environment: Any) -> Any:
            if expr.value != "[":
                return super().evaluate_unary(expr, input, environment)
            with budget().joining(expr.expressions):
                return super().evaluate_unary(expr, input, environment)

        def evaluate_step(self, expr: Any, input: Any, environment: Any, last_step: Any) -> Any:
            if len(input) <= 1:  # what one item gives is handed on as it is
                return super().evaluate_step(expr, input, environment, last_step)
            with budget().joining((expr,)):
                return super().evaluate_step(expr, input, environment, last_step)

        def evaluate_tuple_step(
            self, expr: Any, input: Any, tuple_bindings: Any, environment: Any
        ) -> Any:
            with budget().joining((expr,)):
                return super().evaluate_tuple_step(expr, input, tuple_bindings, environment)

        def evaluate_descendants(self, expr: Any, input: Any) -> Any:
            budget().make(weight(input, budget().left))
            return super().evaluate_descendants(expr, input)

        def evaluate_range_expression(self, lhs: Any, rhs: Any) -> Any:
            # It is made when its items are asked for; what is too long for JSONata says so.
            found = super().evaluate_range_expression(lhs, rhs)
            budget().make(len(found or ()))
            return found

    return Priced
