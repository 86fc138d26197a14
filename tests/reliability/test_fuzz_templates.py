"""Bad templates: whatever they are, the answer is AWS's error or a stack, and soon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.model.errors import AwsError
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running

FUNCTIONS = [
    "Ref", "Condition", "Fn::And", "Fn::Base64", "Fn::Cidr", "Fn::Equals", "Fn::FindInMap",
    "Fn::ForEach::Loop", "Fn::GetAZs", "Fn::GetAtt", "Fn::If", "Fn::ImportValue", "Fn::Join",
    "Fn::Length", "Fn::Not", "Fn::Or", "Fn::Select", "Fn::Split", "Fn::Sub", "Fn::ToJsonString",
    "Fn::Transform", "Fn::None",
]  # fmt: skip
WORDS = [
    "A", "B", "P", "C", "M", "A.Arn", "AWS::Region", "AWS::NoValue", "AWS::StackName", "", "${A}",
    "${P}-${A.Arn}", "${", "{{resolve:ssm:/a}}", "{{resolve:secretsmanager:s:SecretString:k}}",
    "{{resolve:ssm:}}", "true", "10.0.0.0/16", "AWS::SQS::Queue", "AWS::LanguageExtensions",
    "AWS::Include", "Custom::X", "\x00", "é☃", "x" * 300,
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
)
KEYS = st.one_of(st.sampled_from(FUNCTIONS), st.sampled_from(WORDS), st.sampled_from([
    "Type", "Properties", "DependsOn", "Value", "Export", "Name", "Parameters", "Default",
    "AllowedValues", "AllowedPattern", "MinLength", "DeletionPolicy", "Metadata", "DelaySeconds",
]))  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(lambda key, value: {key: value}, st.sampled_from(FUNCTIONS), inner),
    ),
    max_leaves=12,
)
BASE: dict[str, Any] = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Description": "d",
    "Transform": [],
    "Parameters": {"P": {"Type": "String", "Default": "p", "AllowedPattern": "[a-z]*"}},
    "Mappings": {"M": {"p": {"k": "v"}}},
    "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "p"]}},
    "Resources": {
        "A": {
            "Type": "AWS::SQS::Queue",
            "Condition": "C",
            "DependsOn": [],
            "Properties": {"DelaySeconds": 1, "Tags": [{"Key": "a", "Value": {"Ref": "P"}}]},
        },
        "B": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": "A.Arn"}}},
        },
    },
    "Outputs": {"O": {"Value": {"Fn::Sub": "${A}"}, "Export": {"Name": "e"}}},
}


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all values."""
    if here:
        yield here
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*here, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*here, index))


PATHS = list(paths(BASE))


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return the template with another value at a path."""
    template: Any = json.loads(json.dumps(BASE))
    at = template
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return dict(template)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver())
    yield running
    running.stop()


def ask(running: Running, operation: str, **request: Any) -> dict[str, Any]:
    """Do an operation; an error of AWS is an answer, all else is a defect."""

    async def call() -> dict[str, Any]:
        try:
            return await running.emulator.table.call("cloudformation", operation, request)
        except AwsError as error:
            return {"Error": error.message, "Status": error.status or 400}

    answer: dict[str, Any] = running.call(call)
    assert "Error" not in answer or (answer["Error"] and answer["Status"] < 500), answer
    return answer


def try_it(running: Running, body: str) -> None:
    """Send a template to all that take one, and remove what came of it."""
    expand = {"Capabilities": ["CAPABILITY_AUTO_EXPAND", "CAPABILITY_NAMED_IAM"]}
    ask(running, "ValidateTemplate", TemplateBody=body)
    ask(running, "GetTemplateSummary", TemplateBody=body)
    names = {"StackName": "fuzzed-set", "ChangeSetName": "set"}
    ask(running, "CreateChangeSet", **names, ChangeSetType="CREATE", TemplateBody=body, **expand)
    ask(running, "DescribeChangeSet", **names, IncludePropertyValues=True)
    made = ask(running, "CreateStack", StackName="fuzzed", TemplateBody=body, **expand)
    for name in ("fuzzed-set", *([made["StackId"]] if "StackId" in made else [])):
        ended(running, name)
        ask(running, "DescribeStackEvents", StackName=name)
        ask(running, "DeleteStack", StackName=name)
        ended(running, name)


def ended(running: Running, name: str) -> None:
    for _ in range(5):
        found = ask(running, "DescribeStacks", StackName=name).get("Stacks")
        status = found[0]["StackStatus"] if found else ""
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            break
    else:
        raise AssertionError(f"{name} does not end: {found}")
    assert "localfaas failed" not in str(found)


PLAIN = settings(
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("examples", [40, pytest.param(600, marks=pytest.mark.slow)])
def test_templates_with_one_value_changed(running: Running, examples: int) -> None:
    @settings(PLAIN, max_examples=examples)
    @given(path=st.sampled_from(PATHS), value=VALUES)
    def run(path: tuple[Any, ...], value: Any) -> None:
        try_it(running, json.dumps(changed(path, value)))

    run()


@pytest.mark.parametrize("examples", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_texts_that_are_no_templates(running: Running, examples: int) -> None:
    @settings(PLAIN, max_examples=examples)
    @given(text=st.text(st.characters(codec="utf-8"), max_size=200))
    def run(text: str) -> None:
        if text:
            try_it(running, text)

    run()


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (BOMB, "Template format error: it has more than 100000 values"),
        ("a: &a [*a]", "Template format error: an alias contains itself"),
        ("[" * 20_000, "nested too deeply"),
        ('{"Resources": ' + '{"a":' * 5_000 + "1" + "}" * 5_001, "nested too deeply"),
        ("Resources: " + "[" * 300 + "]" * 300, "nested too deeply"),
        ("!!python/object/apply:os.system ['true']", "Template format error: YAML not well-formed"),
        ("a: !Nothing x", "the tag !Nothing"),
        ("Resources: {A: {Type: !!binary 'x', Properties: {}}}", "Template format error"),
        ("a: " + "x" * 51_200, "Member must have length less than or equal to 51200"),
        (
            "Parameters: {P: {Type: String, AllowedValues: true}}\nResources: {A: {Type: T}}",
            "AllowedValues of parameter P must be a list",
        ),
        ("d: 2024-99-99", "not of the kind it claims to be"),
    ],
)  # fmt: skip
def test_templates_that_are_meant_to_harm(running: Running, body: str, says: str) -> None:
    names = {"StackName": "harm"}
    for operation, request in (
        ("ValidateTemplate", {}),
        ("CreateStack", names),
        ("CreateChangeSet", {**names, "ChangeSetName": "c", "ChangeSetType": "CREATE"}),
    ):
        answer = ask(running, operation, TemplateBody=body, **request)
        assert says in answer.get("Error", ""), (operation, answer)


def test_a_large_template_comes_from_a_bucket_and_has_its_own_bound(running: Running) -> None:
    s3 = running.client("s3")
    s3.create_bucket(Bucket="large")
    s3.put_object(Bucket="large", Key="t", Body=b"x" * 1_000_001)
    url = f"{running.url}/large/t"
    answer = ask(running, "CreateStack", StackName="large", TemplateURL=url)
    assert answer["Error"] == "Template may not exceed 1000000 bytes in size."
