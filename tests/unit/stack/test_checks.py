"""What AWS's parser refuses of a template's members."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.stack import checks
from emulator.stack.errors import TemplateError

KNOWN = ("Stage", "AWS::Region")


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"AWSTemplateFormatVersion": "2012-01-01"},
         "Template format error: unsupported value for AWSTemplateFormatVersion."),
        ({"Parameters": {"A": {"Default": "x"}}},
         "Template format error: Every Parameters object must contain a Type member."),
        ({"Parameters": {"A": {"Type": "Strng"}}},
         "Template format error: Unrecognized parameter type: Strng"),
        ({"Parameters": {"A": {"Type": "String", "Default": ["x"]}}},
         "Template format error: Every Default member must be a string."),
        ({"Parameters": {"A": {"Type": "String", "Defalt": "x"}}},
         "Invalid template parameter property 'Defalt'"),
        ({"Parameters": {"A-1": {"Type": "String"}}},
         "Template format error: Parameter name A-1 is non alphanumeric."),
        ({"Resources": {"R": {"Type": "T", "DependOn": "x"}}},
         "Invalid template resource property 'DependOn'"),
        ({"Outputs": {"O-1": {"Value": "x"}}},
         "Template format error: Outputs name 'O-1' is non alphanumeric."),
        ({"Outputs": {"O": {"Val": "x"}}},
         "Template format error: Output O is malformed. Every Outputs member must contain a Value"
         " object"),
        ({"Outputs": {"O": "x"}},
         "Template format error: Output O is malformed. Every Outputs member must contain a Value"
         " object"),
        ({"Conditions": {"C": "x"}},
         "Template format error: Conditions can only be boolean operations on parameters and other"
         " conditions"),
        ({"Conditions": {"C": {"Fn::Equals": [{"Ref": "R"}, {"Fn::GetAtt": ["Q", "Arn"]}]}}},
         "Template format error: Unresolved dependencies [Q, R]. Cannot reference resources in the"
         " Conditions block of the template"),
    ],
)  # fmt: skip
def test_what_is_refused(section: dict[str, Any], says: str) -> None:
    with pytest.raises(TemplateError) as raised:
        checks.refuse(section, KNOWN)
    assert raised.value.message == says


def test_what_is_as_it_should_be() -> None:
    kinds = (
        "String Number CommaDelimitedList List<Number> List<String> AWS::EC2::VPC::Id"
        " List<AWS::EC2::Subnet::Id> AWS::SSM::Parameter::Name AWS::SSM::Parameter::Value<String>"
        " AWS::SSM::Parameter::Value<List<String>>"
        " AWS::SSM::Parameter::Value<List<AWS::EC2::Image::Id>>"
    ).split()
    whole = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {
            f"P{number}": {"Type": kind, "Default": 1, "NoEcho": True}
            for number, kind in enumerate(kinds)
        },
        "Conditions": {
            "A": {"Fn::Equals": [{"Ref": "Stage"}, {"Ref": "AWS::Region"}]},
            "B": {"Fn::Not": [{"Condition": "A"}]},
            "C": {"Condition": "A"},
        },
        "Resources": {
            "R": {"Type": "T", "DependsOn": "x", "UpdateReplacePolicy": "Retain", "Metadata": {}}
        },
        "Outputs": {"O": {"Value": "x", "Condition": "A", "Export": {"Name": "x"}}},
    }
    checks.refuse(whole, KNOWN)
    checks.refuse({}, KNOWN)
