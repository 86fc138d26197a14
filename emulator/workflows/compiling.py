"""From a definition that was checked to a program: every expression is prepared once."""

from collections.abc import Callable
from functools import partial
from typing import Any

from . import errors
from .flow import ExpressionFlow, Flow, PathFlow
from .json_text import Document, Json
from .machine import JSONATA, JSONPATH, Program, Retrier, State
from .query.jsonpath import Path, parse_path
from .query.scope import Query
from .query.templates import (
    constant,
    expressions,
    is_expression,
    path_or_call,
    payload_template,
    select_path,
    typed_expression,
    whole,
)
from .states.base import Catcher
from .states.choice import COMPARATORS, Choice, Rule, Test, is_number, is_present, variable
from .states.containers import Batcher, CallFields, Map, Parallel, number
from .states.simple import FailState, Pass, SucceedState
from .states.task import Task, parse_resource, seconds
from .states.unreadable import Unreadable
from .states.wait import WaitState

ROOT = "$"


def build(definition: Document, language: str = JSONPATH, *, is_forgiving: bool = False) -> Program:
    """Return the program of a definition that has no errors.

    Args:
        definition: A state machine, a branch or a processor.
        language: The language around it.
        is_forgiving: A state that can't be read becomes one that fails.
    """
    make = _build_kept if is_forgiving else build_state
    language = definition.get("QueryLanguage", language)
    config = definition.get("ProcessorConfig", {})
    return Program(
        definition["StartAt"],
        {name: make(name, each, language) for name, each in definition["States"].items()},
        language,
        definition.get("Comment"),
        definition.get("Version"),
        definition.get("TimeoutSeconds"),
        config.get("Mode") == "DISTRIBUTED",
        config.get("ExecutionType", "STANDARD"),
        definition,
    )


def build_state(name: str, definition: Document, language: str) -> State:
    """Return a state that has no errors.

    Args:
        name: Its name.
        definition: Its fields.
        language: The language of its program.
    """
    return _state(name, definition, language, _inside(definition, language, build))


def _build_kept(name: str, definition: Document, language: str) -> State:
    inside = _inside(definition, language, partial(build, is_forgiving=True))
    try:
        return _state(name, definition, language, inside)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"The state can't be read by this release: {error}"
        return Unreadable(
            **inside, name=name, type=definition["Type"], definition=definition, reason=reason
        )


def _state(name: str, definition: Document, language: str, inside: dict[str, Any]) -> State:
    language = definition.get("QueryLanguage", language)
    common: dict[str, Any] = {
        **inside,
        "name": name,
        "type": definition["Type"],
        "language": language,
        "comment": definition.get("Comment"),
        "next": definition.get("Next"),
        "retriers": tuple(_retrier(each) for each in definition.get("Retry", ())),
        "definition": definition,
    }
    if definition["Type"] != "Fail":
        common["flow"] = _flow(definition, language)
        common["catchers"] = tuple(_catcher(each, language) for each in definition.get("Catch", ()))
    return _KINDS[definition["Type"]](definition, language, common)


def _inside(
    definition: Document, language: str, make: Callable[[Document, str], Program]
) -> dict[str, Any]:
    """Return the programs in a state: they have the language of its program, not its own."""
    if definition["Type"] == "Parallel":
        return {"branches": tuple(make(each, language) for each in definition["Branches"])}
    if definition["Type"] == "Map":
        return {"processor": make(_processor(definition), language)}
    return {}


def _processor(definition: Document) -> Document:
    found: Document = definition.get("ItemProcessor") or definition["Iterator"]
    return found


def _flow(definition: Document, language: str) -> Flow:
    if language == JSONATA:
        return ExpressionFlow(
            _optional(definition, "Arguments", expressions),
            _optional(definition, "Output", expressions),
            _optional(definition, "Assign", expressions),
        )
    has_parameters = "Parameters" in definition and definition["Type"] != "Map"
    return PathFlow(
        _selected(definition, "InputPath"),
        payload_template(definition["Parameters"]) if has_parameters else None,
        _template(definition, "ResultSelector"),
        _result_path(definition),
        _selected(definition, "OutputPath"),
        _template(definition, "Assign"),
    )


def _optional(definition: Document, field: str, make: Callable[[Json, str], Query]) -> Query | None:
    return make(definition[field], field) if field in definition else None


def _template(definition: Document, field: str) -> Query | None:
    return payload_template(definition[field]) if field in definition else None


def _selected(definition: Document, field: str) -> Query:
    if field not in definition:
        return whole
    text = definition[field]
    return constant({}) if text is None else select_path(text)


def _result_path(definition: Document) -> Path | None:
    text = definition.get("ResultPath", ROOT)
    return None if text is None else parse_path(text)


def _retrier(definition: Document) -> Retrier:
    return Retrier(
        tuple(definition["ErrorEquals"]),
        definition.get("IntervalSeconds", 1),
        definition.get("MaxAttempts", 3),
        float(definition.get("BackoffRate", 2.0)),
        definition.get("MaxDelaySeconds"),
        definition.get("JitterStrategy", "NONE") == "FULL",
    )


def _catcher(definition: Document, language: str) -> Catcher:
    names = tuple(definition["ErrorEquals"])
    if language == JSONATA:
        return Catcher(
            names,
            definition["Next"],
            output=_optional(definition, "Output", expressions),
            assign=_optional(definition, "Assign", expressions),
        )
    return Catcher(
        names, definition["Next"], _result_path(definition), assign=_template(definition, "Assign")
    )


def _pass(definition: Document, language: str, common: dict[str, Any]) -> State:
    return Pass(**common, has_result="Result" in definition, result=definition.get("Result"))


def _succeed(definition: Document, language: str, common: dict[str, Any]) -> State:
    return SucceedState(**common)


def _fail(definition: Document, language: str, common: dict[str, Any]) -> State:
    return FailState(
        **common,
        error=_text_field(definition, "Error", language),
        cause=_text_field(definition, "Cause", language),
    )


def _text_field(definition: Document, field: str, language: str) -> Query | None:
    if f"{field}Path" in definition:
        name = f"{field}Path"
        return path_or_call(definition[name], name)
    if field not in definition:
        return None
    if language == JSONATA and is_expression(definition[field]):
        return typed_expression(
            definition[field], field, "string", lambda value: isinstance(value, str)
        )
    return constant(definition[field])


def _wait(definition: Document, language: str, common: dict[str, Any]) -> State:
    make = expressions if language == JSONATA else (lambda value, field: constant(value))
    return WaitState(
        **common,
        seconds=_optional(definition, "Seconds", make),
        seconds_path=_path(definition, "SecondsPath"),
        until=_optional(definition, "Timestamp", make),
        until_path=_path(definition, "TimestampPath"),
    )


def _path(definition: Document, field: str) -> Path | None:
    return parse_path(definition[field]) if field in definition else None


def _task(definition: Document, language: str, common: dict[str, Any]) -> State:
    make = expressions if language == JSONATA else (lambda value, field: payload_template(value))
    return Task(
        **common,
        resource=parse_resource(definition["Resource"]),
        timeout=_seconds(definition, "TimeoutSeconds", language),
        heartbeat=_seconds(definition, "HeartbeatSeconds", language),
        credentials=_optional(definition, "Credentials", make),
    )


def _seconds(definition: Document, field: str, language: str) -> Query | None:
    if f"{field}Path" in definition:
        field = f"{field}Path"
        return seconds(path_or_call(definition[field], field), field, errors.RUNTIME)
    if field not in definition:
        return None
    if language == JSONATA and is_expression(definition[field]):
        query = typed_expression(definition[field], field, "number", is_number)
        return seconds(query, field, errors.QUERY_EVALUATION_ERROR)
    return constant(definition[field])


def _choice(definition: Document, language: str, common: dict[str, Any]) -> State:
    return Choice(
        **common,
        rules=tuple(_rule(each, at, language) for at, each in enumerate(definition["Choices"])),
        default=definition.get("Default"),
    )


def _rule(definition: Document, position: int, language: str) -> Rule:
    if language == JSONATA:
        place = f"Choices[{position}]"
        condition = typed_expression(
            definition["Condition"],
            f"{place}/Condition",
            "boolean",
            lambda value: isinstance(value, bool),
        )
        return Rule(
            lambda scope: bool(condition(scope)),
            definition["Next"],
            expressions(definition["Output"], f"{place}/Output")
            if "Output" in definition
            else None,
            expressions(definition["Assign"], f"{place}/Assign")
            if "Assign" in definition
            else None,
        )
    return Rule(_test(definition), definition["Next"], assign=_template(definition, "Assign"))


def _test(definition: Document) -> Test:
    """Return the test of a rule of JSONPath."""
    if "And" in definition:
        every = [_test(each) for each in definition["And"]]
        return lambda scope: all(test(scope) for test in every)
    if "Or" in definition:
        some = [_test(each) for each in definition["Or"]]
        return lambda scope: any(test(scope) for test in some)
    if "Not" in definition:
        inner = _test(definition["Not"])
        return lambda scope: not inner(scope)
    path = parse_path(definition["Variable"])
    if "IsPresent" in definition:
        return is_present(path, definition["IsPresent"])
    for name, value in definition.items():
        if name in COMPARATORS:
            return _comparison(name, variable(path), constant(value))
        if name.endswith("Path") and name.removesuffix("Path") in COMPARATORS:
            return _comparison(
                name.removesuffix("Path"), variable(path), variable(parse_path(value))
            )
    raise AssertionError("a rule was not checked")


def _comparison(name: str, left: Query, right: Query) -> Test:
    compare = COMPARATORS[name]
    return lambda scope: compare(left(scope), right(scope))


def _parallel(definition: Document, language: str, common: dict[str, Any]) -> State:
    return Parallel(**common)


def _map(definition: Document, language: str, common: dict[str, Any]) -> State:
    selector = definition.get("ItemSelector", definition.get("Parameters"))
    if selector is not None:
        make = (
            expressions if language == JSONATA else (lambda value, field: payload_template(value))
        )
        common["selector"] = make(selector, "ItemSelector")
    return Map(
        **common,
        items=_items(definition, language, _is_distributed(_processor(definition))),
        items_text=definition.get("ItemsPath"),
        max_concurrency=_number(definition, "MaxConcurrency", int, language),
        tolerated_count=_number(definition, "ToleratedFailureCount", int, language),
        tolerated_percentage=_number(definition, "ToleratedFailurePercentage", float, language),
        reader=_call(definition.get("ItemReader"), "ItemReader", "ReaderConfig", language),
        batcher=_batcher(definition.get("ItemBatcher"), language),
        writer=_call(definition.get("ResultWriter"), "ResultWriter", "WriterConfig", language),
        label=definition.get("Label"),
    )


def _is_distributed(processor: Document) -> bool:
    return bool(processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def _items(definition: Document, language: str, is_distributed: bool) -> Query:
    if language == JSONPATH:
        return _selected(definition, "ItemsPath")
    if "Items" not in definition:
        return whole
    fits = list | dict if is_distributed else list
    return typed_expression(
        definition["Items"], "Items", "array", lambda value: isinstance(value, fits)
    )


def _number(
    definition: Document, field: str, kind: type, language: str, place: str = ""
) -> Query | None:
    if f"{field}Path" in definition:
        text = definition[f"{field}Path"]
        return number(path_or_call(text, f"{field}Path"), f"{field}Path", text, kind, language)
    if field not in definition:
        return None
    value = definition[field]
    if language == JSONATA and is_expression(value):
        query = typed_expression(value, f"{place}{field}", "number", is_number)
        return number(query, field, value, kind, language)
    return number(constant(value), field, str(value), kind, language)


def _call(definition: Document | None, field: str, config: str, language: str) -> CallFields | None:
    if definition is None:
        return None
    resource = parse_resource(definition.get("Resource", ""))
    if resource is None:
        # ResultWriter may only say how results are written, not where.
        return None
    given = definition.get("Arguments", definition.get("Parameters", {}))
    settings = dict(definition.get(config, {}))
    most = _number(settings, "MaxItems", int, language, f"{field}/{config}/")
    fixed = {name: value for name, value in settings.items() if not name.startswith("MaxItems")}
    if language == JSONATA:
        arguments = expressions(given, f"{field}/Arguments")
        rest = expressions(fixed, f"{field}/{config}")
    else:
        arguments, rest = payload_template(given), constant(fixed)

    def worked_out(scope: Any) -> Json:
        return rest(scope) if most is None else {**rest(scope), "MaxItems": most(scope)}

    return CallFields(resource, arguments, worked_out)


def _batcher(definition: Document | None, language: str) -> Batcher | None:
    if definition is None:
        return None
    given = None
    if "BatchInput" in definition:
        value = definition["BatchInput"]
        is_jsonata = language == JSONATA
        given = (
            expressions(value, "ItemBatcher/BatchInput") if is_jsonata else payload_template(value)
        )
    return Batcher(
        _number(definition, "MaxItemsPerBatch", int, language, "ItemBatcher/"),
        _number(definition, "MaxInputBytesPerBatch", int, language, "ItemBatcher/"),
        given,
    )


_KINDS: dict[str, Callable[[Document, str, dict[str, Any]], State]] = {
    "Pass": _pass,
    "Succeed": _succeed,
    "Fail": _fail,
    "Wait": _wait,
    "Task": _task,
    "Choice": _choice,
    "Parallel": _parallel,
    "Map": _map,
}
