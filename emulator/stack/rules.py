"""``Rules`` of templates: what must hold for the values of parameters before anything is made.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emulator.stack.errors import Path, TemplateError

#: Attributes that a rule may ask for, by the type of the parameter.
_ATTRIBUTES = {
    "AWS::EC2::VPC::Id": ("DefaultNetworkAcl", "DefaultSecurityGroup"),
    "AWS::EC2::Subnet::Id": ("AvailabilityZone", "VpcId"),
    "AWS::EC2::SecurityGroup::Id": (),
}
_TAG = "Tags."


class _Unknown(Exception):
    """It depends on resources of EC2, which nothing here has."""


def check(template: Mapping[str, Any]) -> None:
    """Refuse rules that are not written as they should be, whatever the parameters are.

    Args:
        template: A template, before its transforms.

    Raises:
        TemplateError: One is not.
    """
    declared = template.get("Parameters") or {}
    for name, rule in _rules(template):
        path: Path = ("Rules", name)
        asserted = rule.get("Assertions")
        if not isinstance(asserted, list) or not asserted:
            raise TemplateError(
                f"Template format error: Every Rules object must contain Assertions: [{name}]", path
            )
        for member in rule:
            if member not in ("Assertions", "RuleCondition"):
                raise TemplateError(f"Invalid template rule property '{member}'", path)
        for index, each in enumerate(asserted):
            place: Path = (*path, "Assertions", index)
            if not isinstance(each, dict) or "Assert" not in each:
                raise TemplateError(
                    "Template format error: Every Assertions object must contain an Assert member.",
                    place,
                )
            _check(each["Assert"], (*place, "Assert"), declared)
        if "RuleCondition" in rule:
            _check(rule["RuleCondition"], (*path, "RuleCondition"), declared)


def judge(template: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Refuse values of parameters for which a rule does not hold.

    Args:
        template: A template whose rules :func:`check` lets pass.
        values: Of parameters and pseudo parameters: text, or lists of text.

    Returns:
        What could not be told: rules that ask for resources of EC2.

    Raises:
        TemplateError: A rule does not hold.
    """
    failed, notes = [], []
    for name, rule in _rules(template):
        applies = "RuleCondition" not in rule or _truth(rule["RuleCondition"], values)
        held = [applies and _truth(each["Assert"], values) for each in rule["Assertions"]]
        if applies is None or (applies and None in held):
            notes.append(f"the rule {name} is not judged: it asks for resources of EC2")
        if applies:
            failed += [
                f"Rule {name} failed: {each.get('AssertDescription') or 'Assert'}"
                for each, is_held in zip(rule["Assertions"], held, strict=True)
                if is_held is False
            ]
    if failed:
        raise TemplateError(f"Template validation error: {', '.join(failed)}", ("Rules",))
    return notes


def _rules(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    rules = template.get("Rules") or {}
    if not isinstance(rules, dict):
        raise TemplateError("Template format error: Rules section must be an object.", ("Rules",))
    for name, rule in rules.items():
        if not isinstance(rule, dict):
            raise TemplateError(
                f"Template format error: [/Rules/{name}] rule definition is malformed",
                ("Rules", str(name)),
            )
        yield str(name), rule


# -- how they are written -----------------------------------------------------------------------


def _check(value: Any, path: Path, declared: Mapping[str, Any]) -> None:
    """Refuse what is no condition."""
    name, argument = _call(value)
    if name not in _CONDITIONS:
        raise TemplateError(
            "Template format error: Every RuleCondition and Assert must be one of the functions"
            f" [{', '.join(_CONDITIONS)}]",
            path,
        )
    least, most = _CONDITIONS[name]
    if not isinstance(argument, list) or not least <= len(argument) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise TemplateError(
            f"Template error: every {name} object requires a list of {wanted} parameters",
            (*path, name),
        )
    for index, each in enumerate(argument):
        place: Path = (*path, name, index)
        if name in ("Fn::And", "Fn::Not", "Fn::Or"):
            _check(each, place, declared)
        else:
            _check_value(each, place, declared)


def _check_value(value: Any, path: Path, declared: Mapping[str, Any]) -> None:
    if isinstance(value, list):
        for index, each in enumerate(value):
            _check_value(each, (*path, index), declared)
    if not isinstance(value, dict):
        return
    name, argument = _call(value)
    if name in _CONDITIONS:
        _check(value, path, declared)
    elif name == "Ref":
        if str(argument) not in declared and not str(argument).startswith("AWS::"):
            raise TemplateError(
                f"Template format error: Unresolved dependencies [{argument}]. Cannot reference"
                " resources in the Rules block of the template",
                path,
            )
    elif name in ("Fn::ValueOf", "Fn::ValueOfAll"):
        _check_attribute(name, argument, path, declared)
    elif name != "Fn::RefAll" or not isinstance(argument, str):
        functions = ", ".join((*_CONDITIONS, "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll", "Ref"))
        raise TemplateError(
            f"Template error: Encountered unsupported function: {name} Supported functions in"
            f" Rules are: [{functions}]",
            path,
        )


def _check_attribute(name: str, argument: Any, path: Path, declared: Mapping[str, Any]) -> None:
    two = isinstance(argument, list) and len(argument) == 2
    if not two or not all(isinstance(each, str) for each in argument):
        raise TemplateError(f"Template error: every {name} object requires two strings", path)
    of, attribute = argument
    if name == "Fn::ValueOf" and of not in declared:
        raise TemplateError(f"Template error: {name} references the undefined parameter {of}", path)
    kind = str(declared[of].get("Type")) if name == "Fn::ValueOf" else of
    kind = kind.removeprefix("List<").removesuffix(">")
    has_it = kind in _ATTRIBUTES and (
        attribute in _ATTRIBUTES[kind]
        or (len(attribute) > len(_TAG) and attribute.startswith(_TAG))
    )
    if not has_it:
        raise TemplateError(
            f"Template error: {name} does not support the attribute {attribute} of {kind}", path
        )


def _call(value: Any) -> tuple[str, Any]:
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        return str(name), argument
    return "", None


# -- what they come to --------------------------------------------------------------------------


def _truth(value: Any, values: Mapping[str, Any]) -> bool | None:
    """Say whether a condition holds; None: it can't be told."""
    name, argument = _call(value)
    if name in ("Fn::And", "Fn::Not", "Fn::Or"):
        truths = [_truth(each, values) for each in argument]
        if name == "Fn::Not":
            return None if truths[0] is None else not truths[0]
        decides = name == "Fn::Or"
        if decides in truths:
            return decides
        return None if None in truths else not decides
    try:
        one, other = (_worked_out(each, values) for each in argument)
    except _Unknown:
        return None
    return _COMPARISONS[name](one, other)


def _worked_out(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_worked_out(each, values) for each in value]
    if not isinstance(value, dict):
        return ("true" if value else "false") if isinstance(value, bool) else str(value)
    name, argument = _call(value)
    if name == "Ref":
        # A pseudo parameter without a value is none of those that a rule can be about.
        return values.get(str(argument), "")
    if name in _CONDITIONS:
        held = _truth(value, values)
        if held is not None:
            return "true" if held else "false"
    raise _Unknown


def _all(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Fn::Contains": lambda texts, text: text in _all(texts),
    "Fn::EachMemberEquals": lambda texts, text: all(each == text for each in _all(texts)),
    "Fn::EachMemberIn": lambda texts, of: all(each in _all(of) for each in _all(texts)),
    "Fn::Equals": lambda one, other: bool(one == other),
}
#: How many parameters each takes: at least, at most.
_CONDITIONS = {"Fn::And": (2, 10), "Fn::Not": (1, 1), "Fn::Or": (2, 10)} | dict.fromkeys(
    _COMPARISONS, (2, 2)
)
