"""Definitions that an earlier release took: what they meant then, in today's words."""

from .json_text import Document
from .machine import JSONPATH
from .validation import check


def in_todays_words(definition: Document) -> Document:
    """Return a definition that means today what it meant when it was taken.

    Earlier releases took the language of a Map or a Parallel for that of the states inside, too.
    Where that is what a definition is written for, each of them is given its language.
    """
    explicit = _explicit(definition, JSONPATH)
    errors = 0 if explicit == definition else _errors(definition)
    # Most have none: that is known after one check.
    return explicit if errors and _errors(explicit) < errors else definition


def _errors(definition: Document) -> int:
    return sum(each.severity == "ERROR" for each in check(definition, "STANDARD"))


def _explicit(program: Document, around: str, *, is_inside: bool = False) -> Document:
    """Return a program whose states inside others name their languages."""
    around = program.get("QueryLanguage", around)
    states = {name: _state(each, around, is_inside) for name, each in program["States"].items()}
    return {**program, "States": states}


def _state(state: Document, around: str, is_inside: bool) -> Document:
    language = state.get("QueryLanguage", around)
    made = {**state, "QueryLanguage": language} if is_inside else dict(state)
    is_other = is_inside or language != around
    if "Branches" in state:
        made["Branches"] = [
            _explicit(each, language, is_inside=is_other) for each in state["Branches"]
        ]
    for field in ("ItemProcessor", "Iterator"):
        if field in state:
            made[field] = _explicit(state[field], language, is_inside=is_other)
    return made
