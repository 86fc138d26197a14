"""ECR's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_ECR.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import Call, Kind, Made, ServiceKind, Wanted, forgiving
from emulator.stack.tagging import Tagging, merge_tags

_TAGGING = Tagging(service="ecr")


class Repository(ServiceKind):
    """AWS::ECR::Repository."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name("RepositoryName", longest=256, lower=True)
        values = {_member(key): value for key, value in wanted.properties.items()}
        encryption = values.get("encryptionConfiguration") or {}
        if encryption:
            values["encryptionConfiguration"] = {_member(k): v for k, v in encryption.items()}
        request = call.fit("ecr", "CreateRepository", {**values, **_changing(wanted.properties)})
        request |= {"repositoryName": name}
        tags = merge_tags(wanted.tags, wanted.properties.get("Tags"))
        if tags:
            request["tags"] = tags
        made = (await call("ecr", "CreateRepository", request))["repository"]
        try:
            await self._apply(call, name, {}, wanted.properties)
        except AwsError:
            await call("ecr", "DeleteRepository", {"repositoryName": name, "force": True})
            raise
        attributes = {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]}
        return Made(physical=name, attributes=attributes)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        named = {"repositoryName": made.physical}
        changing = _changing(wanted.properties)
        scanning = {"imageScanningConfiguration": changing["imageScanningConfiguration"]}
        await call("ecr", "PutImageScanningConfiguration", {**named, **scanning})
        mutability = {key: changing[key] for key in changing.keys() - scanning.keys()}
        await call("ecr", "PutImageTagMutability", {**named, **mutability})
        await self._apply(call, made.physical, before, wanted.properties)
        await _TAGGING.change(call, made.attributes["Arn"], before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        force = str(properties.get("EmptyOnDelete", "")).lower() == "true"
        request = {"repositoryName": made.physical, "force": force}
        await forgiving(call, "ecr", "DeleteRepository", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("RepositoryName", longest=256, lower=True)
        found = await forgiving(call, "ecr", "DescribeRepositories", {"repositoryNames": [name]})
        return [] if found is None else [Made(physical=name)]

    async def _apply(
        self, call: Call, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Put the repository's documents, and remove those that are not wanted any more."""
        named = {"repositoryName": name}
        lifecycle = (after.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
        if lifecycle:
            request = {**named, "lifecyclePolicyText": _text(lifecycle)}
            await call("ecr", "PutLifecyclePolicy", request)
        elif before.get("LifecyclePolicy"):
            await call("ecr", "DeleteLifecyclePolicy", named)
        if after.get("RepositoryPolicyText"):
            request = {**named, "policyText": _text(after["RepositoryPolicyText"])}
            await call("ecr", "SetRepositoryPolicy", request)
        elif before.get("RepositoryPolicyText"):
            await call("ecr", "DeleteRepositoryPolicy", named)


def _member(name: str) -> str:
    """Return a property's name as the API has it."""
    return name[0].lower() + name[1:]


def _changing(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of what can be changed in place."""
    scanning = properties.get("ImageScanningConfiguration") or {}
    scans = str(scanning.get("ScanOnPush", "")).lower() == "true"
    exclusions = [
        {"filterType": each.get("ImageTagMutabilityExclusionFilterType", "WILDCARD"),
         "filter": each.get("ImageTagMutabilityExclusionFilterValue", "")}
        for each in properties.get("ImageTagMutabilityExclusionFilters") or []
    ]  # fmt: skip
    return {
        "imageScanningConfiguration": {"scanOnPush": scans},
        "imageTagMutability": str(properties.get("ImageTagMutability") or "MUTABLE"),
        **({"imageTagMutabilityExclusionFilters": exclusions} if exclusions else {}),
    }


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


KINDS: dict[str, Kind] = {"AWS::ECR::Repository": Repository()}
