"""From a template and what its user gave with it to what a stack is to have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.model.nesting import is_deeper
from emulator.services.cloudformation.macros import Macros
from emulator.services.cloudformation.stack import Goal, Stack
from emulator.stack import (
    checks,
    document,
    dynamic,
    graph,
    language_extensions,
    parameters,
    rules,
    schemas,
    sections,
)
from emulator.stack.errors import TemplateError, TransformError
from emulator.stack.intrinsics import Evaluator, Resources
from emulator.stack.transform import NAME as SERVERLESS
from emulator.stack.transform import SamTransform, TransformFailed

#: Bytes of a template that is sent in a request.
LARGEST_BODY = 51_200
#: Resources of a template at most.
MOST_RESOURCES = 500
#: Types that are CloudFormation's own, and not in its published schemas.
_OWN = ("AWS::CloudFormation::CustomResource", "AWS::CloudFormation::Macro")
#: Looks up a dynamic reference.
LookUp = Callable[[dynamic.DynamicReference], Awaitable[str]]
#: What SSM calls it that a parameter is not there.
ABSENT = ("ParameterNotFound", "ParameterVersionNotFound")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A template that has been checked and written out."""

    #: After its transforms.
    template: dict[str, Any]
    parameters: parameters.Parameters
    #: What parameters that name one of SSM stand for, as others may see it, by name.
    resolved: Mapping[str, str]
    #: Values of parameters and pseudo parameters.
    values: Mapping[str, Any]
    #: The resources whose conditions hold, each without the branches that are not taken.
    resources: dict[str, dict[str, Any]]
    #: What each needs to be there before it.
    needs: dict[str, set[str]]

    @property
    def shown(self) -> dict[str, str]:
        """The values of all parameters as others may see them, by name."""
        return {name: self.parameters.shown(name) for name in self.parameters.texts}

    @property
    def secrets(self) -> list[str]:
        """The values that nobody may see."""
        texts = [self.parameters.texts[name] for name in self.parameters.hidden]
        values = [self.values[name] for name in self.parameters.hidden]
        return [each for each in (*texts, *values) if isinstance(each, str) and each]

    def tell(self, stack: Stack) -> None:
        """Write what it says of the stack as a whole."""
        stack.description = str(self.template.get("Description") or "")
        stack.parameters, stack.resolved = self.shown, dict(self.resolved)
        stack.values = dict(self.parameters.texts)

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
        warn: Told once of what could not be judged in a template.
    """

    def __init__(
        self,
        transform: SamTransform,
        look_up: Callable[[Stack], LookUp],
        serves: Callable[[str], bool],
        macros: Macros,
        warn: Callable[[str], None],
    ) -> None:
        self._transform, self._look_up, self._macros = transform, look_up, macros
        self._serves, self._warn = serves, warn
        self._told: set[str] = set()

    async def plan(self, stack: Stack, goal: Goal) -> Plan:
        """Return the plan of what ``stack`` is to be.

        Raises:
            TemplateError: The template can't be had, in AWS's words.
            AwsError: A parameter in SSM can't be read.
        """
        read = document.parse(goal.template)
        template = read.body
        sections.check(template)
        declared = template.get("Parameters") or {}
        found = parameters.read(declared, goal.given)
        await parameters.check_patterns(found, declared)
        in_ssm = await _in_ssm(found.in_ssm, self._look_up(stack))
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
        for unjudged in rules.judge(template, values):
            self._tell(f"{stack.name}: {unjudged}")
        if goal.processed is not None:
            template = goal.processed
        elif sections.transforms(template) or "Transform" in goal.template:
            goal.processed = template = await self._transformed(stack, template, found, values)
        with late(goal.processed is not None):
            if language_extensions.NAME not in sections.transforms(read.body):
                language_extensions.refuse(template)
            checks.refuse(template, values)
            resources, needs = _resources(template, values, self._serves)
            dynamic.refuse_secure(resources)
        return Plan(
            template=template,
            parameters=found,
            resolved={
                name: parameters.HIDDEN if name in found.hidden else text
                for name, text in in_ssm.items()
            },
            values=values,
            resources=resources,
            needs=needs,
        )

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._warn(text)

    async def _transformed(
        self,
        stack: Stack,
        template: dict[str, Any],
        given: parameters.Parameters,
        values: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return a template after all that changes it: what is inside first, as AWS does."""
        evaluator = Evaluator(template, values, _Nothing())
        named = template.get("Transform") or []
        changed: Any = {key: item for key, item in template.items() if key != "Transform"}
        changed = await self._macros.inner(stack, changed, values, evaluator.resolve)
        for one in named if isinstance(named, list) else [named]:
            name = str(one.get("Name")) if isinstance(one, dict) else str(one)
            if name == language_extensions.NAME:
                known = {k: v for k, v in values.items() if k not in given.hidden}
                changed = language_extensions.apply(changed, known)
            elif name == SERVERLESS:
                whole = {**changed, "Transform": SERVERLESS}
                try:
                    changed = await self._transform.translate(whole, values, stack.region)
                except TransformFailed as failure:
                    raise TransformError(str(failure)) from failure
                except TemplateError as error:
                    raise TransformError(error.message) from error
                changed.pop("Transform", None)
            else:
                wanted = one.get("Parameters") if isinstance(one, dict) else None
                changed = await self._macros.apply(
                    stack, name, wanted, changed, values, evaluator.resolve, ("Transform",)
                )
            if not isinstance(changed, dict) or is_deeper(changed, document.DEEPEST):
                raise TransformError("Template format error: unsupported structure.")
        # As it lies in a document: dates are text.
        result: dict[str, Any] = orjson.loads(orjson.dumps(changed, option=orjson.OPT_NON_STR_KEYS))
        with late(True):
            sections.check(result)
        return result


@contextmanager
def late(transformed: bool) -> Iterator[None]:
    """Let what is wrong with a template that transforms made show where AWS finds it.

    Raises:
        TransformError: In place of any other error of templates.
    """
    try:
        yield
    except TemplateError as error:
        if not transformed:
            raise
        raise TransformError(error.message, error.path) from error


async def _in_ssm(names: Mapping[str, str], look_up: LookUp) -> dict[str, str]:
    """Return the values of parameters in SSM, by the names of the template's parameters.

    Raises:
        TemplateError: Some are not there.
    """
    found, missing = {}, []
    for name, text in names.items():
        try:
            found[name] = await look_up(dynamic.DynamicReference(service="ssm", name=text))
        except AwsError as error:
            if error.code not in ABSENT:
                raise
            missing.append(text)
    if missing:
        raise TemplateError(
            f"Unable to fetch parameters [{','.join(missing)}] from parameter store for this"
            " account."
        )
    return found


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
