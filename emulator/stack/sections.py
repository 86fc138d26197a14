"""The sections of a template as its author wrote them: which there are, and what each may hold.

``checks`` judges what is left once transforms have changed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.stack import checks, language_extensions, rules
from emulator.stack.errors import Path, TemplateError

#: What AWS says of a macro whose name is a function, or no text at all.
NAMELESS = "Key Name of transform definition must be a string."
_SECTIONS = frozenset(
    "AWSTemplateFormatVersion Conditions Description Fn::Transform Globals Hooks Mappings Metadata"
    " Outputs Parameters Resources Rules Transform".split()
)
#: What a deletion policy may be; UpdateReplacePolicy is never the last.
_POLICIES = ("Delete", "Retain", "Snapshot", "RetainExceptOnCreate")


def transforms(template: Mapping[str, Any]) -> list[str]:
    """Return the names of a template's transforms, in their order.

    Raises:
        TemplateError: One has no name.
    """
    found = template.get("Transform") or []
    names = []
    for each in found if isinstance(found, list) else [found]:
        name = each.get("Name") if isinstance(each, dict) else each
        if isinstance(each, dict) and "Name" in each and not isinstance(name, str):
            raise TemplateError(NAMELESS, ("Transform",))
        if not isinstance(name, str):
            raise TemplateError(
                "Template format error: Every Transform must be a name, or an object with a Name"
                " and Parameters",
                ("Transform",),
            )
        names.append(name)
    return names


def check(template: Mapping[str, Any]) -> None:
    """Refuse a template whose sections are not what they should be.

    Raises:
        TemplateError: In AWS's words.
    """
    for name in template:
        if name not in _SECTIONS:
            raise TemplateError(f"Invalid template property or properties [{name}]", (str(name),))
    transforms(template)
    for name in ("Parameters", "Mappings", "Conditions", "Outputs", "Resources"):
        section = template.get(name)
        if section is not None and not isinstance(section, dict):
            raise TemplateError(
                f"Template format error: {name} section must be an object.", (name,)
            )
    if not template.get("Resources"):
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    resources = without_loops(template["Resources"])
    if not all(isinstance(body, dict) for body in resources.values()):
        raise TemplateError(
            "Template format error: Any Resources member must be an object.", ("Resources",)
        )
    _check_mappings(template.get("Mappings") or {})
    for name, body in resources.items():
        _check_functions(body.get("Properties"), ("Resources", str(name), "Properties"))
        if not isinstance(body.get("Properties") or {}, dict):
            raise TemplateError(
                f"Template format error: [/Resources/{name}] resource definition is malformed",
                ("Resources", str(name)),
            )
    for name, body in resources.items():
        _check_attributes(str(name), body)
    for name, body in (template.get("Parameters") or {}).items():
        if not isinstance(body, dict) or not isinstance(body.get("Type", "String"), str):
            raise TemplateError(checks.UNTYPED, ("Parameters", name))
        if not isinstance(body.get("AllowedValues") or [], list):
            raise TemplateError(
                f"Template format error: AllowedValues of parameter {name} must be a list.",
                ("Parameters", name),
            )
    # They are about parameters.
    rules.check(template)


def without_loops(resources: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the resources that stand as such: loops are written out before anything is made."""
    return {
        name: each
        for name, each in resources.items()
        if not str(name).startswith(language_extensions.LOOP)
    }


def _check_mappings(mappings: Mapping[str, Any]) -> None:
    for name, mapping in mappings.items():
        rows = mapping.values() if isinstance(mapping, dict) else ()
        for row in rows:
            if isinstance(row, dict) and any(isinstance(each, dict) for each in row.values()):
                raise TemplateError(
                    "Template format error: Every Mappings attribute must be a String or a List.",
                    ("Mappings", name),
                )


def _check_functions(value: Any, path: Path) -> None:
    """Refuse functions whose arguments are not what they need, whatever they refer to."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check_functions(item, (*path, index))
    if not isinstance(value, dict):
        return
    for key, argument in value.items():
        if key == "Fn::GetAtt" and len(value) == 1:
            two = isinstance(argument, list) and len(argument) == 2 and all(argument)
            if not two and not (isinstance(argument, str) and "." in argument.strip(".")):
                raise TemplateError(
                    "Template error: every Fn::GetAtt object requires two non-empty parameters, the"
                    " resource name and the resource attribute",
                    path,
                )
        _check_functions(argument, (*path, key))


def _check_attributes(name: str, body: Mapping[str, Any]) -> None:
    path = ("Resources", name)
    needed = body.get("DependsOn") or []
    if not isinstance(needed, (str, list)) or not all(isinstance(each, str) for each in needed):
        raise TemplateError(
            "Template format error: DependsOn must be a string or list of strings.", path
        )
    if not isinstance(body.get("Metadata") or {}, dict):
        raise TemplateError(
            f"Template format error: [/Resources/{name}/Metadata] must be an object", path
        )
    for attribute, allowed in (
        ("DeletionPolicy", _POLICIES),
        ("UpdateReplacePolicy", _POLICIES[:3]),
    ):
        policy = body.get(attribute)
        if policy is None or isinstance(policy, dict) or policy in allowed:
            continue
        raise TemplateError(
            f"Template error: Unrecognized {attribute} {policy} for resource {name}",
            ("Resources", name, attribute),
        )
