"""Deploys a template, or the folder of a function, while the emulator runs: into any account."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.model.errors import ConfigurationError
from emulator.project.given import Given, as_text
from emulator.stack import conventional
from emulator.stack.finding import TEMPLATES, find_assembly, find_template
from emulator.stack.packaging import LIVE, Local

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: A role that nobody checks.
_ROLE = "arn:aws:iam::{}:role/localfaas"
_FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What was deployed."""

    #: Names of functions, by their names in the template.
    functions: Mapping[str, str]
    #: Physical ids, by names in the template.
    resources: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    #: "" for the folder of a function.
    stack_name: str = ""
    #: Sentences on what is other than declared.
    notes: list[str] = field(default_factory=list)


async def deploy(
    parts: Parts,
    path: Path,
    *,
    account: str,
    region: str,
    stack_name: str = "",
    parameters: Mapping[str, Any] | None = None,
) -> Deployed:
    """Deploy what is at a path; what is deployed there already is updated.

    Its code is served from where it lies.

    Args:
        parts: The parts of the emulator.
        path: Absolute: a template, a folder with one, CDK's output, or a folder of functions.
        account: Whose it is.
        region: Where it is.
        stack_name: The stack's; "" leaves it to samconfig.toml.
        parameters: The template's: texts, numbers, truths, or lists of them.

    Raises:
        ConfigurationError: It can't be had; with the reason of each resource that can't.
        AwsError: A function of a folder is refused.
    """
    template = await asyncio.to_thread(find_template, path)
    assembly = None if template else await asyncio.to_thread(find_assembly, path)
    if template is None and assembly is None:
        if parameters:
            raise ConfigurationError(
                f"{path} is no template: the parameter {min(parameters)} has no meaning for it"
            )
        return await _functions(parts, path, account, region)
    return await _stacks(parts, path, account, region, stack_name, parameters or {})


async def _stacks(
    parts: Parts,
    path: Path,
    account: str,
    region: str,
    stack_name: str,
    parameters: Mapping[str, Any],
) -> Deployed:
    from emulator.project.sources import find_sources
    from emulator.project.template import TemplateStack

    sources = await asyncio.to_thread(find_sources, [path], stack_name)
    given = Given(parameters={name: as_text(value) for name, value in parameters.items()})
    local = Local(account=account)
    functions: dict[str, str] = {}
    resources: dict[str, str] = {}
    outputs: dict[str, str] = {}
    notes: list[str] = []
    for source in sources:
        stack = TemplateStack(source, parts, given, local, account=account, region=region)
        declared = await asyncio.to_thread(stack.declared)
        unknown = sorted(parameters.keys() - declared)
        if unknown:
            known = ", ".join(sorted(declared)) or "none"
            raise ConfigurationError(
                f"{source.path.name} has no parameter {unknown[0]}; it has {known}"
            )
        notes += await stack.deploy()
        outcome = stack.outcome
        assert outcome is not None
        if outcome.failures:
            reasons = (f"{name}: {reason}" for name, reason in outcome.failures.items())
            raise ConfigurationError(f"{source.path}: {'; '.join(reasons)}")
        for name, resource in outcome.stack.resources.items():
            resources[name] = resource.physical
            if resource.kind in _FUNCTIONS:
                functions[name] = resource.physical
        outputs |= {each["OutputKey"]: each["OutputValue"] for each in outcome.stack.outputs}
    return Deployed(
        functions=functions,
        resources=resources,
        outputs=outputs,
        stack_name=sources[0].stack_name,
        notes=notes,
    )


async def _functions(parts: Parts, folder: Path, account: str, region: str) -> Deployed:
    found, notes = await asyncio.to_thread(conventional.read, folder, TEMPLATES)
    for each in found:
        parts.code_roots.add(each.folder)
        request: dict[str, Any] = {
            "FunctionName": each.name,
            "Role": _ROLE.format(account),
            "Code": {"S3Bucket": LIVE, "S3Key": str(each.folder)},
            "Handler": each.handler,
            "Runtime": each.runtime,
            "MemorySize": each.memory_mb,
        }
        if parts.registry.find(account, region, each.name) is None:
            operation = "CreateFunction"
        else:
            operation = "UpdateFunctionCode"
            request = {"FunctionName": each.name, **request["Code"]}
        await parts.table.call("lambda", operation, request, account=account, region=region)
    return Deployed(functions={each.name: each.name for each in found}, notes=notes)
