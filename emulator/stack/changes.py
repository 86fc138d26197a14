"""Which resources of a stack a new template changes: pure decisions.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
using-cfn-updating-stacks-update-behaviors.html
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from emulator.stack import graph, schemas

Action = Literal["Add", "Modify", "Remove"]
Replacement = Literal["True", "False", "Conditional"]

#: A value that is known only once another resource has changed.
UNKNOWN = object()
#: The text for it in change sets.
KNOWN_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
#: What change sets show of a resource beside its properties, where its template has it.
_ATTRIBUTES = (
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "UpdateReplacePolicy",
    "DeletionPolicy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One property that makes a resource change."""

    #: "Properties", "Tags" or "Metadata".
    attribute: str
    #: The name of the top-level property; "" for tags and metadata.
    name: str
    #: Whether a change of the property replaces the resource: "Always", "Never", "Conditionally".
    recreation: Literal["Always", "Never", "Conditionally"]
    #: "Static", or "Dynamic" where the new value is not known yet.
    evaluation: Literal["Static", "Dynamic"]
    #: The present and the future value as text; "" for no value or one that is not known yet.
    before: str = ""
    after: str = ""
    #: Why it changes: "DirectModification" of the template, a "ParameterReference", or another
    #: resource: a "ResourceReference" or a "ResourceAttribute".
    source: str = "DirectModification"
    #: The parameter, resource or "resource.attribute" that makes it change; "" for the template.
    cause: str = ""
    #: Shown only where a change set is shown with the values of properties (True), or only where
    #: it is shown without them (False).
    with_values: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one resource."""

    action: Action
    logical: str
    kind: str
    #: The physical id of the existing resource; "" for a resource to be added.
    physical: str = ""
    #: Whether another resource replaces it. For modifications only.
    replacement: Replacement | None = None
    details: tuple[Detail, ...] = ()
    #: The fate of a removed or replaced resource: "Delete", "ReplaceAndRetain", ….
    policy: str = ""
    #: All present and all future properties as JSON; "" if there are none.
    before_context: str = ""
    after_context: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether more is known than that another resource may change it."""
        return not self.details or any(each.with_values is not False for each in self.details)


def differences(
    kind: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Detail, ...]:
    """Return the properties that differ.

    Args:
        kind: The resource's type.
        before: The properties that the resource was created with, resolved.
        after: The properties it is to have; :data:`UNKNOWN` stands for values not known yet.
    """
    return tuple(_differences(kind, before, after))


def explained(
    details: Iterable[Detail],
    kind: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    parameters: Collection[str],
    modified: Collection[str],
    replaced: Collection[str],
) -> tuple[Detail, ...]:
    """Say why properties change, as change sets say it: each reason is a detail of its own.

    Args:
        details: What differs.
        kind: The resource's type.
        before: The properties as the present template has them, functions and all.
        after: The properties as the new template has them.
        parameters: The parameters whose values change.
        modified: The resources that change.
        replaced: Those among them that others take the place of.
    """
    found: list[Detail] = []
    differing = {each.name or "Tags": each for each in details}
    for name in sorted(after.keys() | differing.keys()):
        detail = differing.get(name)
        causes = list(_causes(after.get(name), parameters, modified, replaced))
        if detail is None:
            # A value that may change, but only when the other resource has changed.
            found += [
                Detail(
                    attribute="Tags" if name == "Tags" else "Properties",
                    name="" if name == "Tags" else name,
                    recreation=_recreation(kind, name, {name: 1}, {name: 2}),
                    evaluation=evaluation,
                    source=source,
                    cause=cause,
                    with_values=False,
                )
                for source, cause, evaluation in causes
                if source != "ParameterReference"
            ]
            continue
        for source, cause, evaluation in causes:
            found.append(replace(detail, source=source, cause=cause, evaluation=evaluation))
        is_written_anew = before.get(name) != after.get(name)
        by_resources = bool(causes) and all(each[0] != "ParameterReference" for each in causes)
        found.append(
            replace(
                detail,
                evaluation="Dynamic" if causes else "Static",
                with_values=True if by_resources and not is_written_anew else None,
            )
        )
    return tuple(found)


def _causes(
    value: Any, parameters: Collection[str], modified: Collection[str], replaced: Collection[str]
) -> Iterator[tuple[str, str, Literal["Static", "Dynamic"]]]:
    """Yield source, causing entity and evaluation of what makes a value change."""
    for name, attribute in dict.fromkeys(graph.mentions(value)):
        certain: Literal["Static", "Dynamic"] = "Static" if name in replaced else "Dynamic"
        if name in parameters:
            yield "ParameterReference", name, "Static"
        elif name in modified and attribute:
            yield "ResourceAttribute", f"{name}.{attribute}", certain
        elif name in replaced:
            yield "ResourceReference", name, certain


def replacement(details: tuple[Detail, ...]) -> Replacement:
    """Say whether changes of these properties replace the resource."""
    if any(each.recreation == "Always" and each.evaluation == "Static" for each in details):
        return "True"
    if any(each.recreation != "Never" for each in details):
        return "Conditional"
    return "False"


def _differences(
    kind: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Detail]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        dynamic = contains_unknown(new)
        if dynamic or old != new:
            yield Detail(
                attribute="Tags" if name == "Tags" else "Properties",
                name="" if name == "Tags" else name,
                recreation=_recreation(kind, name, before, after),
                evaluation="Dynamic" if dynamic else "Static",
                before=_shown(old),
                after=_shown(new),
            )


def metadata(before: Any, after: Any) -> tuple[Detail, ...]:
    """Return how a resource's metadata differ."""
    if (before or {}) == (after or {}):
        return ()
    return (Detail(attribute="Metadata", name="", recreation="Never", evaluation="Static"),)


def context(properties: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """Return a resource as a change set shows it, with a fixed text for unknown values.

    Args:
        properties: Its properties, worked out.
        body: The resource as its template has it.
    """
    attributes = {name: body[name] for name in _ATTRIBUTES if body.get(name)}
    return _compact({"Properties": properties, **attributes})


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=_as_text)


def _as_text(value: Any) -> str:
    return KNOWN_LATER if value is UNKNOWN else str(value)


def _shown(value: Any) -> str:
    if value is None or contains_unknown(value):
        return "" if value is None else KNOWN_LATER
    return value if isinstance(value, str) else _compact(value)


def contains_unknown(value: Any) -> bool:
    """Say whether a value depends on one that is not known yet."""
    if isinstance(value, dict):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return value is UNKNOWN


def _recreation(
    kind: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Literal["Always", "Never", "Conditionally"]:
    schema = schemas.find(kind)
    if schema is None:
        return "Always" if name == "ServiceToken" else "Never"
    for path in schema.create_only:
        if path.split(".", 1)[0] == name and _at(before, path) != _at(after, path):
            return "Always"
    for path in schema.perhaps_create_only:
        if path.split(".", 1)[0] == name and _at(before, path) != _at(after, path):
            return "Conditionally"
    return "Never"


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
