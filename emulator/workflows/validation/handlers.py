"""Retry and Catch."""

from collections.abc import Iterator

from .. import errors
from ..json_text import Document, Json
from .checker import VARIABLE, Checker
from .numbers import check_number

_RETRIER = {
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Comment",
}
_INTERVAL = check_number(1)
_ATTEMPTS = check_number(0)
_DELAY = check_number(1, errors.LONGEST_DELAY_S - 1)
_RATE = check_number(1, 1e9, "Number")


def check_retry(checker: Checker, value: Json, location: str, language: str) -> None:
    """Check Retry."""
    for entry, place in _entries(checker, value, location):
        for field in entry:
            if field not in _RETRIER:
                checker.unsupported(field, place)
        for field, check in (
            ("IntervalSeconds", _INTERVAL),
            ("MaxAttempts", _ATTEMPTS),
            ("MaxDelaySeconds", _DELAY),
            ("BackoffRate", _RATE),
        ):
            if field in entry:
                check(checker, entry[field], f"{place}/{field}", "JSONPath")
        if "JitterStrategy" in entry:
            checker.one_of(entry["JitterStrategy"], ("FULL", "NONE"), f"{place}/JitterStrategy")


def check_catch(checker: Checker, value: Json, location: str, language: str) -> None:
    """Check Catch."""
    own = {"Output"} if language == "JSONata" else {"ResultPath"}
    for entry, place in _entries(checker, value, location):
        for field in entry:
            if field not in {"ErrorEquals", "Next", "Assign", "Comment"} | own:
                checker.unsupported(field, place)
        if checker.require(entry, ("Next",), place):
            checker.of_type(entry["Next"], "String", f"{place}/Next")
        if entry.get("ResultPath") is not None and language == "JSONPath":
            checker.reference_path(entry["ResultPath"], f"{place}/ResultPath")
        if "Output" in entry and language == "JSONata":
            checker.expressions(entry["Output"], f"{place}/Output")
        if "Assign" in entry:
            check_assigned(checker, entry["Assign"], f"{place}/Assign", language)


def check_assigned(checker: Checker, value: Json, location: str, language: str) -> None:
    """Check Assign: the names of variables, and what they are given."""
    if not checker.of_type(value, "Object", location):
        return
    for name in value:
        bare = name.removesuffix(".$") if language == "JSONPath" else name
        if not VARIABLE.fullmatch(bare) or bare == "states":
            checker.report(f"The variable name '{bare}' is not valid", f"{location}/{name}")
    if language == "JSONata":
        checker.expressions(value, location)
    else:
        checker.template(value, location)


def _entries(checker: Checker, value: Json, location: str) -> Iterator[tuple[Document, str]]:
    """Go through entries that have errors to equal."""
    if not checker.of_type(value, "Array", location):
        return
    for at, entry in enumerate(value):
        place = f"{location}[{at}]"
        if not checker.of_type(entry, "Object", place):
            continue
        if checker.require(entry, ("ErrorEquals",), place):
            _check_names(
                checker, entry["ErrorEquals"], f"{place}/ErrorEquals", at == len(value) - 1
            )
        yield entry, place


def _check_names(checker: Checker, names: Json, location: str, is_last: bool) -> None:
    if not checker.of_type(names, "Array", location):
        return
    if not names:
        checker.report("ErrorEquals must not be empty", location)
    for at, name in enumerate(names):
        checker.of_type(name, "String", f"{location}[{at}]")
    if errors.ALL in names and (len(names) > 1 or not is_last):
        checker.report(
            f"'{errors.ALL}' must be the only error name, and in the last entry", location
        )
