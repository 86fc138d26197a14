"""An interpreter of pure states, written from the specification and not from the product.

It knows the part of the language that `machines` draws: paths of names and places, templates, a few
comparators, Assign, Catch, Parallel, Map, and JSONata that is a variable or a sum.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

Value = Any


class Failed(Exception):
    """The program fails with an error."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def interpret(definition: Any, value: Value, language: str = "JSONPath") -> Value:
    """Return the output of a machine.

    Raises:
        Failed: It fails.
    """
    return _program(definition, value, {}, {}, definition.get("QueryLanguage", language))


def _program(program: Any, value: Value, variables: Any, item: Any, language: str) -> Value:
    name, known = program["StartAt"], dict(variables)
    while True:
        state = program["States"][name]
        own = state.get("QueryLanguage", language)
        try:
            following, value, assigned = _state(state, value, known, item, own)
        except Failed as failure:
            catcher = next(iter(state.get("Catch", ())), None)
            if catcher is None or failure.error == "States.Runtime":
                raise
            report = {"Error": failure.error, "Cause": "why"}
            following, assigned = catcher["Next"], {}
            value = report if own == "JSONata" else _put(value, catcher["ResultPath"], report)
        known |= assigned
        if following is None:
            return value
        name = following


def _state(
    state: Any, value: Value, variables: Any, item: Any, language: str
) -> tuple[str | None, Value, Any]:
    kind = state["Type"]
    if kind == "Fail":
        raise Failed(state["Error"])
    if language == "JSONata":
        return _jsonata(state, value, variables, item)
    data = _get(state.get("InputPath", "$"), value, variables, item)
    if kind == "Choice":
        following = next((rule for rule in state["Choices"] if _holds(rule, data, variables)), None)
        assign = (following or state).get("Assign", {})
        assigned = _template(assign, data, variables, item)
        output = _get(state.get("OutputPath", "$"), data, variables, item)
        return (following["Next"] if following else state["Default"]), output, assigned
    if kind in ("Succeed", "Wait"):
        assigned = _template(state.get("Assign", {}), data, variables, item)
        return (
            state.get("Next"),
            _get(state.get("OutputPath", "$"), data, variables, item),
            assigned,
        )
    result = _result(state, data, variables, item, language)
    if "ResultSelector" in state:
        result = _template(state["ResultSelector"], result, variables, item)
    assigned = _template(state.get("Assign", {}), result, variables, item)
    placed = _put(value, state.get("ResultPath", "$"), result)
    return state.get("Next"), _get(state.get("OutputPath", "$"), placed, variables, item), assigned


def _result(state: Any, data: Value, variables: Any, item: Any, language: str) -> Value:
    given = data
    if "Parameters" in state:
        given = _template(state["Parameters"], data, variables, item)
    match state["Type"]:
        case "Pass":
            return state.get("Result", given)
        case "Parallel":
            return [_program(each, given, variables, item, language) for each in state["Branches"]]
        case _:
            items = _get(state["ItemsPath"], data, variables, item)
            if not isinstance(items, list):
                raise Failed("States.Runtime")
            outputs = []
            for index, each in enumerate(items):
                inner = {"Index": index, "Value": each}
                start = each
                if "ItemSelector" in state:
                    start = _template(state["ItemSelector"], data, variables, inner)
                processor = state["ItemProcessor"]
                outputs.append(_program(processor, start, variables, inner, language))
            return outputs


def _jsonata(state: Any, value: Value, variables: Any, item: Any) -> tuple[str | None, Value, Any]:
    assigned = {
        name: _expressed(each, value, variables) for name, each in state.get("Assign", {}).items()
    }
    output = _expressed(state["Output"], value, variables) if "Output" in state else value
    return state.get("Next"), output, assigned


def _expressed(value: Value, data: Value, variables: Any) -> Value:
    if isinstance(value, dict):
        return {name: _expressed(each, data, variables) for name, each in value.items()}
    if value == "{% $states.input %}":
        return data
    if isinstance(value, str) and (found := re.fullmatch(r"\{% \$(\w+) %\}", value)):
        if found.group(1) not in variables:
            raise Failed("States.QueryEvaluationError")
        return variables[found.group(1)]
    if isinstance(value, str) and (found := re.fullmatch(r"\{% (\d+) \+ (\d+) %\}", value)):
        return int(found.group(1)) + int(found.group(2))
    return value


def _steps(path: str) -> tuple[str, list[Any]]:
    found = re.fullmatch(r"(\$\$\.Map\.Item|\$\w*)((?:\.\w+|\[\d+\])*)", path)
    assert found is not None, path
    steps = re.findall(r"\.(\w+)|\[(\d+)\]", found.group(2))
    return found.group(1), [name if name else int(place) for name, place in steps]


def _get(path: str, data: Value, variables: Any, item: Any) -> Value:
    root, steps = _steps(path)
    if root == "$$.Map.Item":
        value = item
    elif root != "$":
        if root[1:] not in variables:
            raise Failed("States.Runtime")
        value = variables[root[1:]]
    else:
        value = data
    for step in steps:
        fits = isinstance(value, dict if isinstance(step, str) else list)
        if not fits or (step not in value if isinstance(step, str) else step >= len(value)):
            raise Failed("States.Runtime")
        value = value[step]
    return value


def _put(document: Value, path: str | None, value: Value) -> Value:
    if path is None:
        return document
    steps = _steps(path)[1]
    if not steps:
        return value
    if document is not None and not isinstance(document, dict):
        raise Failed("States.ResultPathMatchFailure")
    copy = dict(document or {})
    rest = "$" + "".join(f".{step}" for step in steps[1:])
    copy[steps[0]] = _put(copy.get(steps[0]), rest, value)
    return copy


def _template(template: Value, data: Value, variables: Any, item: Any) -> Value:
    if isinstance(template, list):
        return [_template(each, data, variables, item) for each in template]
    if not isinstance(template, dict):
        return template
    made = {}
    for name, each in template.items():
        if name.endswith(".$"):
            made[name[:-2]] = _get(each, data, variables, item)
        else:
            made[name] = _template(each, data, variables, item)
    return made


def _holds(rule: Any, data: Value, variables: Any) -> bool:
    if "Not" in rule:
        return not _holds(rule["Not"], data, variables)
    if "And" in rule:
        return all(_holds(each, data, variables) for each in rule["And"])
    try:
        value = _get(rule["Variable"], data, variables, {})
    except Failed:
        if "IsPresent" in rule:
            return not rule["IsPresent"]
        raise
    if "IsPresent" in rule:
        return bool(rule["IsPresent"])
    if "StringEquals" in rule:
        return isinstance(value, str) and value == rule["StringEquals"]
    if "NumericLessThan" in rule:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return is_number and value < rule["NumericLessThan"]
    return (value is None) == rule["IsNull"]


# -- what is drawn ---------------------------------------------------------------------------------

_NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "yes"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)
_REFERENCES = st.lists(_NAMES, max_size=2).map(lambda names: "$" + "".join(f".{n}" for n in names))
#: Inputs in which the paths that are drawn often lead somewhere.
INPUTS = VALUES | st.fixed_dictionaries(
    {name: st.dictionaries(_NAMES, VALUES, max_size=3) for name in ("a", "b")} | {"c": VALUES}
)
_PATHS = st.just("$") | _REFERENCES | st.sampled_from(["$[0]", "$.a[1]", "$v", "$w.a", "$.b.c"])


@st.composite
def _templates(draw: st.DrawFn, more: tuple[str, ...] = ()) -> Any:
    paths = _PATHS | st.sampled_from(more) if more else _PATHS
    made: dict[str, Any] = {}
    for name in draw(st.lists(_NAMES, unique=True, max_size=3)):
        match draw(st.integers(0, 2)):
            case 0:
                made[name] = draw(VALUES)
            case 1:
                made[f"{name}.$"] = draw(paths)
            case _:
                made[name] = {"inner.$": draw(paths), "fixed": 1}
    return made


_TESTS: list[dict[str, Any]] = [
    {"IsPresent": True},
    {"IsPresent": False},
    {"IsNull": True},
    {"StringEquals": "x"},
    {"NumericLessThan": 3},
]


@st.composite
def _rules(draw: st.DrawFn, depth: int = 1) -> Any:
    if depth and draw(st.booleans()):
        return {draw(st.just("Not")): draw(_rules(0))}
    if depth and draw(st.booleans()):
        return {"And": [draw(_rules(0)), draw(_rules(0))]}
    test = draw(st.sampled_from(_TESTS))
    return {"Variable": draw(_PATHS), **test}


@st.composite
def _states(draw: st.DrawFn, prefix: str, position: int, last: int, depth: int) -> Any:
    kinds = ["Pass", "Pass", "Wait", "Choice", "JSONata"]
    kinds += ["Parallel", "Map"] if depth else []
    if position == last:
        kinds = ["Pass", "Succeed", "Fail", "JSONata"]
    kind = draw(st.sampled_from(kinds))
    following = f"{prefix}{position + 1}"
    move: dict[str, Any] = {"End": True} if position == last else {"Next": following}
    scope = "vw" if depth else "xy"
    if kind == "JSONata":
        return {"Type": "Pass", "QueryLanguage": "JSONata", **move, **draw(_expressions(scope))}
    state: dict[str, Any] = {"Type": kind}
    if kind == "Fail":
        return {**state, "Error": draw(st.sampled_from(["Mine", "Other"])), "Cause": "why"}
    if kind == "Choice":
        later = st.integers(position + 1, last).map(lambda at: f"{prefix}{at}")
        rules = draw(st.lists(_rules(), min_size=1, max_size=2))
        state["Choices"] = [{**rule, "Next": draw(later)} for rule in rules]
        # The next state is the default: so every state can be reached.
        state["Default"] = following
    elif kind != "Succeed":
        state |= move
    for field, strategy in (("InputPath", _PATHS), ("OutputPath", _PATHS)):
        if draw(st.integers(0, 3)) == 0:
            state[field] = draw(strategy)
    if kind != "Succeed" and draw(st.booleans()):
        values = draw(_templates())
        names = dict(zip(values, scope, strict=False))
        state["Assign"] = {
            names[name] + (".$" if name.endswith(".$") else ""): each
            for name, each in values.items()
            if name in names
        }
    if kind == "Wait":
        state["Seconds"] = 1
    if kind in ("Pass", "Parallel", "Map") and draw(st.booleans()):
        state["ResultPath"] = draw(_REFERENCES | st.none())
    if kind in ("Pass", "Parallel") and draw(st.booleans()):
        state["Parameters"] = draw(_templates())
    if kind == "Pass" and draw(st.booleans()):
        state["Result"] = draw(VALUES)
    if kind in ("Parallel", "Map"):
        state |= draw(_containers(kind, f"{prefix}{position}", following))
    return state


@st.composite
def _expressions(draw: st.DrawFn, scope: str) -> Any:
    texts = st.sampled_from(["{% $states.input %}", "{% $v %}", "{% 2 + 3 %}", "plain"])
    fields: dict[str, Any] = {}
    if draw(st.booleans()):
        fields["Output"] = draw(texts | st.fixed_dictionaries({"o": texts, "p": VALUES}))
    if draw(st.booleans()):
        fields["Assign"] = {scope[0]: draw(texts)}
    return fields


@st.composite
def _containers(draw: st.DrawFn, kind: str, prefix: str, following: str) -> Any:
    fields: dict[str, Any] = {}
    if draw(st.booleans()):
        fields["Catch"] = [
            {
                "ErrorEquals": ["States.ALL"],
                "Next": following,
                "ResultPath": draw(_REFERENCES | st.none()),
            }
        ]
    if draw(st.booleans()):
        fields["ResultSelector"] = draw(_templates(("$[0]",)))
    if kind == "Parallel":
        count = draw(st.integers(1, 2))
        fields["Branches"] = [draw(_programs(f"{prefix}b{at}", 0)) for at in range(count)]
        return fields
    fields["ItemsPath"] = draw(_PATHS)
    fields["ItemProcessor"] = draw(_programs(f"{prefix}m", 0))
    if draw(st.booleans()):
        more = ("$$.Map.Item.Value", "$$.Map.Item.Index")
        fields["ItemSelector"] = draw(_templates(more))
    return fields


@st.composite
def _programs(draw: st.DrawFn, prefix: str, depth: int) -> Any:
    last = draw(st.integers(0, 3 if depth else 1))
    states = {f"{prefix}{at}": draw(_states(prefix, at, last, depth)) for at in range(last + 1)}
    return {"StartAt": f"{prefix}0", "States": states}


def machines() -> st.SearchStrategy[Any]:
    """Return a strategy of definitions."""
    return _programs("S", 1)
