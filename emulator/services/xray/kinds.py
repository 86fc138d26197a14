"""X-Ray's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_XRay.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    ServiceKind,
    TableKind,
    Wanted,
    every,
)
from emulator.stack.tagging import Tagging, merge_tags

_SERVICE = "xray"


_TAGGING = Tagging(service=_SERVICE)


class _Listed(ServiceKind):
    """A resource with a name and an ARN, found by its list: X-Ray has no error for what is gone."""

    lists = listed = member = name = arn = ""

    async def _find(self, call: Call, name: str) -> str | None:
        """Return the ARN of the resource with a name; None: there is none."""
        for item in await every(call, _SERVICE, self.lists, {}, self.listed):
            found = item.get(self.member, item)
            if found[self.name] == name:
                return str(found[self.arn])
        return None

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        arn = await self._find(call, self._name(wanted))
        return [] if arn is None else [self._made(arn)]

    def _name(self, wanted: Wanted) -> str:
        return wanted.name(self.name, longest=32)

    def _made(self, arn: str) -> Made:
        return Made(physical=arn, attributes={self.arn: arn})

    async def _is_there(self, call: Call, made: Made) -> bool:
        items = await every(call, _SERVICE, self.lists, {}, self.listed)
        return any(each.get(self.member, each)[self.arn] == made.physical for each in items)


class Group(_Listed):
    """AWS::XRay::Group."""

    lists, listed, name, arn = "GetGroups", "Groups", "GroupName", "GroupARN"

    async def create(self, call: Call, wanted: Wanted) -> Made:
        values = {**wanted.properties, "GroupName": self._name(wanted)}
        values["Tags"] = merge_tags(wanted.tags, wanted.properties.get("Tags"))
        made = await call(_SERVICE, "CreateGroup", call.fit(_SERVICE, "CreateGroup", values))
        return self._made(made["Group"]["GroupARN"])

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        if before.get("GroupName") != wanted.properties.get("GroupName"):
            raise NotImplementedError  # X-Ray gives no group another name
        usual = {"FilterExpression": "", "InsightsConfiguration": {"InsightsEnabled": False}}
        values = {**usual, **wanted.properties, "GroupARN": made.physical}
        values.pop("GroupName", None)
        await call(_SERVICE, "UpdateGroup", call.fit(_SERVICE, "UpdateGroup", values))
        await _TAGGING.change(call, made.physical, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        if await self._is_there(call, made):
            await call(_SERVICE, "DeleteGroup", {"GroupARN": made.physical})


class SamplingRule(_Listed):
    """AWS::XRay::SamplingRule."""

    lists, listed, member = "GetSamplingRules", "SamplingRuleRecords", "SamplingRule"
    name, arn = "RuleName", "RuleARN"

    async def create(self, call: Call, wanted: Wanted) -> Made:
        values = {
            "SamplingRule": {
                "Version": 1,
                **_rule(wanted.properties),
                "RuleName": self._name(wanted),
            },
            "Tags": merge_tags(wanted.tags, wanted.properties.get("Tags")),
        }
        request = call.fit(_SERVICE, "CreateSamplingRule", values)
        made = await call(_SERVICE, "CreateSamplingRule", request)
        return self._made(made["SamplingRuleRecord"]["SamplingRule"]["RuleARN"])

    def _name(self, wanted: Wanted) -> str:
        named = _rule(wanted.properties).get("RuleName") or wanted.properties.get("RuleName")
        return str(named) if named else super()._name(wanted)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        rule = _rule(wanted.properties)
        if _rule(before).get("RuleName") != rule.pop("RuleName", None):
            raise NotImplementedError  # X-Ray gives no rule another name
        values = {"SamplingRuleUpdate": {"Attributes": {}, **rule, "RuleARN": made.physical}}
        request = call.fit(_SERVICE, "UpdateSamplingRule", values)
        await call(_SERVICE, "UpdateSamplingRule", request)
        await _TAGGING.change(call, made.physical, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        if await self._is_there(call, made):
            await call(_SERVICE, "DeleteSamplingRule", {"RuleARN": made.physical})


def _rule(properties: Mapping[str, Any]) -> dict[str, Any]:
    return dict(properties.get("SamplingRule") or {})


KINDS: dict[str, Kind] = {
    "AWS::XRay::Group": Group(),
    "AWS::XRay::ResourcePolicy": TableKind(
        service=_SERVICE,
        create_operation="PutResourcePolicy",
        update_operation="PutResourcePolicy",
        delete_operation="DeleteResourcePolicy",
        name="PolicyName",
        name_length=128,
        identifier={"PolicyName": "{PolicyName}"},
        ref="{PolicyName}",
    ),
    "AWS::XRay::SamplingRule": SamplingRule(),
}
