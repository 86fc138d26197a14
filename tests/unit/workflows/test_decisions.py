"""What states decide: data flow, errors, retries, waits, Maps."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from emulator.workflows import decide, effects, quotas
from emulator.workflows.effects import Fail, Fork, GoOn, Iterate, Retry, RunTask, Succeed, Wait
from emulator.workflows.errors import StatesError
from emulator.workflows.frames import Frame, Moment, execution_context, state_context
from emulator.workflows.machine import State
from emulator.workflows.program import compile_definition
from emulator.workflows.states.task import parse_resource

from .simulator import NAMES, Simulator

LAMBDA = "arn:aws:states:::lambda:invoke"
NOW_MS = 1_700_000_000_000


def state(definition: dict[str, Any], language: str = "JSONPath") -> State:
    """Return the state A of a machine whose other state is B."""
    ends = {"Choice", "Succeed", "Fail"}
    more = {} if definition["Type"] in ends or "End" in definition else {"Next": "B"}
    targets = [*definition.get("Choices", ()), *definition.get("Catch", ())]
    rest = {name: {"Type": "Succeed"} for each in targets if (name := each["Next"]) != "B"}
    states = {"A": {**definition, **more}, **rest}
    if "B" in json.dumps(states["A"]):
        states["B"] = {"Type": "Succeed"}
    text = json.dumps({"StartAt": "A", "QueryLanguage": language, "States": states})
    return compile_definition(text).first


def frame(value: Any = None, **variables: Any) -> Frame:
    base = execution_context(**NAMES, input={}, started_ms=NOW_MS)
    return Frame(value if value is not None else {}, state_context(base, "A", NOW_MS), variables, 2)


def moment(seed: int = 0) -> Moment:
    return Moment(NOW_MS, random.Random(seed))


def enter(one: State, value: Any = None, **variables: Any) -> Any:
    return decide.enter(one, frame(value, **variables), moment())


def cause(text: str) -> str:
    return f"An error occurred while executing the state 'A' (entered at the event id #2). {text}"


def test_a_task_is_given_its_arguments_times_and_role() -> None:
    task = state(
        {
            "Type": "Task",
            "Resource": LAMBDA + ".waitForTaskToken",
            "InputPath": "$.in",
            "Parameters": {"FunctionName": "f", "Payload.$": "$.p", "T.$": "$$.State.Name"},
            "TimeoutSecondsPath": "$.t",
            "HeartbeatSeconds": 5,
            "Credentials": {"RoleArn.$": "$.role"},
        }
    )
    effect = enter(task, {"in": {"p": [1], "t": 9, "role": "r"}})
    resource = parse_resource(LAMBDA + ".waitForTaskToken")
    arguments = {"FunctionName": "f", "Payload": [1], "T": "A"}
    assert effect == RunTask(resource, arguments, 9, 5, {"RoleArn": "r"})  # type: ignore[arg-type]
    assert (effect.resource.service, effect.resource.name) == ("lambda", "invoke.waitForTaskToken")


def test_a_result_flows_through_selector_path_and_output() -> None:
    task = state(
        {
            "Type": "Task",
            "Resource": LAMBDA,
            "ResultSelector": {"v.$": "$.Payload"},
            "ResultPath": "$.out.here",
            "OutputPath": "$.out",
            "Assign": {"kept.$": "$.v"},
        }
    )
    effect = decide.leave(task, frame({"x": 1}), {"Payload": 7, "More": 1}, moment())
    assert effect == GoOn("B", {"here": {"v": 7}}, {"kept": 7})


def test_jsonata_sees_input_result_and_variables() -> None:
    task = state(
        {
            "Type": "Task",
            "Resource": LAMBDA,
            "Arguments": {"FunctionName": "f", "Payload": "{% $states.input.p & $v %}"},
            "TimeoutSeconds": "{% $states.input.t %}",
            "Output": {"all": "{% [$states.input.p, $states.result.Payload] %}"},
            "Assign": {"v": "{% $states.result.Payload %}"},
            "End": True,
        },
        "JSONata",
    )
    value = {"p": "x", "t": 3}
    effect = enter(task, value, v="y")
    assert (effect.arguments, effect.timeout_s) == ({"FunctionName": "f", "Payload": "xy"}, 3)
    left = decide.leave(task, frame(value, v="y"), {"Payload": "z"}, moment())
    assert left == Succeed({"all": ["x", "z"]}, {"v": "z"})


def test_an_output_that_is_the_input_is_the_same_object() -> None:
    value = {"big": True}
    effect = enter(state({"Type": "Pass"}), value)
    assert effect.output is value
    assert effect.text is None


@pytest.mark.parametrize(
    ("definition", "language", "value", "expected"),
    [
        (
            {"Type": "Pass", "InputPath": "$.x"},
            "JSONPath",
            {},
            Fail("States.Runtime", cause("Invalid path '$.x' : No results for path: $['x']")),
        ),
        (
            {"Type": "Pass", "Parameters": {"y.$": "$.x"}},
            "JSONPath",
            {},
            Fail(
                "States.Runtime",
                cause(
                    "The JSONPath '$.x' specified for the field 'y.$' could not be found in the"
                    " input '{}'"
                ),
            ),
        ),
        (
            {"Type": "Pass", "ResultPath": "$.a.b"},
            "JSONPath",
            {"a": 1},
            Fail(
                "States.ResultPathMatchFailure",
                cause('Unable to apply ReferencePath $.a.b to input {"a":1}'),
            ),
        ),
        (
            {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": True, "Next": "B"}]},
            "JSONPath",
            {},
            Fail(
                "States.Runtime",
                cause(
                    "Invalid path '$.x': The choice state's condition path references an invalid"
                    " value."
                ),
            ),
        ),
        (
            {"Type": "Pass", "Output": {"a": ["{% 'x' + 1 %}"]}},
            "JSONata",
            {},
            Fail(
                "States.QueryEvaluationError",
                cause(
                    "The JSONata expression ''x' + 1' specified for the field 'Output/a[0]' threw"
                    ' an error during evaluation. T2001: The left side of the "+" operator must'
                    " evaluate to a number"
                ),
                "Output/a[0]",
            ),
        ),
        (
            {"Type": "Pass", "Result": "x" * (quotas.PAYLOAD_BYTES + 1)},
            "JSONPath",
            {},
            Fail(
                "States.DataLimitExceeded",
                "The state/task 'A' returned a result with a size exceeding the maximum number of"
                " bytes service limit.",
            ),
        ),
    ],
)
def test_data_that_cant_be_worked_out_fails_as_on_aws(
    definition: dict[str, Any], language: str, value: Any, expected: Fail
) -> None:
    assert enter(state(definition, language), value) == expected


def test_data_that_grows_ever_deeper_fails() -> None:
    states: dict[str, Any] = {
        "A": {"Type": "Pass", "Parameters": {"in.$": "$"}, "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": False, "Next": "A"}]},
    }
    states["B"]["Default"] = "C"
    definition = {"StartAt": "A", "States": {**states, "C": {"Type": "Succeed"}}}
    end = Simulator().run(compile_definition(json.dumps(definition)), {})
    assert isinstance(end, Fail)
    assert str(end.cause).endswith("The data is nested too deeply.")


def test_no_choice_that_applies_is_an_error_of_its_own() -> None:
    rules = [{"Variable": "$.x", "NumericEquals": 1, "Next": "B"}]
    assert enter(state({"Type": "Choice", "Choices": rules}), {"x": 2}).error == (
        "States.NoChoiceMatched"
    )


@pytest.mark.parametrize(
    ("fields", "value", "waits_ms"),
    [
        ({"Seconds": 5}, {}, 5_000),
        ({"SecondsPath": "$.s"}, {"s": 7}, 7_000),
        ({"Timestamp": "2023-11-14T22:13:21Z"}, {}, 1_000),
        ({"TimestampPath": "$.t"}, {"t": "2023-11-14T23:13:20.5+01:00"}, 500),
    ],
)
def test_a_wait_knows_when_it_ends(fields: dict[str, Any], value: Any, waits_ms: int) -> None:
    one = state({"Type": "Wait", **fields})
    assert enter(one, value) == Wait(NOW_MS + waits_ms)
    assert decide.leave(one, frame(value), None, moment()).output == value  # type: ignore[union-attr]


RETRYING = {
    "Type": "Task",
    "Resource": LAMBDA,
    "Retry": [
        {"ErrorEquals": ["Slow"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxDelaySeconds": 7},
        {"ErrorEquals": ["Never"], "MaxAttempts": 0},
        {"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "JitterStrategy": "FULL"},
    ],
    "Catch": [
        {"ErrorEquals": ["Never"], "Next": "C", "ResultPath": None, "Assign": {"e.$": "$.Error"}},
        {"ErrorEquals": ["States.TaskFailed"], "Next": "B", "ResultPath": "$.error"},
    ],
}


def test_each_retrier_counts_its_own_attempts() -> None:
    task, seen = state(RETRYING), []
    attempts: tuple[int, ...] = ()
    effect: Any = None
    for error in ("Slow", "Slow", "Other", "Slow", "Slow"):
        effect = decide.failed(task, frame(), Fail(error, "why"), attempts, moment())
        if isinstance(effect, Retry):
            attempts = effect.attempts
            seen.append((effect.retrier, effect.after_s if error == "Slow" else None))
    assert seen == [(0, 3.0), (0, 6.0), (2, None), (0, 7.0)]
    assert attempts == (3, 0, 1)
    assert effect == GoOn("B", {"error": {"Error": "Slow", "Cause": "why"}}, caught=1)


def test_jitter_is_between_nothing_and_the_whole_wait() -> None:
    task = state(RETRYING)
    waits = set()
    for seed in range(20):
        effect = decide.failed(task, frame(), Fail("Other", "why"), (), moment(seed))
        assert isinstance(effect, Retry)
        waits.add(effect.after_s)
    assert all(0 <= each <= 1 for each in waits)
    assert len(waits) == 20


@pytest.mark.parametrize(
    ("error", "caught"),
    [
        ("Never", 0),
        ("States.Timeout", None),
        ("States.Runtime", None),
        ("States.DataLimitExceeded", None),
    ],
)
def test_a_catcher_takes_what_it_names(error: str, caught: int | None) -> None:
    task = state(RETRYING)
    attempts = (3, 0, 1)
    effect = decide.failed(task, frame({"in": 1}), Fail(error, "why"), attempts, moment())
    if caught is None:
        assert effect == Fail(error, "why")
    else:
        assert effect == GoOn("C", {"in": 1}, {"e": "Never"}, caught)


def test_a_parallel_forks_and_joins() -> None:
    branch = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    other = {"StartAt": "J", "States": {"J": {"Type": "Pass", "End": True}}}
    one = state({"Type": "Parallel", "Branches": [branch, other], "Parameters": {"p": 1}})
    assert enter(one) == Fork(2, {"p": 1})
    assert [program.start_at for program in one.branches] == ["I", "J"]
    assert decide.leave(one, frame(), [1, 2], moment()) == GoOn("B", [1, 2])


PROCESSOR = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
DISTRIBUTED = {**PROCESSOR, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}


def test_a_distributed_map_says_all_that_its_run_needs() -> None:
    one = state(
        {
            "Type": "Map",
            "Label": "run",
            "MaxConcurrencyPath": "$.most",
            "ToleratedFailurePercentage": 12.5,
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "Parameters": {"Bucket": "b", "Key.$": "$.key"},
                "ReaderConfig": {"InputType": "CSV", "MaxItemsPath": "$.most"},
            },
            "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"k.$": "$.key"}},
            "ItemProcessor": DISTRIBUTED,
        }
    )
    value = {"most": 3, "key": "f.csv"}
    effect = enter(one, value)
    assert isinstance(effect, Iterate)
    assert (effect.items, effect.max_concurrency, effect.label) == (None, 3, "run")
    assert (effect.tolerated_failure_percentage, effect.execution_type) == (12.5, "EXPRESS")
    assert effect.reader is not None
    assert effect.reader.arguments == {"Bucket": "b", "Key": "f.csv"}
    items = decide.read_items(one, effect.reader.config, b"a,b\n1,2\n3\n5,6\n7,8\n")
    assert items == [{"a": "1", "b": "2"}, {"a": "3", "b": ""}, {"a": "5", "b": "6"}]
    inputs = decide.item_inputs(one, frame(value), items, 0, moment())
    assert inputs == [
        {"BatchInput": {"k": "f.csv"}, "Items": items[:2]},
        {"BatchInput": {"k": "f.csv"}, "Items": items[2:]},
    ]
    assert effects.from_json(json.loads(json.dumps(effects.to_json(effect)))) == effect


@pytest.mark.parametrize(
    ("config", "content", "items"),
    [
        ({"InputType": "JSON"}, b"[1,2,3]", [1, 2, 3]),
        ({"InputType": "JSON", "MaxItems": 1}, b"[1,2,3]", [1]),
        ({"InputType": "JSON", "ItemsPointer": "/a/0"}, b'{"a":[[4]]}', [4]),
        ({"InputType": "JSONL"}, b'{"a":1}\n\n2\n', [{"a": 1}, 2]),
        ({"InputType": "JSONL"}, '"a\u2028b"\r\n"c\x85"\r\n'.encode(), ["a\u2028b", "c\x85"]),
        (
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"]},
            b"1,2\n3,4\n",
            [{"x": "1"}, {"x": "3"}],
        ),
        ({"InputType": "CSV", "CSVDelimiter": "TAB"}, b"a\tb\n1\t2\n", [{"a": "1", "b": "2"}]),
    ],
)
def test_a_reader_makes_items(config: dict[str, Any], content: bytes, items: Any) -> None:
    one = state({"Type": "Map", "ItemProcessor": PROCESSOR})
    assert decide.read_items(one, config, content) == items


@pytest.mark.parametrize(
    ("kind", "content", "cause"),
    [
        ("JSON", b"{", "not valid JSON"),
        ("JSON", b'{"k":1}', "Attempting to map over non-iterable node."),
        ("JSON", b"\xff\xfe", "not encoded in UTF-8"),
        ("CSV", b"a,a\n1,2\n", "CSV headers cannot contain duplicates."),
        ("CSV", b"", "empty CSV"),
        ("PARQUET", b"PAR1", "does not read files of the type PARQUET"),
    ],
)
def test_a_reader_that_cant_read_fails_by_name(kind: str, content: bytes, cause: str) -> None:
    one = state({"Type": "Map", "ItemProcessor": PROCESSOR})
    with pytest.raises(StatesError) as caught:
        decide.read_items(one, {"InputType": kind}, content)
    assert caught.value.error == "States.ItemReaderFailed"
    assert cause in caught.value.cause


@pytest.mark.parametrize(
    ("most", "cause"),
    [
        (-1, "field MaxItems must be positive"),
        ("2", 'The MaxItemsPath field refers to value "2" which is not a valid integer: $.most'),
    ],
)
def test_a_wrong_bound_of_items_is_the_readers_failure(most: Any, cause: str) -> None:
    one = state(
        {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "Parameters": {"Bucket": "b", "Key": "k"},
                "ReaderConfig": {"InputType": "JSON", "MaxItemsPath": "$.most"},
            },
            "ItemProcessor": DISTRIBUTED,
        }
    )
    assert enter(one, {"most": most}) == Fail("States.ItemReaderFailed", cause, length=0)


def test_batches_stay_within_their_bytes() -> None:
    one = state(
        {
            "Type": "Map",
            "ItemBatcher": {"MaxInputBytesPerBatch": 60},
            "ItemProcessor": DISTRIBUTED,
        }
    )
    batches = decide.item_inputs(one, frame(), ["x" * 10] * 9, 0, moment())
    assert [len(batch["Items"]) for batch in batches] == [3, 3, 3]
    assert all(len(json.dumps(batch, separators=(",", ":"))) <= 60 for batch in batches)


@pytest.mark.parametrize(
    ("failed", "count", "percentage", "goes_on"),
    [
        (0, None, None, True),
        (1, None, None, False),
        (1, 1, None, True),
        (2, 1, None, False),
        (1, None, 10, True),
        (2, None, 10, False),
        (1, 0, 100, False),
    ],
)
def test_tolerated_failures(
    failed: int, count: int | None, percentage: float | None, goes_on: bool
) -> None:
    assert decide.tolerates(failed, 10, count, percentage) is goes_on


@pytest.mark.parametrize(
    "effect",
    [
        GoOn("B", {"a": 1}, {"v": None}, 1),
        Succeed([1], {}),
        Fail("E", None, "Output/a", 3),
        Wait(5),
        Fork(2, {}),
        Retry(1.5, 0, (1, 0)),
    ],
)
def test_an_effect_survives_being_kept(effect: Any) -> None:
    assert effects.from_json(json.loads(json.dumps(effects.to_json(effect)))) == effect


def test_a_frame_survives_being_kept() -> None:
    one = replace(frame({"a": [1]}, v=2), entered_event_id=7)
    assert Frame.from_json(json.loads(json.dumps(one.to_json()))) == one
    assert one.retried(2).context["State"]["RetryCount"] == 2


def test_variables_of_an_inner_scope_end_with_it() -> None:
    inner = {
        "StartAt": "I",
        "States": {
            "I": {"Type": "Pass", "Assign": {"x.$": "$"}, "Next": "J"},
            "J": {"Type": "Pass", "Parameters": {"s.$": "States.Array($x, $y)"}, "End": True},
        },
    }
    definition = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Assign": {"y": 5}, "Next": "M"},
            "M": {"Type": "Map", "ItemProcessor": inner, "ItemsPath": "$", "Next": "Z"},
            "Z": {"Type": "Pass", "Parameters": {"x.$": "$x"}, "End": True},
        },
    }
    simulator = Simulator()
    end = simulator.run(compile_definition(json.dumps(definition)), [1, 2])
    assert isinstance(end, Fail)
    assert "'$x' specified for the field 'x.$'" in str(end.cause)
    outputs = [each for each in simulator.events if each["type"] == "MapStateExited"]
    assert outputs[0]["stateExitedEventDetails"]["output"] == '[{"s":[1,5]},{"s":[2,5]}]'


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("a*c", "abc", True),
        ("a*c", "ac", True),
        ("a*a", "a", False),
        ("*", "", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        (r"a\*c", "a*c", True),
        (r"a\*c", "abc", False),
        (r"a\\*", "a\\x", True),
        ("a\n*", "a\nb\n", True),
        # An engine of regular expressions would not come to an end.
        pytest.param("*a" * 60 + "*b", "a" * 50_000, False, id="many stars"),
    ],
)
def test_texts_match_patterns_with_stars(pattern: str, text: str, fits: bool) -> None:
    rule = {"Variable": "$.t", "StringMatches": pattern, "Next": "Fits"}
    choice = state({"Type": "Choice", "Choices": [rule], "Default": "B"})
    assert enter(choice, {"t": text}).next == ("Fits" if fits else "B")
