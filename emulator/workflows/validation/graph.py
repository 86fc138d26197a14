"""Names and transitions: every target exists, every state is reached, names are unique."""

from collections.abc import Iterator

from ..json_text import Document
from .checker import Checker

MISSING_TARGET = "MISSING_TRANSITION_TARGET"


def programs_in(state: Document, location: str) -> Iterator[tuple[Document, str]]:
    """Go through the programs inside a state, with their places."""
    for at, branch in enumerate(state.get("Branches", ())):
        yield branch, f"{location}/Branches[{at}]"
    for field in ("ItemProcessor", "Iterator"):
        if field in state:
            yield state[field], f"{location}/{field}"


def targets_of(state: Document, location: str) -> Iterator[tuple[str, str]]:
    """Go through the states a state leads to: name, place."""
    for field in ("Next", "Default"):
        if field in state:
            yield state[field], f"{location}/{field}"
    for field in ("Choices", "Catch"):
        for at, entry in enumerate(state.get(field, ())):
            yield entry["Next"], f"{location}/{field}[{at}]/Next"


def check_graph(checker: Checker, definition: Document, location: str) -> None:
    """Check the transitions of a machine and of all programs inside."""
    states = definition["States"]
    start = definition["StartAt"]
    if start not in states:
        message = f"Missing 'StartAt' target: {start}"
        checker.report(message, f"{location}/StartAt", MISSING_TARGET)
        return
    reached = {start}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        for target, _ in targets_of(states[name], ""):
            if target in states and target not in reached:
                reached.add(target)
                waiting.append(target)
    ends = {"Succeed", "Fail"}
    has_end = any(state["Type"] in ends or state.get("End") for state in states.values())
    for name, state in states.items():
        place = f"{location}/States/{name}"
        for target, at in targets_of(state, place):
            if target not in states:
                checker.report(f"Missing 'Next' target: {target}", at, MISSING_TARGET)
        if name not in reached and has_end:
            checker.report(f'State "{name}" is not reachable.', place, MISSING_TARGET)
        for program, at in programs_in(state, place):
            check_graph(checker, program, at)
    if not has_end:
        checker.report("Workflow has no terminal state", None, "MISSING_END_STATE")


def check_names(checker: Checker, definition: Document) -> None:
    """Report names that two states of a definition have."""
    seen: set[str] = set()
    waiting = [(definition, "")]
    while waiting:
        program, location = waiting.pop(0)
        for name, state in program["States"].items():
            place = f"{location}/States/{name}"
            if name in seen:
                checker.report(f"Duplicate State name: {name}", place, "DUPLICATE_STATE_NAME")
            seen.add(name)
            waiting.extend(programs_in(state, place))
