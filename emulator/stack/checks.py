"""What AWS's parser refuses of a template that no transform changes any more: pure decisions.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.stack import graph
from emulator.stack.errors import TemplateError

#: What is said of a parameter without a type.
UNTYPED = "Template format error: Every Parameters object must contain a Type member."
_VERSION = "2010-09-09"
#: What a resource may have. ``Version`` is for custom resources.
_ATTRIBUTES = frozenset(
    "Condition CreationPolicy DeletionPolicy DependsOn Description Metadata Properties Type"
    " UpdatePolicy UpdateReplacePolicy Version".split()
)
#: What a parameter may have.
_PARAMETER = frozenset(
    "AllowedPattern AllowedValues ConstraintDescription Default Description MaxLength MaxValue"
    " MinLength MinValue NoEcho Type".split()
)
_TYPE = re.compile(r"String|Number|CommaDelimitedList|(List<)?(String|Number|AWS::[\w:<>]+)>?")
_LOGICAL = ("Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or")


def refuse(template: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse members that are not as they should be.

    Args:
        template: After its transforms; its sections are objects.
        known: Names of parameters and pseudo parameters.

    Raises:
        TemplateError: In AWS's words.
    """
    version = template.get("AWSTemplateFormatVersion")
    if version is not None and str(version) != _VERSION:
        raise TemplateError(
            "Template format error: unsupported value for AWSTemplateFormatVersion."
        )
    for name, body in (template.get("Parameters") or {}).items():
        _refuse_parameter(str(name), body)
    for name, body in (template.get("Resources") or {}).items():
        for attribute in body if isinstance(body, dict) else ():
            if attribute not in _ATTRIBUTES:
                raise TemplateError(
                    f"Invalid template resource property '{attribute}'", ("Resources", str(name))
                )
    for name, body in (template.get("Outputs") or {}).items():
        _refuse_output(str(name), body)
    _refuse_conditions(template.get("Conditions") or {}, set(known))


def _refuse_parameter(name: str, body: Mapping[str, Any]) -> None:
    problem = None
    kind = body.get("Type")
    if not name.isalnum():
        problem = f"Template format error: Parameter name {name} is non alphanumeric."
    elif not isinstance(kind, str):
        problem = UNTYPED
    elif not _TYPE.fullmatch(kind):
        problem = f"Template format error: Unrecognized parameter type: {kind}"
    elif isinstance(body.get("Default"), dict | list):
        problem = "Template format error: Every Default member must be a string."
    else:
        unknown = [str(each) for each in body if each not in _PARAMETER]
        if unknown:
            problem = f"Invalid template parameter property '{unknown[0]}'"
    if problem is not None:
        raise TemplateError(problem, ("Parameters", name))


def _refuse_output(name: str, body: Any) -> None:
    problem = None
    if not name.isalnum():
        problem = f"Template format error: Outputs name '{name}' is non alphanumeric."
    elif not isinstance(body, dict) or "Value" not in body:
        problem = (
            f"Template format error: Output {name} is malformed. Every Outputs member must contain"
            " a Value object"
        )
    if problem is not None:
        raise TemplateError(problem, ("Outputs", name))


def _refuse_conditions(conditions: Mapping[str, Any], known: set[str]) -> None:
    for name, body in conditions.items():
        if not isinstance(body, dict) or len(body) != 1 or next(iter(body)) not in _LOGICAL:
            raise TemplateError(
                "Template format error: Conditions can only be boolean operations on parameters and"
                " other conditions",
                ("Conditions", str(name)),
            )
    unknown = sorted({each for each in graph.references(conditions) if each not in known})
    if unknown:
        raise TemplateError(
            f"Template format error: Unresolved dependencies [{', '.join(unknown)}]. Cannot"
            " reference resources in the Conditions block of the template",
            ("Conditions",),
        )
