"""What AWS refuses of a plan beside what is wrong with its template."""

from __future__ import annotations

import re
from collections.abc import Mapping

from emulator.services.cloudformation.planning import Plan
from emulator.services.cloudformation.stack import Stack
from emulator.stack import graph, schemas
from emulator.stack.errors import NotYetKnown, TemplateError
from emulator.stack.intrinsics import Evaluator

#: An attribute that is named, and not by a function.
_NAME = re.compile(r"[\w.]+")


def refuse_other_types(stack: Stack, plan: Plan) -> None:
    """Refuse a plan in which a resource of a stack is of another type than it was.

    Raises:
        TemplateError: In AWS's words.
    """
    changed = [
        name
        for name, body in plan.resources.items()
        if name in stack.resources and stack.resources[name].kind != body["Type"]
    ]
    if changed:
        raise TemplateError(
            "Update of resource type is not permitted. The new template modifies resource type of"
            f" the following resources: [{', '.join(changed)}]"
        )


def refuse_unknown_attributes(plan: Plan) -> None:
    """Refuse ``Fn::GetAtt`` of what resources of a published type do not have.

    Raises:
        TemplateError: In AWS's words.
    """
    for name, attribute in graph.mentions([*plan.resources.values(), plan.template.get("Outputs")]):
        kind = str(plan.resources[name]["Type"]) if name in plan.resources else ""
        # What nested stacks and wait conditions have is what others give out.
        schema = None if kind.startswith("AWS::CloudFormation::") else schemas.find(kind)
        if schema is None or not _NAME.fullmatch(attribute):
            continue
        first = attribute.split(".", 1)[0]
        if not any(first == each.split(".", 1)[0] for each in schema.read_only | schema.properties):
            raise TemplateError(
                f"Template error: resource {name} does not support attribute type {attribute} in"
                " Fn::GetAtt"
            )


def refuse_missing_imports(plan: Plan, evaluator: Evaluator, exports: Mapping[str, str]) -> None:
    """Refuse imports of what no stack exports before anything is made.

    Raises:
        TemplateError: In AWS's words.
    """
    outputs = plan.template.get("Outputs") or {}
    given = [
        evaluator.choose(body)
        for body in outputs.values()
        if "Condition" not in body or evaluator.condition(body["Condition"])
    ]
    for argument in graph.imports([*plan.resources.values(), *given]):
        try:
            name = evaluator.resolve(argument)
        except NotYetKnown:
            continue
        if isinstance(name, str) and name not in exports:
            raise TemplateError(f"No export named {name} found")
