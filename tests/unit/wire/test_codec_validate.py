"""Constraint violations, sentence by sentence."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import AwsError
from emulator.services.lambda_.wire import DEVIATIONS
from emulator.wire import model, validate
from emulator.wire.patterns import translate
from tests.codecs import codec

LAMBDA = codec("lambda")
ROLE = "arn:aws:iam::123456789012:role/r"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:l"
PERMISSION = {
    "FunctionName": "f",
    "StatementId": "s",
    "Action": "lambda:InvokeFunction",
    "Principal": "s3.amazonaws.com",
}
_FOLDER = Path(__file__).parents[4].parent / "shared" / "conformance"
_RECORDINGS = Path(os.environ.get("LOCALFAAS_CONFORMANCE", _FOLDER))


def violations(operation: str, request: dict[str, Any], service: str = "lambda") -> str:
    our = codec(service)
    with pytest.raises(AwsError) as caught:
        our.validate(our.operations[operation], request)
    assert caught.value.code == validate.constraint_code(our.model)
    assert caught.value.status == 400
    return caught.value.message


def function(**changes: Any) -> dict[str, Any]:
    return {"FunctionName": "f", "Role": ROLE, "Code": {}, **changes}


@pytest.mark.parametrize("service", ["lambda", "sqs", "logs", "sts"])
def test_every_pattern_compiles(service: str) -> None:
    patterns = [s["pattern"] for s in model.load(service).shapes.values() if "pattern" in s]
    assert all(isinstance(translate(pattern), re.Pattern) for pattern in patterns)


def test_every_override_names_a_shape_of_the_model() -> None:
    shapes = model.load("lambda").shapes
    for names in (DEVIATIONS.maximum, DEVIATIONS.printed_enum, DEVIATIONS.printed_pattern):
        assert names.keys() <= shapes.keys()


@pytest.mark.parametrize(
    ("key", "allowed"),
    [("Zoë-1 ✗", False), ("Zoë-1", True), ("a b_c:/=+@", True), ("a\u3000b", True), ("a!", False)],
)
def test_unicode_classes_of_tag_keys(key: str, allowed: bool) -> None:
    pattern = model.load("lambda").shapes["TagKey"]["pattern"]
    assert bool(translate(pattern).fullmatch(key)) is allowed


def test_a_good_request_passes() -> None:
    LAMBDA.validate(LAMBDA.operations["CreateFunction"], function(Timeout=900, MemorySize=10240))


@pytest.mark.parametrize(
    ("operation", "request_", "text"),
    [
        pytest.param(
            "UntagResource",
            {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"},
            "Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
            id="required",
        ),
        pytest.param(
            "CreateAlias",
            {"FunctionName": "f", "Name": "2024", "FunctionVersion": "1"},
            "Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular "
            "expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
            id="pattern",
        ),
        pytest.param(
            "CreateAlias",
            {
                "FunctionName": "f",
                "Name": "a",
                "FunctionVersion": "1",
                "RoutingConfig": {"AdditionalVersionWeights": {"2": 2.0}},
            },
            "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
            "constraint: Map value must satisfy constraint: [Member must have value less than or "
            "equal to 1.0, Member must have value greater than or equal to 0.0, Member must not "
            "be null]",
            id="map value",
        ),
        pytest.param(
            "CreateAlias",
            {
                "FunctionName": "f",
                "Name": "a",
                "FunctionVersion": "1",
                "RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.5}},
            },
            "Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
            "constraint: Map keys must satisfy constraint: [Member must have length less than or "
            "equal to 1024, Member must have length greater than or equal to 1, Member must "
            "satisfy regular expression pattern: [0-9]+]",
            id="map key",
        ),
        pytest.param(
            "CreateFunctionUrlConfig",
            {"FunctionName": "f", "AuthType": "NONE", "InvokeMode": "UNKNOWN"},
            "Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: Member must satisfy "
            "enum value set: [RESPONSE_STREAM, BUFFERED]",
            id="enum in the recorded order",
        ),
        pytest.param(
            "CreateFunction",
            function(Timeout=901),
            "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less "
            "than or equal to 900",
            id="timeout",
        ),
        pytest.param(
            "CreateFunction",
            function(MemorySize=127),
            "Value '127' at 'memorySize' failed to satisfy constraint: Member must have value "
            "greater than or equal to 128",
            id="memory",
        ),
        pytest.param(
            "CreateFunction",
            function(FileSystemConfigs=[{"Arn": "arn", "LocalMountPath": "/mnt/a"}, {"Arn": "x"}]),
            None,
            id="list of structures",
        ),
    ],
)
def test_sentences(operation: str, request_: dict[str, Any], text: str | None) -> None:
    found = violations(operation, request_)
    if text is None:
        assert "Value 'x' at 'fileSystemConfigs.2.member.arn' failed to satisfy" in found
        assert "Value null at 'fileSystemConfigs.2.member.localMountPath' failed" in found
    else:
        assert found == f"1 validation error detected: {text}"


def test_a_list_of_scalars_is_shown_whole() -> None:
    found = violations(
        "PublishLayerVersion",
        {
            "LayerName": "l",
            "Content": {},
            "CompatibleRuntimes": ["invalidruntime", "nodejs20.x"],
            "CompatibleArchitectures": ["invalidarch", "x86_64"],
        },
    )
    assert found.startswith(
        "2 validation errors detected: Value '[invalidruntime, nodejs20.x]' at "
        "'compatibleRuntimes' failed to satisfy constraint: Member must satisfy enum value set: "
        "[nodejs20.x, python3.14,"
    )
    assert found.endswith(
        "; Value '[invalidarch, x86_64]' at 'compatibleArchitectures' failed to satisfy "
        "constraint: Member must satisfy constraint: [Member must satisfy enum value set: "
        "[x86_64, arm64], Member must not be null]"
    )


def test_all_violations_come_in_one_error() -> None:
    found = violations("CreateFunction", {"FunctionName": "no spaces", "Timeout": 0})
    assert found.startswith("4 validation errors detected: ")
    for path in ("functionName", "role", "code", "timeout"):
        assert f"at '{path}'" in found


def test_managed_instances_have_the_models_limits() -> None:
    managed = function(
        Timeout=5400,
        MemorySize=32768,
        CapacityProviderConfig={
            "LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "x"}
        },
    )
    found = violations("CreateFunction", managed)
    assert "timeout" not in found
    assert "memorySize" not in found
    assert "5400" in violations("CreateFunction", {**managed, "Timeout": 5401})


def test_sensitive_values_are_not_repeated() -> None:
    found = violations("CreateFunction", function(Environment={"Variables": {"1": "secret"}}))
    assert "secret" not in found
    assert found.startswith("1 validation error detected: Value at 'environment.variables' failed")


def test_a_null_in_a_list_or_map_is_a_violation() -> None:
    found = violations(
        "CreateFunction", function(Layers=[None], Environment={"Variables": {"AB": None}})
    )
    assert "Value '[null]' at 'layers'" in found
    assert "Map value must satisfy constraint" in found


def test_logs_and_sts_have_codes_of_their_own() -> None:
    assert "'logGroupName'" in violations("CreateLogGroup", {"logGroupName": ""}, "logs")
    assert "'roleArn'" in violations("AssumeRole", {"RoleSessionName": "ab"}, "sts")


@pytest.mark.parametrize("protocol", ["json", "query"])
@pytest.mark.parametrize(
    ("operation", "request_", "name"),
    [
        ("SendMessage", {"QueueUrl": "u"}, "MessageBody"),
        (
            "SendMessageBatch",
            {"QueueUrl": "u", "Entries": [{"Id": "1", "MessageBody": "m"}, {"Id": "2"}]},
            "SendMessageBatchRequestEntry.2.MessageBody",
        ),
        (
            "SendMessageBatch",
            {"QueueUrl": "u", "Entries": [None]},
            "SendMessageBatchRequestEntry.1",
        ),
        (
            "SendMessage",
            {"QueueUrl": "u", "MessageBody": "m", "MessageAttributes": {"a": {}}},
            "MessageAttribute.1.Value.DataType",
        ),
        ("CreateQueue", {"QueueName": "q", "Attributes": {"a": None}}, "Attribute.1.Value"),
    ],
)
def test_sqs_names_the_first_missing_parameter(
    protocol: str, operation: str, request_: dict[str, Any], name: str
) -> None:
    sqs = codec("sqs", protocol)
    with pytest.raises(AwsError) as caught:
        sqs.validate(sqs.operations[operation], request_)
    assert caught.value.message == f"The request must contain the parameter {name}."
    assert caught.value.code == "MissingRequiredParameterException"


def test_sqs_takes_what_is_complete() -> None:
    sqs = codec("sqs")
    sqs.validate(sqs.operations["SendMessage"], {"QueueUrl": "u", "MessageBody": "m"})


def recorded_sentences() -> Iterator[tuple[str, str]]:
    """Yield (path, constraint) of each recorded ValidationException of Lambda."""
    for file in ("lambda_api.json", "lambda.json"):
        path = _RECORDINGS / file
        text = path.read_text() if path.exists() else "{}"
        for message in re.findall(r'"(\d+ validation errors? detected: .*)"\n', text):
            decoded = json.loads(f'"{message}"').partition(" detected: ")[2]
            for sentence in decoded.split("; Value '"):
                found = re.search(r"at '([^']+)' failed to satisfy constraint: (.*)", sentence)
                assert found is not None
                yield found.group(1), found.group(2)


def test_recorded_constraints_are_printed_as_recorded() -> None:
    """Each recorded constraint is among those some operation prints for that member."""
    if not _RECORDINGS.is_dir():
        pytest.skip("set LOCALFAAS_CONFORMANCE to the folder of recorded AWS responses")
    checks = validate.Checks(model.load("lambda", DEVIATIONS))
    printed: set[tuple[str, str]] = set()
    for operation in LAMBDA.operations.values():
        for path, name in member_paths(operation.input):
            printed |= {(path, text) for text in sentences(checks, name)}
    recorded = list(recorded_sentences())
    assert recorded
    assert [pair for pair in recorded if pair not in printed] == []


def member_paths(name: str | None, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    shapes = model.load("lambda").shapes
    if name is None or depth > 3:
        return
    for member, target in shapes[name]["members"].items():
        where = f"{path}.{member[0].lower()}{member[1:]}".lstrip(".")
        yield where, target["shape"]
        if shapes[target["shape"]]["type"] == "structure":
            yield from member_paths(target["shape"], where, depth + 1)


def sentences(checks: validate.Checks, name: str) -> list[str]:
    """Return what a hopeless value of a shape is told."""
    shape = model.load("lambda").shapes[name]
    kind = shape["type"]
    if kind == "list" and model.load("lambda").shapes[shape["member"]["shape"]]["type"] != "string":
        return ["Member must not be null"]
    result = [text for text, _ in checks.constraints(name)] + ["Member must not be null"]
    check = checks.check(name)
    if check is not None and kind in ("list", "map"):
        out: list[str] = []
        for value in ([None], [], ["?" * 9999]) if kind == "list" else ({"?": None}, {}):
            check(value, "x", out)
        result += [text.partition("constraint: ")[2] for text in out]
    return result


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("CreateFunction", function(Layers=[f"{LAYER}:{n}" for n in range(6)])),
        ("CreateFunction", function(Tags={f"k{n}": "v" for n in range(51)})),
        ("GetLayerVersion", {"LayerName": "l", "VersionNumber": -1}),
        ("TagResource", {"Resource": f"{FUNCTION}:alias", "Tags": {}}),
        ("AddPermission", PERMISSION | {"Qualifier": "$LATEST"}),
        ("AddPermission", PERMISSION | {"Principal": "invalid.nonaws.com"}),
        ("PublishVersion", {"FunctionName": FUNCTION, "CodeSha256": "somenonexistentsha256"}),
        ("PutFunctionEventInvokeConfig", {"FunctionName": "f:alias", "Qualifier": "other"}),
        (
            "CreateAlias",
            {
                "FunctionName": "f",
                "Name": "a",
                "FunctionVersion": "$LATEST",
                "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1, "2": 0.1}},
            },
        ),
        ("PutFunctionConcurrency", {"FunctionName": "f", "ReservedConcurrentExecutions": 0}),
        ("Invoke", {"FunctionName": f"{FUNCTION}:live", "Payload": b""}),
    ],
)
def test_what_the_operations_refuse_themselves_passes(
    operation: str, request_: dict[str, Any]
) -> None:
    """Recorded: these reach the operation, which answers errors of its own (or none)."""
    LAMBDA.validate(LAMBDA.operations[operation], request_)
