"""Scenarios of change sets: a stack is made of one template and updated by another."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tests.conformance.recorded import Comparison
from tests.conformance.replay import new_name

Template = dict[str, Any]
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")


class Update(NamedTuple):
    """Two templates, with the values of their parameters."""

    before: Template
    after: Template
    values: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
    capabilities: tuple[str, ...] = ()


_IN_SHORT = (
    "LogicalResourceId",
    "PhysicalResourceId",
    "ResourceStatus",
    "ResourceType",
    "Timestamp",
)


class StackScenario:
    """One scenario under way."""

    def __init__(self, comparison: Comparison, clients: Callable[..., Any]) -> None:
        self.comparison, self.clients = comparison, clients
        self.client = clients("cloudformation")
        self.stack, self.change_set = new_name("stack"), new_name("change-set")

    def match(self, step: str, answer: Any) -> None:
        self.comparison.match(step, answer)

    def update(self, update: Update, between: Callable[[], None] = lambda: None) -> None:
        """Make the stack, change it, and remove it."""
        self.comparison.know("<stack-name:1>", self.stack)
        for number, template in ((1, update.before), (2, update.after)):
            self._change(number, template, update)
            if number == 1:
                between()
        recorded = self.comparison.recorded("per-resource-events")
        whole = "Stack" not in recorded
        if whole:
            self.match("per-resource-events", self._events(self.stack))
        stack_id = self.client.describe_stacks(StackName=self.stack)["Stacks"][0]["StackId"]
        self.client.delete_stack(StackName=self.stack)
        self.client.get_waiter("stack_delete_complete").wait(StackName=stack_id)
        self.match("delete-describe", self.client.describe_stacks(StackName=stack_id)["Stacks"][0])
        if not whole:
            until_the_end = "DELETE_COMPLETE" in str(recorded["Stack"])
            self.match("per-resource-events", self._in_short(stack_id, until_the_end))

    def _change(self, number: int, template: Template, update: Update) -> None:
        client, kind = self.client, ("CREATE", "UPDATE")[number - 1]
        made = client.create_change_set(
            StackName=self.stack,
            ChangeSetName=self.change_set,
            TemplateBody=json.dumps(template),
            ChangeSetType=kind,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in update.values[number - 1].items()
            ],
            **({"Capabilities": update.capabilities} if update.capabilities else {}),
        )
        self.match(f"create-change-set-{number}", made)
        client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
        for suffix, values in (("-prop-values", True), ("", False)):
            described = client.describe_change_set(
                ChangeSetName=made["Id"], IncludePropertyValues=values
            )
            described["Changes"].sort(key=lambda each: each["ResourceChange"]["LogicalResourceId"])
            self.match(f"describe-change-set-{number}{suffix}", described)
        executed = client.execute_change_set(ChangeSetName=made["Id"])
        self.match(f"execute-change-set-{number}", executed)
        waiter = client.get_waiter(f"stack_{kind.lower()}_complete")
        waiter.wait(StackName=made["StackId"])
        stack = client.describe_stacks(StackName=made["StackId"])["Stacks"][0]
        self.match(f"post-create-{number}-describe", stack)

    def _all_events(self, stack: str) -> list[Any]:
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=stack)
        return [event for page in pages for event in page["StackEvents"]]

    def _events(self, stack: str) -> dict[str, list[Any]]:
        """Return the events of each resource, the newest first."""
        found: dict[str, list[Any]] = {}
        for event in self._all_events(stack):
            found.setdefault(event["LogicalResourceId"], []).append(event)
        return found

    def _in_short(self, stack: str, until_the_end: bool) -> dict[str, list[Any]]:
        """Return the statuses that each resource had, one after the other, once each.

        Args:
            stack: The stack's id.
            until_the_end: Also those of its removal, and the last event of each status; without
                this the first one.
        """
        found: dict[str, list[Any]] = {}
        for event in reversed(self._all_events(stack)):
            status, name = event["ResourceStatus"], event["LogicalResourceId"]
            if name == self.stack and status == "DELETE_IN_PROGRESS" and not until_the_end:
                break
            if status.endswith("_CLEANUP_IN_PROGRESS"):
                continue
            seen = found.setdefault("Stack" if name == self.stack else name, [])
            if seen and seen[-1]["ResourceStatus"] == status:
                if not until_the_end:
                    continue
                seen.pop()
            seen.append({key: event[key] for key in _IN_SHORT})
        return found


def _of(**resources: Any) -> Template:
    return {"Resources": resources}


def _topic(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def _parameter(value: Any, **properties: Any) -> dict[str, Any]:
    properties = {"Type": "String", "Value": value} | properties
    return {"Type": "AWS::SSM::Parameter", "Properties": properties}


def _display(before: Any, after: Any, **properties: Any) -> Update:
    """Return the update of a topic's display name."""
    return Update(
        _of(Topic1=_topic(DisplayName=before, **properties)),
        _of(Topic1=_topic(DisplayName=after, **properties)),
    )


NAMED = {"TopicName": "topic-name-1"}
_DISPLAY_NAME = {"Fn::GetAtt": ["Topic1", "DisplayName"]}
_STACK_NAME = {"Fn::Sub": "The stack name is ${AWS::StackName}"}


def _sub(text: str, **variables: str) -> dict[str, Any]:
    return {"Fn::Sub": [text, variables]}


_ONE = _sub("Parameter interpolation: ${v1}", v1="var_value_1")
_TWO = _sub("Parameter interpolation: ${v1}, ${v2}", v1="var_value_1", v2="var_value_2")


def _conditional(wanted: str) -> Template:
    return {
        "Mappings": {"M": {"A": {"B": wanted}}},
        "Conditions": {"CreateTopic": {"Fn::Equals": [{"Fn::FindInMap": ["M", "A", "B"]}, "true"]}},
        "Resources": {
            "SNSTopic": {"Condition": "CreateTopic", **_topic(TopicName="topic-name-1")},
            "TopicPlaceholder": _topic(TopicName="topic-name-2"),
        },
    }


def _mapped(value: str) -> Template:
    return {
        "Parameters": {"Environment": {"Type": "String"}},
        "Mappings": {"M": {"prod-aws": {"V": "prod-aws-value"}, "dev-aws": {"V": "dev-aws-value"}}},
        "Resources": {
            "Topic1": _topic(
                TopicName=value,
                DisplayName={
                    "Fn::FindInMap": [
                        "M",
                        {"Fn::Join": ["-", [{"Ref": "Environment"}, {"Ref": "AWS::Partition"}]]},
                        "V",
                    ]
                },
            )
        },
    }


def _by_region(name: str) -> Template:
    return {
        "Mappings": {"M": {"us-east-1": {"V": "Z2FDTNDATAQYW2"}}},
        "Resources": {
            "Topic1": _topic(
                TopicName=name, DisplayName={"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "V"]}
            )
        },
    }


def _default(name: str) -> Template:
    return {
        "Parameters": {"TopicName": {"Type": "String", "Default": name}},
        "Resources": {"Foo": _topic(TopicName={"Ref": "TopicName"})},
    }


_PSEUDO = ("Partition", "AccountId", "Region", "StackName", "StackId", "URLSuffix")
_TAGS = [{"Key": name, "Value": {"Ref": f"AWS::{name}"}} for name in _PSEUDO]
_SPLIT = {"Fn::Join": ["_", {"Fn::Split": ["-", "part1-part2-part3"]}]}


def _split(delimiter: str) -> dict[str, Any]:
    return {"Fn::Join": ["_", {"Fn::Split": [delimiter, "a-b--c::d"]}]}


_JOINED = {"Fn::Join": ["-", ["prefix", _DISPLAY_NAME]]}
_SELECTED = {"Fn::Select": [0, [_DISPLAY_NAME, "2nd"]]}


def _referring(value: Any, display: str) -> Template:
    return _of(
        Topic1=_topic(DisplayName=display, **NAMED),
        Topic2=_topic(DisplayName=value, TopicName="topic-name-2"),
    )


#: By the recordings' names.
UPDATES: dict[str, Update] = {
    "test_fn_sub_addition_parameter_ref": Update(
        _of(Topic1=_topic(DisplayName="display-value-1", **NAMED)),
        {
            "Parameters": {"ParameterDisplayName": {"Type": "String"}},
            **_of(
                Topic1=_topic(
                    DisplayName={"Fn::Sub": "Parameter interpolation: ${ParameterDisplayName}"},
                    **NAMED,
                )
            ),
        },
        ({}, {"ParameterDisplayName": "display-value-parameter"}),
    ),
    "test_fn_sub_delete_parameter_literal": _display(_TWO, _ONE, **NAMED),
    "test_fn_sub_delete_string_pseudo": _display(_STACK_NAME, "display-name-2", **NAMED),
    "test_fn_sub_update_parameter_literal": _display(_ONE, _TWO, **NAMED),
    "test_fn_sub_update_string_pseudo": _display(
        _STACK_NAME, {"Fn::Sub": "The region name is ${AWS::Region}"}, **NAMED
    ),
    "test_immutable_property_update_causes_resource_replacement": Update(
        _of(
            Topic1=_topic(DisplayName="value", **NAMED),
            Topic2=_topic(DisplayName=_DISPLAY_NAME, TopicName="topic-name-2"),
        ),
        _of(
            Topic1=_topic(DisplayName="new_value", TopicName="updated-topic-name-1"),
            Topic2=_topic(DisplayName=_DISPLAY_NAME, TopicName="topic-name-2"),
        ),
    ),
    "test_resource_deletion": Update(
        _of(
            Topic1=_topic(DisplayName="display-value-1", **NAMED),
            Topic2=_topic(DisplayName=_DISPLAY_NAME, TopicName="topic-name-2"),
        ),
        _of(Topic1=_topic(DisplayName="display-value-1", **NAMED)),
    ),
    "test_condition_update_adds_resource": Update(_conditional("false"), _conditional("true")),
    "test_fn_base64_add_to_static_property": _display("topic-name-1", {"Fn::Base64": "HelloWorld"}),
    "test_fn_select_change_in_selected_element_type_ref": _display(
        {"Fn::Select": [0, ["1st", "2nd", "3rd"]]},
        {"Fn::Select": [0, [{"Ref": "AWS::StackName"}, "2nd", "3rd"]]},
    ),
    "test_fn_split_change_delimiter": _display(_split("-"), _split(":")),
    "test_fn_split_remove_from_static_property": _display(_SPLIT, "topic-name-1"),
    "test_fn_find_in_map_with_multiple_nested_functions": Update(
        _mapped("topic-name-1"),
        _mapped("topic-name-1"),
        ({"Environment": "prod"}, {"Environment": "dev"}),
        CAPABILITIES,
    ),
    "test_fn_find_in_map_with_nested_ref": Update(
        _by_region("topic-name-1"), _by_region("topic-name-1-updated"), ({}, {}), CAPABILITIES
    ),
    "test_update_parameter_default_value_with_dynamic_overrides": Update(
        _default("default-1"),
        _default("default-2"),
        ({"TopicName": "topic-name-1"}, {"TopicName": "topic-name-2"}),
    ),
    "test_supported_pseudo_parameter": Update(
        _of(Topic1=_topic(TopicName="topic_name_1")),
        _of(Topic2=_topic(TopicName="topic_name_2", Tags=_TAGS)),
    ),
    "test_indirect_update_refence_argument": Update(
        _referring(_JOINED, "display-name-1"), _referring(_JOINED, "display-name-2")
    ),
    "test_fn_select_change_get_att_reference": Update(
        _of(Topic1=_topic(DisplayName="topic-name-1"), Topic2=_topic(DisplayName=_SELECTED)),
        _of(Topic1=_topic(DisplayName="topic-name-2"), Topic2=_topic(DisplayName=_SELECTED)),
    ),
    "test_base_mapping_scenarios[update_string_referencing_resource]": Update(
        {
            "Mappings": {"M": {"K": {"V": "value-1"}}},
            **_of(MySSMParameter=_parameter({"Fn::FindInMap": ["M", "K", "V"]})),
        },
        {
            "Mappings": {"M": {"K": {"V": "value-2"}}},
            **_of(MySSMParameter=_parameter({"Fn::FindInMap": ["M", "K", "V"]})),
        },
    ),
}
