"""From a template and what its user gave with it to what a stack is to have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.model.nesting import is_deeper
from emulator.services.cloudformation.macros import Macros
from emulator.services.cloudformation.stack import Goal, Stack
from emulator.stack import document, dynamic, graph, language_extensions, parameters, schemas
from emulator.stack.errors import Path, TemplateError
from emulator.stack.intrinsics import Evaluator, Resources
from emulator.stack.transform import NAME as SERVERLESS
from emulator.stack.transform import SamTransform, TransformFailed

#: Bytes of a template that is sent in a request.
LARGEST_BODY = 51_200
#: Resources of a template at most.
MOST_RESOURCES = 500
_SECTIONS = frozenset(
    "AWSTemplateFormatVersion Conditions Description Fn::Transform Globals Hooks Mappings Metadata"
    " Outputs Parameters Resources Rules Transform".split()
)
_IAM = "AWS::IAM::"
_NAMED_IAM = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
#: Types that are CloudFormation's own, and not in its published schemas.
_OWN = ("AWS::CloudFormation::CustomResource", "AWS::CloudFormation::Macro")
#: Looks up a dynamic reference.
LookUp = Callable[[dynamic.DynamicReference], Awaitable[str]]
#: What a deletion policy may be; UpdateReplacePolicy is never the last.
_POLICIES = ("Delete", "Retain", "Snapshot", "RetainExceptOnCreate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A template that has been checked and written out."""

    #: After its transforms.
    template: dict[str, Any]
    parameters: parameters.Parameters
    #: Values of parameters and pseudo parameters.
    values: Mapping[str, Any]
    #: The resources whose conditions hold, each without the branches that are not taken.
    resources: dict[str, dict[str, Any]]
    #: What each needs to be there before it.
    needs: dict[str, set[str]]
    #: What was odd about the template.
    notes: tuple[str, ...]

    def evaluator(
        self, resources: Resources, exports: Mapping[str, str], *, masked: bool = False
    ) -> Evaluator:
        """Return what works out the values of this plan's template.

        Args:
            resources: Those that exist.
            exports: What may be imported, by name.
            masked: Parameters that are not shown have asterisks for values.
        """
        values = self.values
        if masked and self.parameters.hidden:
            values = {**values, **dict.fromkeys(self.parameters.hidden, parameters.HIDDEN)}
        return Evaluator(self.template, values, resources, exports=exports)


class Planner:
    """Makes plans of templates.

    Args:
        transform: SAM's translator.
        look_up: Returns what looks up parameters in SSM for a stack.
        serves: Says whether a resource type is served, whoever publishes it.
        macros: Applies macros.
    """

    def __init__(
        self,
        transform: SamTransform,
        look_up: Callable[[Stack], LookUp],
        serves: Callable[[str], bool],
        macros: Macros,
    ) -> None:
        self._transform, self._look_up, self._macros = transform, look_up, macros
        self._serves = serves

    async def plan(self, stack: Stack, goal: Goal) -> Plan:
        """Return the plan of what ``stack`` is to be.

        Raises:
            TemplateError: The template can't be had, in AWS's words.
            AwsError: A parameter in SSM is not there.
        """
        read = document.parse(goal.template)
        template = read.body
        check(template)
        declared = template.get("Parameters") or {}
        found = parameters.read(declared, goal.given)
        await parameters.check_patterns(found, declared)
        look_up = self._look_up(stack)
        in_ssm = {
            name: await look_up(dynamic.DynamicReference(service="ssm", name=text))
            for name, text in found.in_ssm.items()
        }
        values = {
            **parameters.with_ssm(found, declared, in_ssm),
            **parameters.pseudo(
                account=stack.account,
                region=stack.region,
                stack_name=stack.name,
                stack_id=stack.stack_id,
            ),
            "AWS::NotificationARNs": goal.notification_arns,
        }
        if goal.processed is not None:
            template = goal.processed
        elif transforms(template) or "Transform" in goal.template:
            template = await self._transformed(stack, template, values)
            goal.processed = template
        resources, needs = _resources(template, values, self._serves)
        return Plan(
            template=template,
            parameters=found,
            values=values,
            resources=resources,
            needs=needs,
            notes=read.notes,
        )

    async def _transformed(
        self, stack: Stack, template: dict[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return a template after all that changes it: what is inside first, as AWS does."""
        evaluator = Evaluator(template, values, _Nothing())
        named = template.get("Transform") or []
        changed: Any = {key: item for key, item in template.items() if key != "Transform"}
        changed = await self._macros.inner(stack, changed, values, evaluator.resolve)
        for one in named if isinstance(named, list) else [named]:
            name = str(one.get("Name")) if isinstance(one, dict) else str(one)
            if name == language_extensions.NAME:
                evaluator = Evaluator(changed, values, _Nothing())
                changed = language_extensions.expand(changed, evaluator.resolve)
            elif name == SERVERLESS:
                whole = {**changed, "Transform": SERVERLESS}
                try:
                    changed = await self._transform.translate(whole, values, stack.region)
                except TransformFailed as failure:
                    raise TemplateError(str(failure)) from failure
                changed.pop("Transform", None)
            else:
                given = one.get("Parameters") if isinstance(one, dict) else None
                changed = await self._macros.apply(
                    stack, name, given, changed, values, evaluator.resolve, ("Transform",)
                )
            if not isinstance(changed, dict) or is_deeper(changed, document.DEEPEST):
                raise TemplateError(f"Received malformed response from transform {name}")
        # As it lies in a document: dates are text.
        result: dict[str, Any] = orjson.loads(orjson.dumps(changed, option=orjson.OPT_NON_STR_KEYS))
        check(result)
        return result


def transforms(template: Mapping[str, Any]) -> list[str]:
    """Return the names of a template's transforms, in their order.

    Raises:
        TemplateError: One has no name.
    """
    found = template.get("Transform") or []
    names = []
    for each in found if isinstance(found, list) else [found]:
        name = each.get("Name") if isinstance(each, dict) else each
        if not isinstance(name, str):
            raise TemplateError(
                "Template format error: Every Transform must be a name, or an object with a Name"
                " and Parameters",
                ("Transform",),
            )
        names.append(name)
    return names


def wanted_capabilities(template: Mapping[str, Any]) -> list[str]:
    """Return the capabilities that a template needs, as AWS asks for them."""
    resources = [r for r in (template.get("Resources") or {}).values() if isinstance(r, dict)]
    kinds = [(str(r.get("Type", "")), r.get("Properties") or {}) for r in resources]
    needed = []
    if any(kind.startswith(_IAM) for kind, _ in kinds):
        named = any(_NAMED_IAM.get(kind, "") in properties for kind, properties in kinds)
        needed.append("CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM")
    if transforms(template) or _has_transform(template):
        needed.append("CAPABILITY_AUTO_EXPAND")
    return needed


def _has_transform(value: Any) -> bool:
    """Say whether a macro stands anywhere in a value."""
    if isinstance(value, dict):
        return "Fn::Transform" in value or any(_has_transform(each) for each in value.values())
    return isinstance(value, list) and any(_has_transform(each) for each in value)


def refuse_without_capabilities(needed: list[str], given: list[str]) -> None:
    """Refuse what the user has not acknowledged.

    Raises:
        AwsError: InsufficientCapabilitiesException.
    """
    allowed = {*given, *(["CAPABILITY_IAM"] if "CAPABILITY_NAMED_IAM" in given else [])}
    missing = [each for each in needed if each not in allowed]
    if missing:
        raise AwsError(
            "InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]"
        )


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
            raise TemplateError(
                "Template format error: Every Parameters object must contain a Type member:"
                f" {name}",
                ("Parameters", name),
            )


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


def _resources(
    template: Mapping[str, Any], values: Mapping[str, Any], serves: Callable[[str], bool]
) -> tuple[dict[str, dict[str, Any]], dict[str, set[str]]]:
    resources: dict[str, dict[str, Any]] = {}
    evaluator = Evaluator(template, values, _Nothing())
    declared = template.get("Resources") or {}
    if len(declared) > MOST_RESOURCES:
        raise TemplateError(
            f"Template format error: Number of resources, {len(declared)}, is greater than maximum"
            f" allowed, {MOST_RESOURCES}"
        )
    unknown = set()
    for logical, body in declared.items():
        path = ("Resources", str(logical))
        if not isinstance(body, dict):
            raise TemplateError(
                f"Template format error: [/Resources/{logical}] resource definition is malformed",
                path,
            )
        kind = body.get("Type")
        if not isinstance(kind, str):
            raise TemplateError(
                f"Template format error: [/Resources/{logical}] Every Resources object must"
                " contain a Type member.",
                path,
            )
        if not str(logical).isalnum():
            raise TemplateError(
                f"Template format error: Resource name {logical} is non alphanumeric.", path
            )
        if not serves(kind) and not _is_published(kind):
            unknown.add(kind)
        if "Condition" not in body or evaluator.condition(body["Condition"], path):
            resources[logical] = evaluator.choose(body, path)
    if unknown:
        raise TemplateError(
            f"Template format error: Unrecognized resource types: [{', '.join(sorted(unknown))}]"
        )
    present = {name: {**body, "DependsOn": _present(body, declared, resources)}
               for name, body in resources.items()}  # fmt: skip
    needs = graph.dependencies(present)
    graph.waves(needs)
    _check_references(resources, values, evaluator, template.get("Outputs") or {})
    return resources, needs


def _present(
    body: Mapping[str, Any], declared: Mapping[str, Any], resources: Mapping[str, Any]
) -> list[str]:
    """Return what a resource depends on by its own word, without what its condition leaves out."""
    named = body.get("DependsOn") or []
    names = [named] if isinstance(named, str) else list(named)
    return [name for name in names if name in resources or name not in declared]


def _check_references(
    resources: Mapping[str, Any],
    values: Mapping[str, Any],
    evaluator: Evaluator,
    outputs: Mapping[str, Any],
) -> None:
    """Refuse references to what the template has not.

    Raises:
        TemplateError: In AWS's words.
    """
    given = [
        body.get("Value")
        for name, body in outputs.items()
        if isinstance(body, dict)
        and ("Condition" not in body or evaluator.condition(body["Condition"], ("Outputs", name)))
    ]
    blocks = {
        "Resources": [body.get("Properties") for body in resources.values()],
        "Outputs": [evaluator.choose(value, ("Outputs",)) for value in given],
    }
    for block, written in blocks.items():
        missing = sorted(
            {
                name
                for each in written
                for name in graph.references(each)
                if name not in resources and name not in values and name != "AWS::NoValue"
            }
        )
        if missing:
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}]"
                f" in the {block} block of the template",
                (block,),
            )


def _is_published(kind: str) -> bool:
    if kind.startswith("Custom::") or kind in _OWN:
        return True
    return schemas.find(kind) is not None or (
        not kind.startswith("AWS::") and kind.count("::") == 2
    )


class _Nothing:
    """No resources at all: conditions and loops can't refer to any."""

    def __contains__(self, logical: str) -> bool:
        return False

    def ref(self, logical: str) -> Any:
        raise TemplateError(f"Template error: {logical} is no parameter")

    def attribute(self, logical: str, name: str) -> Any:
        raise TemplateError(f"Template error: {logical} is no parameter")
