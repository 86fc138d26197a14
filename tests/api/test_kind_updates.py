"""What an update of each property of a resource type does to the real thing, and what its removal
leaves: each is read back through its service's own API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.services.table import Table
from emulator.stack import schemas
from tests.api.conftest import Running, zip_of
from tests.api.kind_cases import CASES
from tests.api.kind_cases.case import CODE_BUCKET, Also
from tests.api.stacks import Stacks
from tests.patience import until

#: Nothing here is quick but what only reads declarations.
pytestmark = pytest.mark.slow

#: Members that tell when or how often something was changed.
_VOLATILE = {
    "AlarmConfigurationUpdatedTimestamp",
    "CodeSha256",
    "CodeSize",
    "DeploymentId",
    "LastDeploymentStatusMessage",
    "LastAuthorizedTime",
    "LastModificationDate",
    "LastUpdatedTime",
    "ModifiedAt",
    "NextRotationDate",
    "PolicyRevisionId",
    "LastModified",
    "LastModifiedTime",
    "LastModifiedTimestamp",
    "LastProcessingResult",
    "LastUpdateToPayPerRequestDateTime",
    "LastUpdatedDate",
    "ResponseMetadata",
    "RevisionId",
    "StateTransitionedTimestamp",
    "StateUpdatedTimestamp",
    "SubscriptionsDeleted",
    "LastUpdateDateTime",
    "lastUpdatedDate",
    "revisionId",
    "updateDate",
}


_NOTHING: tuple[Any, ...] = (None, "", {}, [], False, "Suspended", "STANDARD")
#: Members whose being there says something, without more in them.
_MEANT = {"EventBridgeConfiguration"}


def _steady(value: Any) -> Any:
    """Return an answer without what each change changes, and lists of it in one order.

    What says nothing is as if it were not there.
    """
    if isinstance(value, dict):
        found = {k: _steady(v) for k, v in value.items() if k not in _VOLATILE}
        return {k: v for k, v in found.items() if v not in _NOTHING or k in _MEANT}
    if isinstance(value, (list, tuple)):
        return sorted((_steady(each) for each in value), key=repr)
    return value


def _without(value: Any, left: frozenset[str]) -> Any:
    """Return an answer without some members, wherever they are."""
    if isinstance(value, dict):
        return {k: _without(v, left) for k, v in value.items() if k not in left}
    return [_without(each, left) for each in value] if isinstance(value, list) else value


class Swept:
    """A stack with the resource of a case."""

    def __init__(self, running: Running, name: str) -> None:
        self.case, self.kind = CASES[name], _kind(name)
        self._running, self._stacks, self._is_there = running, Stacks(running), False
        self.client = self._stacks.client
        if CODE_BUCKET in json.dumps([self.case.base, self.case.beside]):
            s3 = running.client("s3")
            s3.create_bucket(Bucket=CODE_BUCKET)
            for key in ("layer", "other"):
                s3.put_object(
                    Bucket=CODE_BUCKET, Key=f"{key}.zip", Body=zip_of(**{f"{key}__py": ""})
                )

    @property
    def physical(self) -> str:
        """The resource's physical id."""
        return self._stacks.physical("swept")["R"]

    def look(self, physical: str = "") -> Any:
        """Return what the service says of the resource, without what each change changes."""
        if self.kind == "AWS::SecretsManager::RotationSchedule":
            # What a rotation tries goes on after the stack has been made.
            until(lambda: not self._running.call(self._rotating))
        ids = self._stacks.physical("swept")
        said = self.case.look(
            self._running.client, {**ids, **({"R": physical} if physical else {})}
        )
        return _steady(said)

    async def _rotating(self) -> Any:
        return (await self._running.emulator.table.state("secretsmanager")).rotating

    def resources(self, **changes: Any) -> dict[str, Any]:
        """Return the resources of a template, with the properties that are other than usual."""
        properties = {**self.case.base, **changes}
        properties = {name: value for name, value in properties.items() if value is not None}
        return {
            **self.without(),
            "R": {
                "Type": self.kind,
                "Properties": properties,
                "DependsOn": sorted(self.case.beside or {}),
            },
        }

    def without(self) -> dict[str, Any]:
        """Return what the resource needs."""
        return {**(self.case.beside or {}), "Filler": {"Type": "AWS::SQS::Queue"}}

    def deploy(self, resources: Mapping[str, Any], **more: Any) -> None:
        """Have the stack be so.

        Raises:
            AssertionError: It is not.
        """
        done = "UPDATE_COMPLETE" if self._is_there else "CREATE_COMPLETE"
        assert self._deployed(resources, **more) == done, "\n".join(self.reasons())

    def refuse(self, resources: Mapping[str, Any]) -> None:
        """Have an update fail.

        Raises:
            AssertionError: It does not, or what it changed was not undone.
        """
        assert self._deployed(resources) == "UPDATE_ROLLBACK_COMPLETE", "\n".join(self.reasons())

    def _deployed(self, resources: Mapping[str, Any], **more: Any) -> str:
        change = self.client.update_stack if self._is_there else self.client.create_stack
        change(
            StackName="swept",
            TemplateBody=json.dumps({"Resources": resources, **more}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self._is_there = True
        return str(self._stacks.settled("swept")["StackStatus"])

    def reasons(self) -> list[str]:
        """Return the reasons of the stack's events, the newest first."""
        return [each for each in self._stacks.reasons("swept") if each]

    def drifted(self) -> str:
        """Return how the resource differs from its template; "" where AWS or we can't tell."""
        with suppress(ClientError):
            request = {"StackName": "swept", "LogicalResourceId": "R"}
            found = self.client.detect_stack_resource_drift(**request)["StackResourceDrift"]
            return str(found.get("PropertyDifferences") or "")
        return ""


def _differing(one: Any, other: Any) -> str:
    """Return where two answers differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted(one.keys() | other.keys())
        return ", ".join(
            f"{name} {_differing(one.get(name), other.get(name))}"
            for name in names
            if one.get(name) != other.get(name)
        )
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        found = (_differing(*each) for each in zip(one, other, strict=True))
        return ", ".join(each for each in found if each)
    return "" if one == other else f"was {one} and is {other}"


def _kind(name: str) -> str:
    """Return the type of a case: a type may have several."""
    return name.partition(" ")[0]


def _said(name: str, value: Any) -> dict[str, Any]:
    return value if isinstance(value, Also) else {name: value}


#: What fails once the resource has been changed.
_BAD = {
    "Bad": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": -1}, "DependsOn": "R"}
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_each_property_changes_the_real_thing(emptied: Running, name: str) -> None:
    swept = Swept(emptied, name)
    swept.deploy(swept.without())
    nothing = swept.look("absent")
    swept.deploy(swept.resources())
    physical, first = swept.physical, swept.look()
    assert first != nothing or swept.case.stays
    faults, before, left = [], first, swept.case.left
    for changed, value in swept.case.changes.items():
        resources = swept.resources(**_said(changed, value))
        swept.refuse({**resources, **_BAD})
        if difference := _differing(*(_without(each, left) for each in (before, swept.look()))):
            faults.append(f"{changed} is not rolled back: {difference}")
        swept.deploy(resources)
        if swept.physical != physical:
            faults.append(f"{changed} replaces it")
            physical = swept.physical
        found = swept.look()
        if found in (before, first) and changed != "Code":
            faults.append(f"{changed} does nothing")
        before = found
        if swept.drifted():
            faults.append(f"{changed} drifts: {swept.drifted()}")
    assert not faults, "\n".join(faults)
    if swept.case.changes:
        swept.deploy(swept.resources())
    assert _without(swept.look(), left) == _without(first, left)
    swept.deploy(swept.without())
    if not swept.case.stays:
        assert _without(swept.look(physical), left) == _without(nothing, left)


@pytest.mark.parametrize("name", sorted(name for name in CASES if CASES[name].replaces))
def test_what_only_a_creation_can_set_makes_another_one(emptied: Running, name: str) -> None:
    swept = Swept(emptied, name)
    swept.deploy(swept.resources())
    for changed, value in swept.case.replaces.items():
        before = swept.physical
        swept.deploy(swept.resources(**_said(changed, value)))
        assert swept.physical != before, changed
        swept.deploy(swept.resources())


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_attribute_of_a_type_is_known(emptied: Running, name: str) -> None:
    swept, schema = Swept(emptied, name), schemas.find(_kind(name))
    assert schema is not None
    names = [
        name
        for name in sorted(schema.read_only)
        if not name.startswith(_NOT_TOLD.get(swept.kind, "-"))
        # An object is no output; what is in it is.
        and not any(each.startswith(f"{name}.") for each in schema.read_only)
    ]
    outputs = {
        f"A{number}": {"Value": {"Fn::GetAtt": ["R", name]}} for number, name in enumerate(names)
    }
    swept.deploy(swept.resources(), Outputs={**outputs, "Ref": {"Value": {"Ref": "R"}}})
    assert swept.drifted() == ""


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_a_type_has_not_is_refused(emptied: Running, name: str) -> None:
    swept = Swept(emptied, name)
    swept.deploy(swept.resources())
    first = swept.look()
    swept.refuse(swept.resources(Nonsense="1"))
    said = "Encountered unsupported properties in {/}: [Nonsense]"
    assert any(said in each for each in swept.reasons())
    assert swept.look() == first


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_is_retained_stays(emptied: Running, name: str) -> None:
    swept = Swept(emptied, name)
    resources = swept.resources()
    resources["R"]["DeletionPolicy"] = "Retain"
    swept.deploy(resources)
    physical, first = swept.physical, swept.look()
    swept.deploy(swept.without())
    left = swept.case.left
    assert _without(swept.look(physical), left) == _without(first, left)


def _kinds() -> dict[str, Any]:
    """Return the types that services serve."""
    served = [each for each in Table().services if "kinds" in each.spec.modules]
    return {name: kind for each in served for name, kind in each.module("kinds").KINDS.items()}


def test_every_type_is_swept() -> None:
    assert sorted({_kind(name) for name in CASES}) == sorted(_kinds())


#: What attributes begin with that are not there: nothing acts on their property, the resource has
#: none, or they are objects.
_NOT_TOLD: dict[str, str | tuple[str, ...]] = {
    "AWS::DynamoDB::GlobalTable": "StreamArn",
    "AWS::DynamoDB::Table": "StreamArn",
    "AWS::Events::Connection": ("AuthParameters", "InvocationConnectivityParameters"),
    "AWS::Kinesis::Stream": "WarmThroughputObject",
    "AWS::S3::Bucket": "Metadata",
}
