"""CDK's cloud assembly (``cdk.out``): its templates, with code where CDK has put it.

Source: https://github.com/aws/aws-cdk/tree/main/packages/aws-cdk-lib/cloud-assembly-schema
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from emulator.model.errors import ConfigurationError
from emulator.project.template import Source
from emulator.stack.finding import MANIFEST

_STACK, _ASSETS, _NESTED = (
    "aws:cloudformation:stack",
    "cdk:asset-manifest",
    "cdk:cloud-assembly",
)
#: Parts of a template that need a bootstrapped account; the emulator has no use for them.
_BOOTSTRAP_PARAMETER, _BOOTSTRAP_RULE = "BootstrapVersion", "CheckBootstrapVersion"
#: The resource by which CDK counts its users.
_METADATA = "AWS::CDK::Metadata"


def sources_of(folder: Path) -> list[Source]:
    """Return the templates of an assembly, each after the templates it depends on.

    Raises:
        ConfigurationError: The assembly can't be read, or has no stack.
    """
    artifacts: Mapping[str, Any] = _read(folder / MANIFEST).get("artifacts") or {}
    assets: dict[str, Path] = {}
    for artifact in artifacts.values():
        if artifact.get("type") == _ASSETS:
            assets |= _assets(folder, folder / str((artifact.get("properties") or {}).get("file")))
    found: dict[str, Source] = {}
    for name in artifacts:
        _add(folder, artifacts, str(name), assets, found, set())
    for artifact in artifacts.values():
        if artifact.get("type") == _NESTED:
            below = folder / str((artifact.get("properties") or {}).get("directoryName"))
            found |= {f"{below}/{s.stack_name}": s for s in sources_of(below)}
    if not found:
        raise ConfigurationError(f"{folder} has no stack: run `cdk synth`")
    return list(found.values())


def _add(
    folder: Path,
    artifacts: Mapping[str, Any],
    name: str,
    assets: Mapping[str, Path],
    found: dict[str, Source],
    seen: set[str],
) -> None:
    artifact = artifacts.get(name)
    if artifact is None or name in seen:
        return
    seen.add(name)
    for needed in artifact.get("dependencies") or ():
        _add(folder, artifacts, str(needed), assets, found, seen)
    properties = artifact.get("properties") or {}
    if artifact.get("type") != _STACK or name in found:
        return
    found[name] = Source(
        path=folder / str(properties.get("templateFile")),
        folder=folder,
        stack_name=str(properties.get("stackName") or name),
        defaults={str(k): str(v) for k, v in (properties.get("parameters") or {}).items()},
        inputs=(folder / MANIFEST,),
        prepare=partial(_prepared, assets=assets),
    )


def _assets(folder: Path, manifest: Path) -> dict[str, Path]:
    """Return the files of an asset manifest by their keys in the assets' bucket."""
    found: dict[str, Path] = {}
    for asset in (_read(manifest).get("files") or {}).values():
        path = folder / str((asset.get("source") or {}).get("path"))
        for destination in (asset.get("destinations") or {}).values():
            found[str(destination.get("objectKey"))] = path
    return found


def _prepared(body: dict[str, Any], *, assets: Mapping[str, Path]) -> dict[str, Any]:
    """Return a template with paths in place of assets, without the parts for bootstrapping."""
    body = dict(body)
    for section, name in (("Parameters", _BOOTSTRAP_PARAMETER), ("Rules", _BOOTSTRAP_RULE)):
        body[section] = {k: v for k, v in (body.get(section) or {}).items() if k != name}
        if not body[section]:
            del body[section]
    resources = {
        logical: _with_paths(resource, assets)
        for logical, resource in (body.get("Resources") or {}).items()
        if resource.get("Type") != _METADATA
    }
    return {**body, "Resources": resources}


def _with_paths(resource: Mapping[str, Any], assets: Mapping[str, Path]) -> dict[str, Any]:
    properties = dict(resource.get("Properties") or {})
    for name in ("Code", "Content"):
        code = properties.get(name)
        if isinstance(code, dict) and code.get("S3Key") in assets:
            properties[name] = str(assets[code["S3Key"]])
    url = json.dumps(properties.get("TemplateURL", ""))
    for key, path in assets.items():
        if "TemplateURL" in properties and key in url:
            properties["TemplateURL"] = str(path)
    return {**resource, "Properties": properties} if properties else dict(resource)


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}") from error
    if not isinstance(body, dict):
        raise ConfigurationError(f"{path} is no document of CDK's")
    return body
