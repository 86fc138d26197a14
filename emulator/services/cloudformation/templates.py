"""Operations on templates: get, validate, summarise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from emulator.services.cloudformation import capabilities
from emulator.services.cloudformation.change_sets import find_change_set
from emulator.services.cloudformation.lookup import (
    from_template,
    refused,
    stack_of,
    template_of,
)
from emulator.services.context import Context, Request, Response
from emulator.stack import checks, document, parameters, schemas, sections
from emulator.stack.errors import TemplateError

_WHY = {
    "CAPABILITY_IAM": "The following resource(s) require capabilities: [{}]",
    "CAPABILITY_NAMED_IAM": "The following resource(s) require capabilities: [{}]",
    "CAPABILITY_AUTO_EXPAND": "The following resource(s) require capabilities: [{}]",
}


async def get_template(ctx: Context, request: Request) -> Response:
    """Handle GetTemplate: of a stack, or of a change set."""
    if request.get("ChangeSetName"):
        if not request.get("StackName") and not str(request["ChangeSetName"]).startswith("arn:"):
            raise refused("StackName is a required parameter.")
        goal = find_change_set(ctx, request)[0].goal
    else:
        if not request.get("StackName"):
            raise refused("Either StackName or ChangeSetName must be specified.")
        stack = stack_of(ctx, str(request["StackName"]))
        found = stack.current or stack.goal
        if found is None:
            # A stack that only has a change set: clients ask for it, and take it for empty.
            return {"TemplateBody": "", "StagesAvailable": ["Original", "Processed"]}
        goal = found
    body = goal.template
    if request.get("TemplateStage") == "Processed" and goal.processed is not None:
        body = orjson.dumps(goal.processed).decode()
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


async def validate_template(ctx: Context, request: Request) -> Response:
    """Handle ValidateTemplate."""
    template = await _parsed(ctx, request)
    needed = capabilities.wanted(template)
    return {
        "Parameters": [
            {
                "ParameterKey": name,
                "DefaultValue": _default(body),
                "NoEcho": _is_hidden(body),
                "Description": body.get("Description"),
            }
            for name, body in (template.get("Parameters") or {}).items()
        ],
        "Description": template.get("Description"),
        "Capabilities": needed or None,
        "CapabilitiesReason": _reason(template, needed),
        "DeclaredTransforms": sections.transforms(template) or None,
    }


async def get_template_summary(ctx: Context, request: Request) -> Response:
    """Handle GetTemplateSummary."""
    template = await _parsed(ctx, request)
    needed = capabilities.wanted(template)
    declared = sections.without_loops(template.get("Resources") or {})
    # What a macro will put there has no type yet.
    resources = {name: body for name, body in declared.items() if "Type" in body}
    metadata = template.get("Metadata")
    return {
        "Parameters": [
            {
                "ParameterKey": name,
                "DefaultValue": _default(body),
                "ParameterType": body.get("Type", "String"),
                "NoEcho": _is_hidden(body),
                "Description": body.get("Description"),
                "ParameterConstraints": {
                    "AllowedValues": [str(each) for each in body.get("AllowedValues") or []]
                },
            }
            for name, body in (template.get("Parameters") or {}).items()
        ],
        "Description": template.get("Description"),
        "Capabilities": needed or None,
        "CapabilitiesReason": _reason(template, needed),
        "ResourceTypes": sorted({str(each["Type"]) for each in resources.values()}),
        "Version": template.get("AWSTemplateFormatVersion"),
        "Metadata": orjson.dumps(metadata).decode() if metadata else None,
        "DeclaredTransforms": sections.transforms(template) or None,
        "ResourceIdentifierSummaries": _identifiers(resources),
    }


def _identifiers(resources: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what resources are imported by: for each type the properties that name them."""
    found: dict[str, list[str]] = {}
    for logical, body in resources.items():
        found.setdefault(str(body.get("Type")), []).append(logical)
    return [
        {
            "ResourceType": kind,
            "LogicalResourceIds": names,
            "ResourceIdentifiers": list(schema.primary),
        }
        for kind, names in sorted(found.items())
        if (schema := schemas.find(kind)) is not None and schema.primary
    ]


async def _parsed(ctx: Context, request: Request) -> dict[str, Any]:
    try:
        if request.get("StackName"):
            goal = (stack := stack_of(ctx, str(request["StackName"]))).current or stack.goal
            text = goal.template if goal is not None else ""
        else:
            text = await template_of(ctx, request)
        template = document.parse(text).body
        sections.check(template)
        if not capabilities.is_transformed(template):
            checks.refuse(template, (*(template.get("Parameters") or {}), *parameters.PSEUDO))
    except TemplateError as error:
        raise from_template(error) from error
    return template


def _default(body: Mapping[str, Any]) -> str | None:
    value = body.get("Default")
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _is_hidden(body: Mapping[str, Any]) -> bool:
    return str(body.get("NoEcho", "")).lower() == "true"


def _reason(template: Mapping[str, Any], needed: list[str]) -> str | None:
    if not needed:
        return None
    kinds = sorted(
        {
            str(body["Type"])
            for body in sections.without_loops(template.get("Resources") or {}).values()
            if str(body.get("Type", "")).startswith("AWS::IAM::")
        }
    )
    return _WHY[needed[0]].format(", ".join(kinds or sections.transforms(template)))
