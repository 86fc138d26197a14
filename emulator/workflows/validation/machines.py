"""Machines, branches and processors."""

from .. import quotas
from ..json_text import Document, Json
from .checker import Checker
from .states import check_state

_MACHINE_FIELDS = {"Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"}
_INNER_FIELDS = {"Comment", "StartAt", "States", "ProcessorConfig"}


def check_machine(checker: Checker, definition: Json, location: str, language: str) -> None:
    """Check a machine, a branch or a processor, and all inside.

    Args:
        checker: Takes the findings.
        definition: The machine.
        location: Where it is; empty for the definition itself.
        language: The language around it.
    """
    if not checker.of_type(definition, "Object", location):
        return
    fields = _INNER_FIELDS if location else _MACHINE_FIELDS
    for field in definition:
        if field not in fields:
            checker.unsupported(field, location)
    if "QueryLanguage" in definition and not location:
        at = f"{location}/QueryLanguage"
        if checker.one_of(definition["QueryLanguage"], ("JSONPath", "JSONata"), at):
            language = definition["QueryLanguage"]
    _check_scalars(checker, definition, location)
    checker.require(definition, ("StartAt", "States"), location)
    if "StartAt" in definition:
        checker.of_type(definition["StartAt"], "String", f"{location}/StartAt")
    if "States" not in definition:
        return
    states = definition["States"]
    if not checker.of_type(states, "Object", f"{location}/States"):
        return
    if not states:
        checker.report("States must not be empty", f"{location}/States")
    for name, state in states.items():
        place = f"{location}/States/{name}"
        if not 0 < len(name) <= quotas.STATE_NAME_CHARACTERS:
            most = quotas.STATE_NAME_CHARACTERS
            checker.report(f"The name of a state must have between 1 and {most} characters", place)
        check_state(checker, state, place, language, check_machine)


def _check_scalars(checker: Checker, definition: Document, location: str) -> None:
    for field in ("Comment", "Version"):
        if field in definition:
            checker.of_type(definition[field], "String", f"{location}/{field}")
    if "TimeoutSeconds" in definition:
        at = f"{location}/TimeoutSeconds"
        if checker.of_type(definition["TimeoutSeconds"], "Integer", at):
            checker.within(definition["TimeoutSeconds"], 1, quotas.MOST_SECONDS, at)
    if "ProcessorConfig" in definition:
        _check_processor(checker, definition["ProcessorConfig"], f"{location}/ProcessorConfig")


def _check_processor(checker: Checker, config: Json, location: str) -> None:
    if not checker.of_type(config, "Object", location):
        return
    for field in config:
        if field not in ("Mode", "ExecutionType", "Comment"):
            checker.unsupported(field, location)
    mode = config.get("Mode", "INLINE")
    checker.one_of(mode, ("INLINE", "DISTRIBUTED"), f"{location}/Mode")
    if "ExecutionType" in config:
        at = f"{location}/ExecutionType"
        checker.one_of(config["ExecutionType"], ("STANDARD", "EXPRESS"), at)
    elif mode == "DISTRIBUTED":
        checker.require(config, ("ExecutionType",), location)
    if mode == "DISTRIBUTED" and checker.kind == "EXPRESS":
        checker.report(
            "Express state machine does not support Map state with 'DISTRIBUTED' mode",
            f"{location}/Mode",
        )
