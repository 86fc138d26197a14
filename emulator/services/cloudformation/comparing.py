"""What an update of a stack would change: worked out before it, and shown by change sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from emulator.services.cloudformation.lookup import from_template
from emulator.services.cloudformation.planning import Plan
from emulator.services.cloudformation.stack import Goal, Resource, Stack
from emulator.services.cloudformation.toolbox import Toolbox
from emulator.stack import changes, document, graph
from emulator.stack.errors import NotYetKnown, TemplateError
from emulator.stack.intrinsics import Evaluator
from emulator.stack.parameters import HIDDEN


def differing(tools: Toolbox, stack: Stack, plan: Plan) -> list[changes.Change]:
    """Return what making a stack what ``plan`` says changes, as a change set shows it.

    Raises:
        AwsError: ValidationError: a function in the template is wrong.
    """
    try:
        return _differing(tools, stack, plan)
    except TemplateError as error:
        raise from_template(error) from error


def _differing(tools: Toolbox, stack: Stack, plan: Plan) -> list[changes.Change]:
    known = _Known(stack)
    evaluator = plan.evaluator(known, tools.exports(stack.account, stack.region))
    before = _resources_before(stack)
    texts = plan.parameters.texts
    changed = {name for name in texts if stack.values.get(name) != texts[name]}
    modified: set[str] = set()
    found = []
    # In their order: whether one is replaced decides what those that refer to it can know.
    for logical in chain.from_iterable(graph.waves(plan.needs)):
        body = plan.resources[logical]
        existing = stack.resources.get(logical)
        kind = str(body["Type"])
        written = tools.localised(_known_properties(evaluator, body.get("Properties") or {}))
        if existing is None or not existing.physical:
            found.append(
                changes.Change(
                    action="Add",
                    logical=logical,
                    kind=kind,
                    after_context=changes.context(written, body),
                )
            )
            known.unknown.add(logical)
            continue
        properties = written
        details = changes.differences(kind, existing.compared, properties)
        details = changes.explained(
            details,
            kind,
            (before.get(logical) or {}).get("Properties") or {},
            body.get("Properties") or {},
            parameters=changed,
            modified=modified,
            replaced=known.unknown,
        )
        details += changes.metadata(existing.metadata, body.get("Metadata"))
        if kind != existing.kind:
            replaces: changes.Replacement = "True"
        elif details:
            replaces = changes.replacement(details)
        else:
            continue
        if any(each.with_values is not False for each in details):
            modified.add(logical)
        if replaces == "True":
            known.unknown.add(logical)
        found.append(
            changes.Change(
                action="Modify",
                logical=logical,
                kind=kind,
                physical=existing.physical,
                replacement=replaces,
                details=details,
                policy=f"ReplaceAnd{body.get('UpdateReplacePolicy') or 'Delete'}"
                if replaces == "True"
                else "",
                before_context=changes.context(existing.compared, before.get(logical) or {}),
                after_context=changes.context(properties, body),
            )
        )
    found += [
        changes.Change(
            action="Remove",
            logical=name,
            kind=resource.kind,
            physical=resource.physical,
            policy=resource.deletion_policy,
            before_context=changes.context(
                _before_removal(resource, before.get(name)), before.get(name) or {}
            ),
        )
        for name, resource in stack.resources.items()
        if name not in plan.resources
    ]
    secrets = plan.secrets
    return [_masked(each, secrets) for each in found]


def _resources_before(stack: Stack) -> Mapping[str, Any]:
    """Return the resources of the template that a stack was made of."""
    current = stack.current
    if current is None:
        return {}
    template = current.processed or document.parse(current.template).body
    resources: Mapping[str, Any] = template.get("Resources") or {}
    return resources


def _before_removal(resource: Resource, written: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the properties of what goes: what they took from others is not said again."""
    named = (written or {}).get("Properties") or {}
    return {
        name: changes.UNKNOWN
        if any(attribute for _, attribute in graph.mentions(named.get(name)))
        else value
        for name, value in resource.compared.items()
    }


def _masked(change: changes.Change, secrets: list[str]) -> changes.Change:
    """Return a change without the values of parameters that are not shown."""

    def mask(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        return text

    if not secrets:
        return change
    details = tuple(
        replace(each, before=mask(each.before), after=mask(each.after)) for each in change.details
    )
    return replace(
        change,
        details=details,
        before_context=mask(change.before_context),
        after_context=mask(change.after_context),
    )


class _Known:
    """The resources of a stack as they are, without those that an update replaces."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        #: Those whose new values can't be known yet.
        self.unknown: set[str] = set()

    def __contains__(self, logical: str) -> bool:
        return True

    def ref(self, logical: str) -> Any:
        """See :class:`emulator.stack.intrinsics.Resources`."""
        resource = self._stack.resources.get(logical)
        if resource is None or logical in self.unknown:
            raise NotYetKnown(logical)
        return resource.ref or resource.physical

    def attribute(self, logical: str, name: str) -> Any:
        """See :class:`emulator.stack.intrinsics.Resources`."""
        resource = self._stack.resources.get(logical)
        if resource is None or logical in self.unknown:
            raise NotYetKnown(logical, name)
        found: Any = resource.attributes.get(name)
        for part in name.split(".") if found is None else ():
            found = (found or resource.attributes).get(part)
        return resource.properties.get(name) if found is None else found


def _known_properties(evaluator: Evaluator, properties: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in properties.items():
        try:
            resolved = evaluator.resolve(value)
            if resolved is not None:
                found[name] = resolved
        except NotYetKnown:
            found[name] = changes.UNKNOWN
    return found


def anything_changes(stack: Stack, goal: Goal, found: list[changes.Change], plan: Plan) -> bool:
    """Say whether an update has something to do."""
    current = stack.current
    declared = plan.template.get("Outputs") or {}
    return (
        any(each.is_certain for each in found)
        or current is None
        or goal.tags != current.tags
        or _outputs_differ(stack, declared)
    )


def _outputs_differ(stack: Stack, declared: Mapping[str, Any]) -> bool:
    """Say whether a template has other outputs than the one a stack was made of."""
    current = stack.current
    if current is None:
        return True
    before = current.processed or document.parse(current.template).body
    return bool((before.get("Outputs") or {}) != declared)
